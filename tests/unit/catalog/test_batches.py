"""Which batch serves whom."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.catalog.domain.batches import Batch, Shelf, give_back, in_order_of_sale, take, take_any

TODAY = date(2026, 3, 15)


def batch(number: int, stock: int, expiry: date | None = None) -> Batch:
    return Batch(inventory_id=number, product_id=7, batch_id=f"B{number}", stock=stock, expiry_date=expiry)


def shelf(*batches: Batch, reserved: int = 0) -> Shelf:
    return Shelf(product_id=7, reserved=reserved, batches=in_order_of_sale(batches))


def named(portions) -> list[tuple[str, int]]:
    return [(one.batch_id, units) for one, units in portions]


def test_first_expired_first_out_and_undated_last() -> None:
    stock = shelf(batch(1, 5), batch(2, 5, TODAY + timedelta(9)), batch(3, 5, TODAY + timedelta(2)))
    assert named(take(stock, 12, TODAY)) == [("B3", 5), ("B2", 5), ("B1", 2)]
    assert [one.stock for one in stock.batches] == [0, 0, 3]


def test_of_two_that_expire_together_the_older_goes_first() -> None:
    assert named(take(shelf(batch(2, 5, TODAY), batch(1, 5, TODAY)), 6, TODAY)) == [("B1", 5), ("B2", 1)]


def test_a_batch_is_sold_through_its_expiry_day_and_never_after() -> None:
    stock = shelf(batch(1, 5, TODAY))
    assert stock.servable(TODAY) == 5
    assert stock.servable(TODAY + timedelta(1)) == 0
    with pytest.raises(ValueError):
        take(stock, 1, TODAY + timedelta(1))


def test_sellable_is_what_has_not_expired_less_what_is_reserved() -> None:
    assert shelf(batch(1, 5), batch(2, 9, TODAY - timedelta(1)), reserved=3).sellable(TODAY) == 2


def test_lost_units_leave_what_others_have_reserved() -> None:
    stale = TODAY - timedelta(1)
    assert named(take_any(shelf(batch(1, 5), batch(2, 9, stale)), 7, TODAY, keep=0)) == [("B1", 5), ("B2", 2)]
    assert named(take_any(shelf(batch(1, 5), batch(2, 9, stale)), 7, TODAY, keep=4)) == [("B1", 1), ("B2", 6)]
    untouched = shelf(batch(1, 5), batch(2, 1, stale))
    assert take_any(untouched, 3, TODAY, keep=4) is None
    assert untouched.on_hand() == 6


def test_units_come_back_to_the_last_allocation_first() -> None:
    assert give_back([4, 0, 3, 2], [0, 1, 3], 5) == [(3, 2), (0, 3)]
    with pytest.raises(ValueError):
        give_back([4, 0, 3, 2], [0, 1, 3], 7)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.none() | st.integers(-5, 5)), min_size=1, max_size=6),
    st.integers(1, 60),
)
def test_nothing_is_lost_or_made(contents, wanted) -> None:
    stock = shelf(
        *(
            batch(n, units, None if days is None else TODAY + timedelta(days))
            for n, (units, days) in enumerate(contents, 1)
        )
    )
    before = {one.inventory_id: one.stock for one in stock.batches}
    if stock.servable(TODAY) < wanted:
        with pytest.raises(ValueError):
            take(stock, wanted, TODAY)
        return
    portions = take(stock, wanted, TODAY)
    assert sum(units for _, units in portions) == wanted
    assert all(one.sellable_on(TODAY) and units > 0 for one, units in portions)
    taken = {one.inventory_id: units for one, units in portions}
    assert all(
        one.stock == before[one.inventory_id] - taken.get(one.inventory_id, 0) >= 0 for one in stock.batches
    )
    # Whatever expires sooner than the last batch that was opened is empty.
    last = portions[-1][0]
    earlier = [one for one in stock.batches[: stock.batches.index(last)] if one.sellable_on(TODAY)]
    assert all(one.stock == 0 for one in earlier)
