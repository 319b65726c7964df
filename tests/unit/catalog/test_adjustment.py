"""What people may do to stock."""

from datetime import UTC, date, datetime

import pytest

from fenxiao.catalog.domain.adjustment import Adjustment, adjust, new_batches, set_batch
from fenxiao.catalog.domain.batches import Batch, Shelf, in_order_of_sale
from fenxiao.catalog.domain.movements import Changes
from fenxiao.catalog.domain.refusals import AdjustmentsRefused
from fenxiao.kernel.errors import Invalid

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
PAST, SOON = date(2026, 3, 14), date(2026, 4, 1)


def shelf(fresh: int = 10, stale: int = 0, reserved: int = 0, product_id: int = 7) -> Shelf:
    batches = [
        Batch(inventory_id=1, product_id=product_id, batch_id="fresh", stock=fresh, expiry_date=SOON),
        Batch(inventory_id=2, product_id=product_id, batch_id="stale", stock=stale, expiry_date=PAST),
    ]
    return Shelf(product_id=product_id, reserved=reserved, batches=in_order_of_sale(batches))


@pytest.mark.parametrize(
    ("on_shelf", "batch", "stock", "left"),
    [
        (shelf(10, reserved=4), "fresh", 4, None),
        (shelf(10, reserved=4), "fresh", 3, 3),
        (shelf(10, reserved=4), "fresh", 99, None),
        (shelf(10, 50, reserved=4), "fresh", 3, 3),  # expired goods elsewhere are no substitute
        (shelf(2, 50, reserved=4), "stale", 2, None),  # expired ones may be thrown away
        (shelf(2, 50, reserved=4), "stale", 1, 3),  # as long as as much lies there as is reserved
        (shelf(2, 50, reserved=4), "fresh", 1, 1),
    ],
)
def test_a_batch_is_never_set_below_what_is_reserved(on_shelf, batch, stock, left) -> None:
    changes = Changes()
    found = on_shelf.batch(batch)
    before = found.stock
    refusal = set_batch(on_shelf, found, stock, NOW, changes)
    if left is None:
        assert refusal is None
        assert [m.delta for m in changes.movements] == [stock - before]
    else:
        assert refusal.params == {"product_id": 7, "reserved": 4, "left": left}
        assert (found.stock, changes.movements) == (before, [])


def test_counting_the_same_again_is_no_movement() -> None:
    on_shelf, changes = shelf(10), Changes()
    assert set_batch(on_shelf, on_shelf.batch("fresh"), 10, NOW, changes) is None
    assert changes.movements == []


def made(on_shelf: Shelf, *adjustments: Adjustment) -> list[tuple[str, int]]:
    changes = adjust(adjustments, {on_shelf.product_id: on_shelf}, NOW, "ref")
    return [(movement.batch.batch_id, movement.delta) for movement in changes.movements]


def test_coming_units_lie_in_the_named_batch_or_in_that_without_a_number() -> None:
    on_shelf = shelf()
    wanted = [
        Adjustment(7, 3, "found", "new", SOON),
        Adjustment(7, 2, "found"),
        Adjustment(7, 1, "found", "new"),
    ]
    changes = adjust(wanted, {7: on_shelf}, NOW, None)
    assert [(m.batch.batch_id, m.delta) for m in changes.movements] == [
        ("new", 3),
        ("DEFAULT", 2),
        ("new", 1),
    ]
    assert [(b.batch_id, b.stock, b.expiry_date) for b in new_batches(changes)] == [
        ("new", 4, SOON),
        ("DEFAULT", 2, None),
    ]


def test_going_units_without_a_batch_leave_those_that_are_reserved() -> None:
    assert made(shelf(10), Adjustment(7, -3, "lost")) == [("fresh", -3)]
    assert made(shelf(10, 5, reserved=8), Adjustment(7, -3, "lost")) == [("fresh", -2), ("stale", -1)]


@pytest.mark.parametrize(
    ("adjustment", "field"),
    [
        (Adjustment(7, -3, "lost"), "items.0.delta"),
        (Adjustment(7, -3, "lost", "fresh"), "items.0.delta"),
        (Adjustment(7, -11, "lost", "fresh"), "items.0.delta"),
        (Adjustment(7, -1, "lost", "nowhere"), "items.0.delta"),
        (Adjustment(7, 1, "found", "fresh", PAST), "items.0.expiry_date"),
    ],
)
def test_what_cannot_be_done_is_named(adjustment, field) -> None:
    with pytest.raises(AdjustmentsRefused) as refused:
        adjust([adjustment], {7: shelf(10, reserved=8)}, NOW, None)
    assert [error.field for error in refused.value.errors] == [field]


def test_every_item_that_fails_is_named_and_later_ones_see_earlier_ones() -> None:
    wanted = [Adjustment(7, -9, "a"), Adjustment(7, -2, "b"), Adjustment(7, 5, "c"), Adjustment(7, -7, "d")]
    with pytest.raises(AdjustmentsRefused) as refused:
        adjust(wanted, {7: shelf(10)}, NOW, None)
    assert [error.field for error in refused.value.errors] == ["items.1.delta", "items.3.delta"]
    with pytest.raises(Invalid) as invalid:
        adjust([*wanted, Adjustment(8, 1, "e")], {7: shelf(10)}, NOW, None)
    assert [error.field for error in invalid.value.errors] == [
        "items.4.product_id",
        "items.1.delta",
        "items.3.delta",
    ]


def test_an_empty_batch_may_be_filled_with_goods_of_another_expiry() -> None:
    on_shelf = shelf(0)
    assert made(on_shelf, Adjustment(7, 4, "bought", "fresh", PAST)) == [("fresh", 4)]
    assert on_shelf.batch("fresh").expiry_date == PAST
