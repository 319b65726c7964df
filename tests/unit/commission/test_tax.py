"""Tax tables at every edge, by hand: yuan in, yuan out."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.commission.domain.tax import (
    BUILT_IN,
    NOTHING,
    Before,
    NotATable,
    cumulative,
    flat,
    months_through,
    parse,
    per_payment,
    withheld,
)
from fenxiao.kernel.money import to_minor

LAWS: Mapping[str, Any] = {strategy: parse(strategy, document) for strategy, _, _, document in BUILT_IN}
PAYMENT, PLATFORM = LAWS["cn_per_payment"], LAWS["cn_platform_cumulative"]


def fen(yuan: str) -> int:
    return to_minor(yuan, "CNY")


# 劳务报酬 of one payment, from the text of the law: what is paid, what is withheld.
PER_PAYMENT = [
    ("0.01", "0"), ("799.99", "0"), ("800.00", "0"), ("800.02", "0"), ("800.03", "0.01"), ("801", "0.20"),
    ("1000", "40"), ("3999.99", "640"), ("4000.00", "640"), ("4000.01", "640"), ("4000.04", "640.01"),
    ("5000", "800"), ("10000", "1600"),
    # t = 20,000 is x = 25,000; t = 50,000 is x = 62,500.
    ("24999.99", "4000"), ("25000", "4000"), ("25000.01", "4000"), ("25000.05", "4000.01"), ("30000", "5200"),
    ("62499.99", "13000"), ("62500", "13000"), ("62500.01", "13000"), ("62500.05", "13000.02"), ("100000", "25000"),
]  # fmt: skip


@pytest.mark.parametrize(("paid", "tax"), PER_PAYMENT)
def test_per_payment(paid: str, tax: str) -> None:
    assert per_payment(fen(paid), NOTHING, PAYMENT) == fen(tax)


def test_the_income_of_a_month_is_one_payment() -> None:
    """500, 500 and 5,000 in one month: 6,000 in all, of which 960 are withheld: 0, then 40, then 920."""
    assert per_payment(fen("500"), NOTHING, PAYMENT) == 0
    assert per_payment(fen("500"), Before(month_income_minor=fen("500")), PAYMENT) == fen("40")
    third = Before(month_income_minor=fen("1000"), month_tax_minor=fen("40"))
    assert per_payment(fen("5000"), third, PAYMENT) == fen("920")
    # What was withheld too much (a payout that failed, a refund) is made up for, and never given back.
    assert per_payment(fen("500"), Before(month_income_minor=0, month_tax_minor=fen("40")), PAYMENT) == 0
    assert per_payment(fen("1000"), Before(month_income_minor=-fen("300")), PAYMENT) == 0


# Platforms: income of a year that began this month, so 5,000 are deducted once: what is withheld.
# Taxable 36,000 is income (36,000 + 5,000) / 0.8 = 51,250, and so on.
CUMULATIVE = [
    ("6250", "0"), ("6250.01", "0"), ("6250.20", "0"), ("6250.21", "0.01"), ("10000", "90"),
    ("51250", "1080"), ("51250.01", "1080"), ("51250.10", "1080.01"),
    ("186250", "11880"), ("186250.10", "11880.02"),
    ("381250", "43080"), ("381250.10", "43080.02"),
    ("531250", "73080"), ("531250.10", "73080.02"),
    ("831250", "145080"), ("831250.10", "145080.03"),
    ("1206250", "250080"), ("1206250.10", "250080.04"),
    ("2000000", "535830"),
]  # fmt: skip


@pytest.mark.parametrize(("income", "tax"), CUMULATIVE)
def test_cumulative(income: str, tax: str) -> None:
    assert cumulative(fen(income), NOTHING, PLATFORM) == fen(tax)


def test_a_year_on_a_platform() -> None:
    """20,000 a month: 330, then 330, then by the second bracket what is more than 36,000 in the year."""
    income = tax = 0
    months = []
    for month in range(1, 13):
        before = Before(year_income_minor=income, year_tax_minor=tax, months=month)
        months.append(cumulative(fen("20000"), before, PLATFORM))
        income, tax = income + fen("20000"), tax + months[-1]
    assert months == [fen(one) for one in ("330", "330", "330", "890", *["1100"] * 8)]
    # 12 × 20,000 × 80 % − 60,000 = 132,000, at 10 % less 2,520.
    assert tax == fen("10680")
    assert months_through(date(2026, 1, 1), date(2026, 12, 1)) == 12
    assert months_through(date(2026, 3, 1), date(2026, 3, 1)) == 1


def test_flat_is_rounded_half_up() -> None:
    assert [flat(amount, Fraction(1, 10)) for amount in (4, 5, 14, 15, 10_000)] == [0, 1, 1, 2, 1000]


def test_each_strategy_needs_what_it_is_computed_by() -> None:
    assert withheld("none", 10_000, rate=None, before=NOTHING, law=None) == 0
    assert withheld("flat", 10_000, rate=Fraction(1, 10), before=NOTHING, law=None) == 1000
    assert withheld("cn_per_payment", fen("1000"), rate=None, before=NOTHING, law=PAYMENT) == fen("40")
    assert withheld("cn_platform_cumulative", fen("10000"), rate=None, before=NOTHING, law=PLATFORM) == fen(
        "90"
    )
    for strategy, law in (("flat", None), ("cn_per_payment", PLATFORM), ("cn_platform_cumulative", None)):
        with pytest.raises(ValueError, match=strategy):
            withheld(strategy, 10_000, rate=None, before=NOTHING, law=law)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=6))
def test_the_tax_of_a_month_does_not_depend_on_its_parts(parts: list[int]) -> None:
    """As long as nothing is taken back, many payouts are withheld what one is; and more income is never taxed less."""
    whole = per_payment(sum(parts), NOTHING, PAYMENT)
    income = tax = 0
    for part in parts:
        tax += per_payment(part, Before(month_income_minor=income, month_tax_minor=tax), PAYMENT)
        income += part
    assert tax == whole
    assert per_payment(income + 1, NOTHING, PAYMENT) >= whole
    assert 0 <= whole < income
    yearly = cumulative(income, NOTHING, PLATFORM)
    assert 0 <= yearly <= cumulative(income + 1, NOTHING, PLATFORM)


def broken(strategy: str) -> list[tuple[str, Any]]:
    document: dict[str, Any] = next(deepcopy(dict(one[3])) for one in BUILT_IN if one[0] == strategy)
    brackets = document["brackets"]
    changes: list[tuple[str, Any]] = [
        ("members", document | {"surprise": "1"}),
        ("expense_rate", document | {"expense_rate": "1.00"}),
        ("expense_rate", document | {"expense_rate": 0.2}),
        ("brackets", document | {"brackets": []}),
        ("rise", document | {"brackets": [*brackets[1:2], *brackets[:1], *brackets[2:]]}),
        ("rise", document | {"brackets": brackets[:-1]}),
        ("quick", document | {"brackets": [*brackets[:-1], brackets[-1] | {"quick": "1000000.00"}]}),
        ("members", document | {"brackets": [{"up_to": None, "rate": "0.10"}]}),
    ]
    return changes


@pytest.mark.parametrize("strategy", ["cn_per_payment", "cn_platform_cumulative"])
def test_a_broken_table_is_refused(strategy: str) -> None:
    for reason, document in broken(strategy):
        with pytest.raises(NotATable, match=reason):
            parse(strategy, document)
    with pytest.raises(NotATable):
        parse("flat", {})
