"""What may go from batch to batch."""

from datetime import UTC, date, datetime

import pytest

from fenxiao.catalog.domain.batches import Batch, Shelf, in_order_of_sale
from fenxiao.catalog.domain.refusals import AdjustmentsRefused
from fenxiao.catalog.domain.transfers import Transfer, transfer
from fenxiao.kernel.errors import Invalid

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
PAST, SOON, LATE = date(2026, 3, 14), date(2026, 4, 1), date(2026, 9, 1)


def shelf(reserved: int = 0) -> Shelf:
    """Ten units each: fresh, late, stale, one recalled; an empty one that expires soon."""
    batches = [
        Batch(
            inventory_id=number,
            product_id=7,
            batch_id=name,
            stock=stock,
            expiry_date=expiry_date,
            recalled=name == "recalled",
        )
        for number, (name, stock, expiry_date) in enumerate(
            [
                ("fresh", 10, SOON),
                ("late", 10, LATE),
                ("stale", 10, PAST),
                ("recalled", 10, LATE),
                ("empty", 0, SOON),
            ],
            1,
        )
    ]
    return Shelf(product_id=7, reserved=reserved, batches=in_order_of_sale(batches))


def wanted(
    source: str, target: str, quantity: int = 4, expiry_date: date | None = None, product_id: int = 7
) -> Transfer:
    return Transfer(
        product_id=product_id,
        from_batch=source,
        to_batch=target,
        quantity=quantity,
        reason="x",
        expiry_date=expiry_date,
    )


@pytest.mark.parametrize(
    ("asked", "reserved", "field"),
    [
        (wanted("fresh", "late"), 20, None),
        (wanted("fresh", "new"), 20, None),
        (wanted("fresh", "new", 10, PAST), 10, None),
        (wanted("fresh", "new", 10, PAST), 11, "quantity"),
        (wanted("fresh", "stale", 4), 16, None),
        (wanted("fresh", "stale", 4), 17, "quantity"),
        (wanted("fresh", "recalled", 4), 17, "quantity"),
        (wanted("fresh", "recalled", 4), 16, None),
        (wanted("stale", "recalled"), 20, None),
        (wanted("stale", "new"), 20, None),  # it expires when the stale one does
        (wanted("stale", "fresh"), 0, "from_batch"),
        (wanted("stale", "new", 4, SOON), 0, "from_batch"),
        (wanted("stale", "empty"), 0, "from_batch"),
        (wanted("stale", "empty", 4, PAST), 0, None),
        (wanted("recalled", "stale"), 0, "from_batch"),
        (wanted("recalled", "new"), 0, "from_batch"),
        (wanted("fresh", "fresh"), 0, "to_batch"),
        (wanted("fresh", "late", 11), 0, "quantity"),
        (wanted("nowhere", "late"), 0, "quantity"),
        (wanted("fresh", "late", 4, SOON), 0, "expiry_date"),
        (wanted("fresh", "empty", 4, LATE), 0, None),
    ],
)
def test_what_a_transfer_may_do(asked: Transfer, reserved: int, field: str | None) -> None:
    on_shelf = shelf(reserved)
    if field is not None:
        with pytest.raises(AdjustmentsRefused) as refused:
            transfer([asked], {7: on_shelf}, NOW, None)
        assert [error.field for error in refused.value.errors] == [f"items.0.{field}"]
        return
    changes = transfer([asked], {7: on_shelf}, NOW, "ref")
    assert [(m.batch.batch_id, m.delta, m.cause.reference) for m in changes.movements] == [
        (asked.from_batch, -asked.quantity, "ref"),
        (asked.to_batch, asked.quantity, "ref"),
    ]
    assert on_shelf.on_hand() == 40
    assert on_shelf.servable(NOW.date()) >= reserved


def test_later_transfers_see_earlier_ones() -> None:
    on_shelf = shelf()
    transfer([wanted("fresh", "new", 10), wanted("new", "late", 10)], {7: on_shelf}, NOW, None)
    assert {batch.batch_id: batch.stock for batch in on_shelf.batches} == {
        "fresh": 0,
        "new": 0,
        "late": 20,
        "stale": 10,
        "recalled": 10,
        "empty": 0,
    }


def test_every_item_that_cannot_be_made_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        transfer([wanted("fresh", "late", product_id=8), wanted("fresh", "fresh")], {7: shelf()}, NOW, None)
    assert [error.field for error in refused.value.errors] == ["items.0.product_id", "items.1.to_batch"]
