"""Low stock: whether what can be sold of a product has fallen below its threshold, and that it is told once.

`stock.low` remembers it, under the lock of the stock row, which whoever changes units holds anyway. A product of
which nothing was ever put into a batch is not low: it has not fallen.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime

from fenxiao.catalog.events import StockLow
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.transaction import Transaction

_PRESENT = """
  select s.product_id, s.alert_threshold as threshold,
         greatest(0, coalesce(sum(i.stock) filter (where not i.recalled and (i.expiry_date is null or i.expiry_date >= $2)), 0)
                     - s.reserved)::bigint as sellable,
         exists (select from inventory any_batch where any_batch.product_id = s.product_id) as stocked
  from stock s left join inventory i on i.product_id = s.product_id and i.stock > 0
  where s.product_id = any($1::bigint[]) and (s.alert_threshold is not null or s.low)
  group by s.product_id
"""


async def watch(tx: Transaction, product_ids: Collection[int], now: datetime) -> None:
    """Note, and tell, which of these products have become low; their stock rows must be locked."""
    if not product_ids:
        return
    fallen = await tx.fetch(
        f"""
        with present as ({_PRESENT}),
        turned as (
          update stock s set low = not s.low from present p
          where s.product_id = p.product_id and s.low <> (p.stocked and coalesce(p.sellable < p.threshold, false))
          returning s.product_id, s.low)
        select product_id, p.sellable, p.threshold from turned t join present p using (product_id)
        where t.low order by product_id
        """,
        list(product_ids),
        now.astimezone(UTC).date(),
    )
    tx.emit(*(StockLow(**dict(row.items())) for row in fallen))


async def copy_thresholds(tx: Transaction, product_ids: Collection[int], now: datetime) -> None:
    """The thresholds of these products, which this transaction has written, hold from now on."""
    await tx.execute(
        "select from stock where product_id = any($1::bigint[]) order by product_id for update",
        list(product_ids),
    )
    changed = await tx.fetch(
        "update stock s set alert_threshold = p.alert_threshold, low = s.low and p.alert_threshold is not null"
        " from product p where p.product_id = s.product_id and s.product_id = any($1::bigint[])"
        " and s.alert_threshold is distinct from p.alert_threshold returning s.product_id",
        list(product_ids),
    )
    await watch(tx, [row["product_id"] for row in changed], now)


async def watched(reader: Reader, after: int, limit: int) -> list[int]:
    """Products with a threshold, by id."""
    rows = await reader.fetch(
        "select product_id from stock where alert_threshold is not null and product_id > $1 order by product_id limit $2",
        after,
        limit,
    )
    return [row["product_id"] for row in rows]


async def expired_between(reader: Reader, first: date, last: date, after: int, limit: int) -> list[int]:
    """Products with a threshold that have a batch which expired on one of these days, by id."""
    rows = await reader.fetch(
        "select distinct i.product_id from inventory i join stock s using (product_id)"
        " where i.expiry_date between $1 and $2 and i.product_id > $3 and s.alert_threshold is not null"
        " order by i.product_id limit $4",
        first,
        last,
        after,
        limit,
    )
    return [row["product_id"] for row in rows]
