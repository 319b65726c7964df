"""The laws of money: exact in and out, nothing lost in a division, one rounding with a name."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.kernel.money import allocate, from_minor, from_rate, round_down, round_half_up, to_minor, to_rate

AMOUNTS = st.integers(min_value=-(10**15), max_value=10**15)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("500.00", "CNY", 50000),
        ("0.1", "CNY", 10),
        ("7", "JPY", 7),
        ("1.234", "KWD", 1234),
        ("-3.50", "GBP", -350),
    ],
)
def test_amounts_become_minor_units(text: str, currency: str, minor: int) -> None:
    assert to_minor(text, currency) == minor
    assert to_minor(Decimal(text), currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("0.001", "CNY"),
        ("1.5", "JPY"),
        ("NaN", "CNY"),
        ("Infinity", "CNY"),
        ("1e400", "CNY"),
        ("abc", "CNY"),
        ("1" * 17, "CNY"),
        ("500." + "0" * 30 + "1", "CNY"),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        to_minor(text, currency)


@given(AMOUNTS, st.sampled_from(["CNY", "JPY", "KWD", "GBP"]))
def test_an_amount_survives_the_way_out_and_in(minor: int, currency: str) -> None:
    assert to_minor(from_minor(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("rate", "text"), [("0.1", "0.10"), ("0.055", "0.055"), ("1", "1.00"), ("0", "0.00")]
)
def test_rates_have_at_least_two_decimals(rate: str, text: str) -> None:
    assert from_rate(to_rate(rate)) == text


@pytest.mark.parametrize("text", ["NaN", "1e99", "x", ""])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        to_rate(text)


@given(st.fractions())
def test_rounding_is_to_the_nearest_and_symmetric(value: Fraction) -> None:
    assert abs(Fraction(round_half_up(value)) - value) <= Fraction(1, 2)
    assert round_half_up(-value) == -round_half_up(value)
    assert abs(round_down(value)) <= abs(value)
    assert abs(value) - abs(round_down(value)) < 1


def test_halves_go_away_from_zero() -> None:
    assert [round_half_up(Fraction(n, 2)) for n in (-3, -1, 1, 3)] == [-2, -1, 1, 2]


@given(st.integers(min_value=0, max_value=10**15), WEIGHTS)
def test_a_division_loses_nothing_and_is_within_one_of_the_exact_share(
    total: int, weights: list[int]
) -> None:
    if sum(weights) == 0:
        total = 0
    shares = allocate(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        exact = Fraction(weight * total, sum(weights) or 1)
        assert share >= 0
        assert abs(share - exact) < 1


def test_missing_units_go_to_the_largest_remainders_then_to_the_earlier_place() -> None:
    assert allocate(10, [1, 1, 1]) == [4, 3, 3]
    assert allocate(100, [1, 5, 1]) == [14, 72, 14]
    assert allocate(1, [0, 3, 3]) == [0, 1, 0]


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [-1]), (1, [0, 0])])
def test_what_cannot_be_divided_is_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="alloc"):
        allocate(total, weights)
