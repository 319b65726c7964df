"""Claims on shipping: who alone talks to the warehouse about an order, and until when.

Between asking the warehouse and committing, nothing of ours is locked. The claim makes sure that nobody else
ships the order or takes a shipment of it back meanwhile; one that has run out may be taken over, and its late
holder finds it gone when it commits.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import OrderId


async def claim(
    tx: Transaction, orders: Iterable[OrderId], holder: UUID, now: datetime, until: datetime
) -> set[OrderId]:
    """Claim orders that nobody has claimed, or whose claim has run out or is the holder's own; answers those got."""
    rows = await tx.fetch(
        "insert into shipping as s (order_id, claim, until)"
        " select id, $2, $4 from unnest($1::bigint[]) as id order by id"
        " on conflict (order_id) do update set claim = $2, until = $4 where s.until <= $3 or s.claim = $2"
        " returning order_id",
        sorted(set(orders)),
        holder,
        now,
        until,
    )
    return {row["order_id"] for row in rows}


async def give_back(tx: Transaction, orders: Iterable[OrderId], holder: UUID) -> set[OrderId]:
    """End claims; answers the orders that were still the holder's."""
    rows = await tx.fetch(
        "delete from shipping where order_id = any($1::bigint[]) and claim = $2 returning order_id",
        sorted(set(orders)),
        holder,
    )
    return {row["order_id"] for row in rows}
