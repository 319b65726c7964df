"""What a stock count books."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.catalog.domain.batches import Batch, Shelf
from fenxiao.catalog.domain.counting import Counted, close
from fenxiao.catalog.domain.refusals import CountRefused

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


def shelf(*stocks: int, reserved: int = 0, expired: int = 0) -> Shelf:
    batches = [
        Batch(inventory_id=n, product_id=7, batch_id=f"b{n}", stock=stock, expiry_date=None)
        for n, stock in enumerate(stocks, 1)
    ]
    if expired:
        old = Batch(
            inventory_id=99, product_id=7, batch_id="old", stock=expired, expiry_date=date(2026, 3, 14)
        )
        batches.append(old)
    return Shelf(product_id=7, reserved=reserved, batches=batches)


def line(number: int, counted: int, book: int, batch_id: str | None = None) -> Counted:
    return Counted(
        line=number,
        product_id=7,
        batch_id=batch_id or f"b{number}",
        expiry_date=None,
        counted=counted,
        book=book,
    )


@given(book=st.integers(0, 50), counted=st.integers(0, 50), moved=st.integers(-50, 50))
def test_what_moved_since_stays_moved(book: int, counted: int, moved: int) -> None:
    stock = book + moved
    if stock < 0:
        return
    on_shelf = shelf(stock)
    if counted + moved < 0:
        with pytest.raises(CountRefused) as refused:
            close(3, [line(1, counted, book)], {7: on_shelf}, NOW)
        assert [error.field for error in refused.value.errors] == ["lines.1.counted"]
        return
    changes = close(3, [line(1, counted, book)], {7: on_shelf}, NOW)
    assert on_shelf.batches[0].stock == counted + moved
    assert sum(movement.delta for movement in changes.movements) == counted - book
    assert {movement.cause.reference for movement in changes.movements} <= {"counts/3"}


def test_what_is_missing_in_one_batch_may_lie_in_another() -> None:
    on_shelf = shelf(5, 5, reserved=9)
    changes = close(1, [line(1, 0, 5), line(2, 9, 5)], {7: on_shelf}, NOW)
    assert [movement.delta for movement in changes.movements] == [-5, 4]
    with pytest.raises(CountRefused) as refused:
        close(1, [line(1, 0, 5), line(2, 8, 5)], {7: shelf(5, 5, reserved=9)}, NOW)
    (error,) = refused.value.errors
    assert (error.field, error.params) == ("lines.1.counted", {"product_id": 7, "reserved": 9, "left": 8})


def test_expired_goods_are_no_substitute_for_what_is_reserved() -> None:
    with pytest.raises(CountRefused):
        close(1, [line(1, 8, 10)], {7: shelf(10, reserved=9, expired=20)}, NOW)
    # They themselves may be missing, however much is reserved of the others.
    changes = close(1, [line(1, 0, 20, "old")], {7: shelf(10, reserved=10, expired=20)}, NOW)
    assert [movement.delta for movement in changes.movements] == [-20]


def test_a_found_batch_is_new() -> None:
    on_shelf = shelf(5)
    (movement,) = close(1, [line(1, 4, 0, "found")], {7: on_shelf}, NOW).movements
    assert (movement.batch.inventory_id, movement.batch.batch_id, movement.delta) == (0, "found", 4)
