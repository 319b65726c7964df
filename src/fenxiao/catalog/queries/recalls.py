"""Recalled batches, and which orders got units of a batch."""

from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import OrderId, ProductId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallView:
    """A batch and its last recall, if there was one; `recalled` while that stands."""

    inventory_id: int
    product_id: ProductId
    batch_id: str
    stock: int
    expiry_date: date | None
    recalled: bool
    reason: str | None
    actor: str | None
    recalled_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """An order that got `quantity` units of a batch; `returned` of them lie in it again."""

    order_id: OrderId
    quantity: int
    returned: int
    shipped_at: datetime


async def find(reader: Reader, product_id: int, batch_id: str) -> RecallView | None:
    """The batch with its last recall."""
    row = await reader.fetchrow(
        """
        select i.inventory_id, i.product_id, i.batch_id, i.stock, i.expiry_date, i.recalled, r.reason, r.actor,
               r.recalled_at, r.lifted_at, r.lifted_by, r.lifted_reason
        from inventory i
        left join lateral (select * from batch_recall where inventory_id = i.inventory_id
                           order by recall_id desc limit 1) r on true
        where i.product_id = $1 and i.batch_id = $2
        """,
        product_id,
        batch_id,
    )
    return None if row is None else RecallView(**dict(row.items()))


RECIPIENTS = """
select order_id, (-sum(delta) filter (where reason <> 'returned'))::bigint as quantity,
       coalesce(sum(delta) filter (where reason = 'returned'), 0)::bigint as returned,
       max(at) filter (where reason = 'shipped') as shipped_at
from stock_movement
where inventory_id = $1 and order_id > $2 and reason in ('shipped', 'unshipped', 'returned')
group by order_id having sum(delta) filter (where reason <> 'returned') < 0
order by order_id limit $3
"""
"""Reads the movements of the batch in the order of its index, as far as the page goes."""


async def recipients(reader: Reader, inventory_id: int, *, cursor: str | None, limit: int) -> Page[Recipient]:
    """Which orders got units of a batch, by order."""
    after = decode_cursor(cursor, int)[0] if cursor else 0
    rows = await reader.fetch(RECIPIENTS, inventory_id, after, limit + 1)
    items = tuple(Recipient(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].order_id) if len(rows) > limit else None)
