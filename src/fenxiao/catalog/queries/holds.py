"""Holds that wait for somebody."""

from collections.abc import Mapping
from datetime import datetime

from fenxiao.catalog.api import OpenHold
from fenxiao.infra.db.sql import Reader


async def overdue(reader: Reader, before: datetime, limit: int) -> list[OpenHold]:
    """Open or shipping holds whose deadline has passed, the oldest first."""
    rows = await reader.fetch(
        "select hold_id, order_id, state from hold where state in ('open', 'shipping') and deadline < $1"
        " order by deadline, hold_id limit $2",
        before,
        limit,
    )
    return [OpenHold(hold_id=row["hold_id"], order_id=row["order_id"], state=row["state"]) for row in rows]


async def with_waiting_facts(reader: Reader, of: Mapping[int, int]) -> list[int]:
    """Those of these orders (order to hold) that some fact waits for."""
    rows = await reader.fetch(
        "select distinct order_id from order_fact where order_id = any($1::bigint[]) and not settled",
        list(of),
    )
    return [row["order_id"] for row in rows]
