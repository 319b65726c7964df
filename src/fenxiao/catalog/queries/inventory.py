"""What lies of a product where, and how it came there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import OrderId, ProductId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """What lies in one batch."""

    batch_id: str
    stock: int
    expiry_date: date | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """库存: `stock` can be sold now (unexpired and not reserved, never below 0); `reserved` is ordered, not shipped."""

    product_id: ProductId
    stock: int
    reserved: int
    batches: tuple[BatchView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementView:
    """Units of a batch that came (`delta` above 0) or went, and why."""

    movement_id: int
    product_id: ProductId
    batch_id: str
    delta: int
    reason: str
    actor: str
    at: datetime
    order_id: OrderId | None
    reference: str | None


async def inventories(reader: Reader, product_ids: Collection[int], today: date) -> list[Inventory]:
    """What lies of these products, by product; unknown ones are left out."""
    # One statement: two would show a reservation without its batch, or the other way round.
    rows = await reader.fetch(
        """
        select s.product_id, s.reserved, i.batch_id, i.stock, i.expiry_date, i.updated_at
        from stock s left join inventory i using (product_id)
        where s.product_id = any($1::bigint[])
        order by s.product_id, i.expiry_date nulls last, i.inventory_id
        """,
        list(product_ids),
    )
    grouped: dict[int, list[Record]] = {}
    for row in rows:
        grouped.setdefault(row["product_id"], []).append(row)
    return [_inventory(group, today) for group in grouped.values()]


def _inventory(rows: list[Record], today: date) -> Inventory:
    batches = tuple(
        BatchView(
            batch_id=row["batch_id"],
            stock=row["stock"],
            expiry_date=row["expiry_date"],
            updated_at=row["updated_at"],
        )
        for row in rows
        if row["batch_id"] is not None
    )
    reserved = rows[0]["reserved"]
    unexpired = sum(b.stock for b in batches if b.expiry_date is None or b.expiry_date >= today)
    return Inventory(
        product_id=rows[0]["product_id"],
        stock=max(0, unexpired - reserved),
        reserved=reserved,
        batches=batches,
    )


async def movements(reader: Reader, product_id: int, *, cursor: str | None, limit: int) -> Page[MovementView]:
    """The movements of a product, the latest first."""
    before = decode_cursor(cursor, int)[0] if cursor else None
    rows = await reader.fetch(
        "select m.movement_id, m.product_id, i.batch_id, m.delta, m.reason, m.actor, m.at, m.order_id, m.reference"
        " from stock_movement m join inventory i using (inventory_id)"
        " where m.product_id = $1 and ($2::bigint is null or m.movement_id < $2)"
        " order by m.movement_id desc limit $3",
        product_id,
        before,
        limit + 1,
    )
    items = tuple(MovementView(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].movement_id) if len(rows) > limit else None)


async def batch_names(reader: Reader, inventory_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """By inventory id: product and batch number."""
    rows = await reader.fetch(
        "select inventory_id, product_id, batch_id from inventory where inventory_id = any($1::bigint[])",
        list(inventory_ids),
    )
    return {row["inventory_id"]: (row["product_id"], row["batch_id"]) for row in rows}
