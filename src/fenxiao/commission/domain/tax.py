"""Tax (个税预扣) on payouts: strategies over dated tables of the law. Amounts are whole minor units, rates exact.

The strategies name their source. Which of them applies to whom, and whether a table is still the law, is for the
operator's accountant to confirm; nothing here is advice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from fenxiao.kernel.money import LIMIT_MINOR, Rate, round_half_up, to_minor, to_rate

Strategy = Literal["none", "flat", "cn_per_payment", "cn_platform_cumulative"]
TABLED: tuple[Strategy, ...] = ("cn_per_payment", "cn_platform_cumulative")
"""The strategies that rest on a table of the law."""

CURRENCY = "CNY"
"""What the tables are written in."""


class NotATable(ValueError):  # noqa: N818 - says what is wrong
    """The document is no table of its strategy; the message says where."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """Up to this taxable amount (None: without end) the whole of it is taxed at `rate`, less `quick_minor` (速算扣除数)."""

    up_to_minor: int | None
    rate: Rate
    quick_minor: int


@dataclass(frozen=True, slots=True)
class PerPayment:
    """劳务报酬 by the payment: nothing up to `free_minor`, less that up to `fixed_up_to_minor`, else a share is deducted."""

    free_minor: int
    fixed_up_to_minor: int
    expense_rate: Rate
    low_rate: Rate
    brackets: tuple[Bracket, ...]


@dataclass(frozen=True, slots=True)
class Cumulative:
    """累计预扣法: of the year's income the share `expense_rate` and, for each month, `monthly_minor` are deducted."""

    expense_rate: Rate
    monthly_minor: int
    brackets: tuple[Bracket, ...]


Law = PerPayment | Cumulative


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a person has had before this payout, in minor units: paid or under way, less what became debt.

    `months`: from the first month of the year with income to the present one, both counted; at least 1.
    """

    month_income_minor: int = 0
    month_tax_minor: int = 0
    year_income_minor: int = 0
    year_tax_minor: int = 0
    months: int = 1


NOTHING = Before()


def flat(amount_minor: int, rate: Rate) -> int:
    """`flat`: a share of every payout, half up; 0 ≤ rate < 1."""
    return round_half_up(amount_minor * rate)


def per_payment(amount_minor: int, before: Before, law: PerPayment) -> int:
    """`cn_per_payment`: withheld from this payout, ≥ 0; continuous income of a calendar month is one payment.

    Source: 个人所得税扣缴申报管理办法(试行), 国家税务总局公告2018年第61号, art. 8 and 个人所得税预扣率表二;
    one month as one payment: 个人所得税法实施条例 art. 14. x = the month's income so far with this payout;
    x ≤ 800: 0; x ≤ 4,000: (x − 800) × 20 %; above: t = 80 % of x by the brackets. What was withheld before in the
    month is deducted, and nothing is given back.
    """
    x = before.month_income_minor + amount_minor
    if x <= law.free_minor:
        due = Fraction(0)
    elif x <= law.fixed_up_to_minor:
        due = (x - law.free_minor) * law.low_rate
    else:
        due = _by_bracket(x * (1 - law.expense_rate), law.brackets)
    return max(0, round_half_up(due) - before.month_tax_minor)


def cumulative(amount_minor: int, before: Before, law: Cumulative) -> int:
    """`cn_platform_cumulative`: withheld from this payout, ≥ 0.

    Source: 国家税务总局公告2025年第16号 art. 1 (platforms, since 2025-10-01) with 公告2018年第61号 and
    个人所得税预扣率表一: (year's income − 20 % of it − 5,000 × months with continuous income) × rate − quick
    deduction − what was withheld before in the year; what is below 0 is carried on within the year, not given back.
    """
    income = before.year_income_minor + amount_minor
    taxable = income * (1 - law.expense_rate) - law.monthly_minor * before.months
    due = _by_bracket(taxable, law.brackets) if taxable > 0 else Fraction(0)
    return max(0, round_half_up(due) - before.year_tax_minor)


def withheld(
    strategy: Strategy, amount_minor: int, *, rate: Rate | None, before: Before, law: Law | None
) -> int:
    """The tax on a payout by a strategy: `flat` needs its rate, the Chinese ones their table; ValueError without."""
    if strategy == "none":
        return 0
    if strategy == "flat" and rate is not None:
        return flat(amount_minor, rate)
    if strategy == "cn_per_payment" and isinstance(law, PerPayment):
        return per_payment(amount_minor, before, law)
    if strategy == "cn_platform_cumulative" and isinstance(law, Cumulative):
        return cumulative(amount_minor, before, law)
    message = f"{strategy} lacks what it is computed by"
    raise ValueError(message)


def rate_of(text: str | None) -> Rate | None:
    """The rate of a policy, None where it has none."""
    return None if text is None else to_rate(text)


def _by_bracket(taxable: Fraction, brackets: Sequence[Bracket]) -> Fraction:
    for bracket in brackets:
        if bracket.up_to_minor is None or taxable <= bracket.up_to_minor:
            return taxable * bracket.rate - bracket.quick_minor
    raise AssertionError(brackets)  # the last one has no end


def first_of_month(day: date) -> date:
    """The month of a day, as its first day."""
    return day.replace(day=1)


def months_through(first: date, present: date) -> int:
    """Months from one to another, both counted; at least 1."""
    return max(1, (present.year - first.year) * 12 + present.month - first.month + 1)


def parse(strategy: Strategy, document: Mapping[str, Any]) -> Law:
    """A table from its document; NotATable says what is wrong with it. Amounts are in yuan, as decimal texts."""
    names = _NAMES.get(strategy)
    if names is None or set(document) != names:
        raise NotATable(f"a table of {strategy} has the members {', '.join(sorted(names or ()))}")
    brackets = _brackets(document["brackets"])
    if strategy == "cn_per_payment":
        law = PerPayment(
            free_minor=_amount(document, "free"),
            fixed_up_to_minor=_amount(document, "fixed_up_to"),
            expense_rate=_share(document, "expense_rate"),
            low_rate=_share(document, "low_rate"),
            brackets=brackets,
        )
        if law.free_minor > law.fixed_up_to_minor:
            raise NotATable("fixed_up_to lies below free")
        return law
    return Cumulative(
        expense_rate=_share(document, "expense_rate"),
        monthly_minor=_amount(document, "monthly"),
        brackets=brackets,
    )


_NAMES: Mapping[str, frozenset[str]] = {
    "cn_per_payment": frozenset({"free", "fixed_up_to", "expense_rate", "low_rate", "brackets"}),
    "cn_platform_cumulative": frozenset({"expense_rate", "monthly", "brackets"}),
}


def _amount(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    try:
        amount = to_minor(value, CURRENCY) if isinstance(value, str) else -1
    except ValueError:
        amount = -1
    if not 0 <= amount < LIMIT_MINOR:
        raise NotATable(f'{name} is an amount in yuan, such as "800.00"')
    return amount


def _share(document: Mapping[str, Any], name: str) -> Rate:
    value = document.get(name)
    try:
        rate = to_rate(value) if isinstance(value, str) else Fraction(-1)
    except ValueError:
        rate = Fraction(-1)
    if not 0 <= rate < 1:
        raise NotATable(f'{name} is a rate from 0 to below 1, such as "0.20"')
    return rate


def _brackets(given: Any) -> tuple[Bracket, ...]:
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise NotATable("brackets is a list of {up_to, rate, quick}")
    found: list[Bracket] = []
    for one in given:
        if set(one) != {"up_to", "rate", "quick"}:
            raise NotATable("a bracket has the members up_to, rate and quick")
        up_to = None if one["up_to"] is None else _amount(one, "up_to")
        found.append(Bracket(up_to, _share(one, "rate"), _amount(one, "quick")))
    ends = [one.up_to_minor for one in found]
    bounded = [end for end in ends[:-1] if end is not None]
    if ends[-1] is not None or len(bounded) != len(ends) - 1 or bounded != sorted(set(bounded)):
        raise NotATable("brackets rise, and only the last has no end (up_to null)")
    _refuse_falls(found)
    return tuple(found)


def _refuse_falls(brackets: Sequence[Bracket]) -> None:
    """Refuse where one yuan more would be taxed less: then a quick deduction is wrong."""
    for one, following in pairwise(brackets):
        end = one.up_to_minor or 0
        if end * following.rate - following.quick_minor < end * one.rate - one.quick_minor:
            raise NotATable("the tax falls at the end of a bracket; look at its quick deduction")


BUILT_IN: Sequence[tuple[Strategy, date, str, Mapping[str, Any]]] = (
    (
        "cn_per_payment",
        date(2019, 1, 1),
        "国家税务总局公告2018年第61号,个人所得税预扣率表二",
        {
            "free": "800.00",
            "fixed_up_to": "4000.00",
            "expense_rate": "0.20",
            "low_rate": "0.20",
            "brackets": [
                {"up_to": "20000.00", "rate": "0.20", "quick": "0.00"},
                {"up_to": "50000.00", "rate": "0.30", "quick": "2000.00"},
                {"up_to": None, "rate": "0.40", "quick": "7000.00"},
            ],
        },
    ),
    (
        "cn_platform_cumulative",
        date(2025, 10, 1),
        "国家税务总局公告2025年第16号;公告2018年第61号,个人所得税预扣率表一",
        {
            "expense_rate": "0.20",
            "monthly": "5000.00",
            "brackets": [
                {"up_to": "36000.00", "rate": "0.03", "quick": "0.00"},
                {"up_to": "144000.00", "rate": "0.10", "quick": "2520.00"},
                {"up_to": "300000.00", "rate": "0.20", "quick": "16920.00"},
                {"up_to": "420000.00", "rate": "0.25", "quick": "31920.00"},
                {"up_to": "660000.00", "rate": "0.30", "quick": "52920.00"},
                {"up_to": "960000.00", "rate": "0.35", "quick": "85920.00"},
                {"up_to": None, "rate": "0.45", "quick": "181920.00"},
            ],
        },
    ),
)
"""The tables a new installation begins with: strategy, first day, source, document."""
