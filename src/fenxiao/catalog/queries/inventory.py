"""What lies of a product where."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from fenxiao.catalog.tables import inventory, stock
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import ProductId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """What lies in one batch."""

    batch_id: str
    stock: int
    expiry_date: date | None
    recalled: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """库存: `stock` can be sold now (not expired, recalled or reserved, never below 0); `reserved` is ordered, not shipped.

    `low`: what can be sold has fallen below `alert_threshold`.
    """

    product_id: ProductId
    stock: int
    reserved: int
    alert_threshold: int | None
    low: bool
    batches: tuple[BatchView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryFilter:
    """Whose stock is asked for; `expiring_before`: something lies in a batch that expires before that day."""

    product_ids: Collection[int] | None = None
    low: bool | None = None
    expiring_before: date | None = None


async def inventories(
    reader: Reader, product_ids: Collection[int], today: date, *, empty: bool = True
) -> list[Inventory]:
    """What lies of these products, by product, with or without `empty` batches; unknown products are left out."""
    # One statement: two would show a reservation without its batch, or the other way round.
    rows = await reader.fetch(
        """
        select s.product_id, s.reserved, s.alert_threshold, s.low,
               i.batch_id, i.stock, i.expiry_date, i.recalled, i.updated_at
        from stock s left join inventory i on i.product_id = s.product_id and (i.stock > 0 or $2)
        where s.product_id = any($1::bigint[])
        order by s.product_id, i.expiry_date nulls last, i.inventory_id
        """,
        list(product_ids),
        empty,
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
            recalled=row["recalled"],
            updated_at=row["updated_at"],
        )
        for row in rows
        if row["batch_id"] is not None
    )
    reserved = rows[0]["reserved"]
    servable = sum(
        b.stock for b in batches if not b.recalled and (b.expiry_date is None or b.expiry_date >= today)
    )
    return Inventory(
        product_id=rows[0]["product_id"],
        stock=max(0, servable - reserved),
        reserved=reserved,
        alert_threshold=rows[0]["alert_threshold"],
        low=rows[0]["low"],
        batches=batches,
    )


async def search(
    reader: Reader, wanted: InventoryFilter, today: date, *, cursor: str | None, limit: int
) -> Page[Inventory]:
    """What lies of the products, by product, without empty batches."""
    query = select(stock.c.product_id).order_by(stock.c.product_id).limit(limit + 1)
    if wanted.product_ids is not None:
        query = query.where(stock.c.product_id.in_(wanted.product_ids))
    if wanted.low is not None:
        query = query.where(stock.c.low if wanted.low else ~stock.c.low)
    if wanted.expiring_before is not None:
        expiring = select(inventory.c.product_id).where(
            inventory.c.expiry_date < wanted.expiring_before, inventory.c.stock > 0
        )
        if cursor:
            # Told twice: the planner does not see that what is behind the cursor here is so there.
            expiring = expiring.where(inventory.c.product_id > decode_cursor(cursor, int)[0])
        query = query.where(stock.c.product_id.in_(expiring))
    if cursor:
        query = query.where(stock.c.product_id > decode_cursor(cursor, int)[0])
    rows = await reader.fetch(query)
    products = [row["product_id"] for row in rows[:limit]]
    found = await inventories(reader, products, today, empty=False)
    return Page(tuple(found), encode_cursor(products[-1]) if len(rows) > limit else None)


async def batch_names(reader: Reader, inventory_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """By inventory id: product and batch number."""
    rows = await reader.fetch(
        "select inventory_id, product_id, batch_id from inventory where inventory_id = any($1::bigint[])",
        list(inventory_ids),
    )
    return {row["inventory_id"]: (row["product_id"], row["batch_id"]) for row in rows}
