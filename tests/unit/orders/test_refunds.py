"""What a refund takes: worked cases, and the laws of money over any series of refunds."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.kernel.money import round_half_up
from fenxiao.orders.domain.refunds import LineLeft, TooMuch, take_amount, take_units, units_worth


def lines(*left: tuple[int, int]) -> dict[int, LineLeft]:
    """Lines numbered from 1 with (units, minor units) left."""
    return {number: LineLeft(number, units, amount) for number, (units, amount) in enumerate(left, 1)}


@pytest.mark.parametrize(
    ("left", "units", "of", "worth"),
    [
        (50_000, 4, 10, 20_000),
        (100, 1, 3, 33),
        (100, 2, 3, 67),
        (100, 3, 3, 100),
        (5, 1, 2, 3),  # 2.5, halves up
        (1, 1, 2, 1),
        (1, 1, 3, 0),
        (0, 2, 5, 0),
    ],
)
def test_units_are_worth_their_share_of_what_is_left(left: int, units: int, of: int, worth: int) -> None:
    assert units_worth(left, units, of) == worth


@given(st.integers(0, 10**15), st.integers(1, 2**31 - 1), st.data())
def test_their_worth_is_the_exact_share_rounded_half_up(left: int, of: int, data: st.DataObject) -> None:
    units = data.draw(st.integers(1, of))
    assert units_worth(left, units, of) == round_half_up(Fraction(left * units, of))


@pytest.mark.parametrize(
    ("left", "amount", "taken"),
    [
        ([(1, 30_000), (1, 20_000)], 20_000, [12_000, 8_000]),
        ([(1, 100), (1, 100), (1, 100)], 100, [34, 33, 33]),  # ties: the earlier line
        ([(1, 100), (1, 100), (1, 100)], 101, [34, 34, 33]),
        ([(1, 1), (1, 2)], 2, [1, 1]),  # 0.67 and 1.33: the larger remainder is the first's
        ([(1, 0), (1, 7)], 7, [0, 7]),
    ],
)
def test_an_amount_is_spread_by_largest_remainder(
    left: list[tuple[int, int]], amount: int, taken: list[int]
) -> None:
    found = {line.line_id: line.amount_minor for line in take_amount(list(lines(*left).values()), amount)}
    assert [found.get(number, 0) for number in range(1, len(left) + 1)] == taken
    assert all(amount for amount in found.values())


def test_never_more_than_is_left() -> None:
    left = lines((3, 300), (2, 50))
    with pytest.raises(TooMuch) as units:
        take_units(left, [(1, 1), (2, 3)])
    assert (units.value.left, units.value.wanted, units.value.line_id) == (2, 3, 2)
    with pytest.raises(TooMuch) as amount:
        take_amount(list(left.values()), 351)
    assert (amount.value.left, amount.value.wanted, amount.value.line_id) == (350, 351, None)
    assert left == lines((3, 300), (2, 50))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**7)), min_size=1, max_size=6), st.data())
def test_any_series_of_refunds_adds_up_to_the_whole(
    order: list[tuple[int, int]], data: st.DataObject
) -> None:
    left = lines(*order)
    refunded = 0
    for _ in range(data.draw(st.integers(0, 8))):
        money = sum(line.amount_minor for line in left.values())
        returnable = [line for line in left.values() if line.quantity]
        if money and (not returnable or data.draw(st.booleans())):
            taken = take_amount(list(left.values()), amount := data.draw(st.integers(1, money)))
            assert sum(line.amount_minor for line in taken) == amount
        elif returnable:
            line = data.draw(st.sampled_from(returnable))
            taken = take_units(left, [(line.line_id, data.draw(st.integers(1, line.quantity)))])
        else:
            break
        for one in taken:
            assert 0 <= one.amount_minor <= left[one.line_id].amount_minor
            left[one.line_id].take(one)
            refunded += one.amount_minor
    # The rest, unit by unit, leaves exactly nothing.
    for line in left.values():
        while line.quantity:
            (one,) = take_units(left, [(line.line_id, 1)])
            line.take(one)
            refunded += one.amount_minor
    last = take_amount(list(left.values()), sum(line.amount_minor for line in left.values()))
    refunded += sum(one.amount_minor for one in last)
    assert refunded == sum(amount for _, amount in order)


@given(st.integers(1, 200), st.integers(0, 10**7))
def test_all_units_take_all_the_money(units: int, amount: int) -> None:
    left = lines((units, amount))
    (taken,) = take_units(left, [(1, units)])
    assert taken.amount_minor == amount
