"""How what lies in the warehouse came there."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_

from fenxiao.catalog.tables import inventory, stock_movement
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import OrderId, ProductId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementFilter:
    """Which movements are asked for; `since` belongs to the time asked for, `until` does not."""

    reason: str | None = None
    batch_id: str | None = None
    order_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


_COLUMNS = (
    *(stock_movement.c[name] for name in MovementView.__slots__ if name != "batch_id"),
    inventory.c.batch_id,
)


async def movements(
    reader: Reader, product_id: int, wanted: MovementFilter, *, cursor: str | None, limit: int
) -> Page[MovementView]:
    """The movements of a product, the latest first."""
    moved = stock_movement.c
    query = (
        select(*_COLUMNS)
        .join(inventory, inventory.c.inventory_id == moved.inventory_id)
        .where(moved.product_id == product_id)
        .order_by(moved.at.desc(), moved.movement_id.desc())
        .limit(limit + 1)
    )
    if wanted.reason is not None:
        query = query.where(moved.reason == wanted.reason)
    if wanted.batch_id is not None:
        # By its number: how much has moved of it is known to the planner of that, not of its name.
        number = await reader.fetchval(
            "select inventory_id from inventory where product_id = $1 and batch_id = $2",
            product_id,
            wanted.batch_id,
        )
        query = query.where(moved.inventory_id == number)
    if wanted.order_id is not None:
        own = select(inventory.c.inventory_id).where(inventory.c.product_id == product_id)
        query = query.where(moved.inventory_id.in_(own), moved.order_id == wanted.order_id)
    if wanted.since is not None:
        query = query.where(moved.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(moved.at < wanted.until)
    if cursor:
        query = query.where(tuple_(moved.at, moved.movement_id) < decode_cursor(cursor, datetime, int))
    rows = await reader.fetch(query)
    items = tuple(MovementView(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].at, items[-1].movement_id) if len(rows) > limit else None)
