"""What an order's history adds to the figures."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from fenxiao.analytics.domain.facts import NOTHING, by_product, left_before, slot, spread


@dataclass(frozen=True)
class Line:
    line_id: int
    product_id: int
    quantity: int
    amount_minor: int
    category_path: tuple[int, ...] = ()


LINES = [Line(1, 70, 2, 200, (5, 1)), Line(2, 7, 1, 50), Line(3, 70, 3, 300, (5, 1))]


def test_a_product_on_two_lines_stands_once() -> None:
    products = by_product(LINES, [200, 50, 300], [2, 1, 3])
    assert products.product_ids == (7, 70)
    assert products.category_ids == (0, 5)
    assert products.units == (1, 5)
    assert products.amounts_minor == (50, 500)


def test_products_without_amount_and_units_are_left_out() -> None:
    assert by_product(LINES, [0, 5, 0]).product_ids == (7,)
    assert by_product(LINES, [0, 0, 0]) == NOTHING
    assert by_product(LINES, [0, 0, 0], [0, 1, 0]).units == (1,)


def test_what_is_left_of_each_line() -> None:
    assert left_before(LINES, [(1, 30), (3, 300), (1, 20)]) == [150, 50, 0]


def test_an_amount_is_spread_by_weight_and_signed() -> None:
    assert spread(100, [1, 1, 1], [0, 0, 0]) == [34, 33, 33]
    assert spread(-100, [1, 1, 1], [0, 0, 0]) == [-34, -33, -33]


def test_without_weights_the_fallback_counts_then_the_first_line() -> None:
    assert spread(10, [0, 0], [1, 4]) == [2, 8]
    assert spread(-7, [0, 0], [0, 0]) == [-7, 0]


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_spreading_loses_nothing(amount: int, weights: list[int]) -> None:
    assert sum(spread(amount, weights, [0] * len(weights))) == amount


def test_a_slot_is_a_quarter_of_an_hour_in_utc() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    moment = datetime(2026, 3, 1, 0, 0, 0, tzinfo=kathmandu)
    assert slot(moment) == datetime(2026, 2, 28, 18, 15, tzinfo=UTC)
    assert slot(moment - timedelta(microseconds=1)) == datetime(2026, 2, 28, 18, 0, tzinfo=UTC)
