"""Versions of the order policy, and which of them is in effect.

At any moment it is the one that took effect last; of two with the same time, the one that was written later.
"""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader

MOST_AHEAD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPolicy:
    """订单政策: one version. `payment_minutes`: how long a new order waits for its payment; None: for ever."""

    policy_id: int
    payment_minutes: int | None
    effective_from: datetime


_COLUMNS = "policy_id, payment_minutes, effective_from"


async def at(reader: Reader, moment: datetime) -> OrderPolicy:
    """The version in effect at a moment; before the first one, the first."""
    row = await reader.fetchrow(
        f"(select {_COLUMNS} from order_policy where effective_from <= $1 order by effective_from desc, policy_id desc limit 1)"
        f" union all (select {_COLUMNS} from order_policy order by effective_from, policy_id desc limit 1) limit 1",
        moment,
    )
    assert row is not None  # noqa: S101 - the first version came with the table, and none is ever deleted
    return OrderPolicy(**dict(row.items()))


async def after(reader: Reader, moment: datetime) -> list[OrderPolicy]:
    """The versions that will take effect after a moment, the next first."""
    rows = await reader.fetch(
        f"select {_COLUMNS} from order_policy where effective_from > $1 order by effective_from, policy_id limit $2",
        moment,
        MOST_AHEAD,
    )
    return [OrderPolicy(**dict(row.items())) for row in rows]


async def newest(reader: Reader) -> int:
    """The id of the version that was written last."""
    policy_id: int = await reader.fetchval("select max(policy_id) from order_policy")
    return policy_id
