"""The whole history of an order: every version of it, who made it and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import OrderId, RefundId
from fenxiao.orders.events import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundEntry:
    """What a refund gave back, in minor units."""

    refund_id: RefundId
    sequence: int
    amount_minor: int
    shipping_minor: int
    tax_minor: int
    restock: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One version of an order: who made it, when, from where to where; `from_status` None: the order was created.

    A refund is one as well, also where it leaves the state as it is. `reason` is told of what the system did by
    itself; `pay_by` of the creation.
    """

    version: int
    from_status: Status | None
    to_status: Status
    actor: str
    at: datetime
    recorded_at: datetime
    reason: str | None = None
    refund: RefundEntry | None = None
    pay_by: datetime | None = None


async def history(reader: Reader, order_id: OrderId) -> list[HistoryEntry]:
    """An order's versions, the first first."""
    # Refunds first: of one that is made meanwhile at most the change of state is found, and that is left out below.
    refunds = await reader.fetch(
        "select refund_id, sequence, amount_minor, shipping_minor, tax_minor, restock, actor, at, recorded_at"
        " from refund where order_id = $1 order by sequence",
        order_id,
    )
    changes = await reader.fetch(
        "select h.version, h.from_status, h.to_status, h.actor, h.at, h.recorded_at, h.reason,"
        " case when h.version = 1 then o.pay_by end as pay_by"
        " from order_history h join orders o using (order_id) where order_id = $1 order by h.version",
        order_id,
    )
    return entries(changes, refunds)


def entries(changes: Sequence[Record], refunds: Sequence[Record]) -> list[HistoryEntry]:
    """Both lists as one. Every version is either a change of state or a refund, the last refund perhaps both."""
    by_version = {row["version"]: row for row in changes}
    waiting = iter(refunds)
    found: list[HistoryEntry] = []
    for version in range(1, len(changes) + len(refunds) + 1):
        change = by_version.get(version)
        if change is not None and change["to_status"] != "refunded":
            found.append(HistoryEntry(**dict(change.items())))
        elif (refund := next(waiting, None)) is not None:
            found.append(_refunded(version, refund, found[-1].to_status, change))
    return found


def _refunded(version: int, refund: Record, status: Status, change: Record | None) -> HistoryEntry:
    values = dict(refund.items())
    who = {name: values.pop(name) for name in ("actor", "at", "recorded_at")}
    return HistoryEntry(
        version=version,
        from_status=status,
        to_status=status if change is None else "refunded",
        refund=RefundEntry(**values),
        **who,
    )
