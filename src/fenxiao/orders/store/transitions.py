"""Moving orders from state to state, with their history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import DistributorId, HoldId, OrderId, RuleId
from fenxiao.orders.events import Status


@dataclass(slots=True)
class Standing:
    """Where an order stands, read under its row's lock; the use case moves it along as it decides."""

    order_id: OrderId
    distributor_id: DistributorId
    hold_id: HoldId
    status: Status
    version: int
    currency: str
    total_minor: int
    refunded_minor: int
    shipping_minor: int
    tax_minor: int
    shipped: bool
    since: datetime

    def moment(self, at: datetime) -> datetime:
        """When a fact that is recorded now counts as having happened: never before the last one of this order.

        Two callers read their clocks before one of them gets the lock; an order's history must not go back in
        time, or what was booked of it would no longer be what follows from it.
        """
        self.since = max(at, self.since)
        return self.since


@dataclass(frozen=True, slots=True)
class Change:
    """One transition that was decided; `version` is the one it makes, `previous` is None for a new order."""

    order_id: OrderId
    version: int
    previous: Status | None
    status: Status
    at: datetime
    actor: str


async def lock(tx: Transaction, order_ids: Iterable[OrderId]) -> dict[OrderId, Standing]:
    """Lock orders, in id order, and say where they stand; unknown ids are left out."""
    rows = await tx.fetch(
        "select order_id, distributor_id, hold_id, status, version, currency, total_minor, refunded_minor,"
        " shipping_minor, tax_minor, shipped_at is not null as shipped, greatest(created_at, paid_at, shipped_at, completed_at) as since"
        " from orders where order_id = any($1::bigint[]) order by order_id for update",
        sorted(set(order_ids)),
    )
    found = {row["order_id"]: Standing(*row) for row in rows}
    # A statement of its own, begun under the locks: one that had to wait for them would still see the refunds of
    # before, although it sees the newest state of the orders.
    refunds = await tx.fetch(
        "select order_id, max(at) as at from refund where order_id = any($1::bigint[]) group by order_id",
        list(found),
    )
    for row in refunds:
        found[row["order_id"]].moment(row["at"])
    return found


async def unpaid(reader: Reader, now: datetime, limit: int) -> list[OrderId]:
    """The pending orders whose time for payment ran out first."""
    rows = await reader.fetch(
        "select order_id from orders where status = 'pending' and pay_by is not null and pay_by <= $1"
        " order by pay_by, order_id limit $2",
        now,
        limit,
    )
    return [row["order_id"] for row in rows]


async def advance(tx: Transaction, changes: Sequence[Change], *, reason: str | None = None) -> None:
    """Write transitions of locked orders, at most one for each, with their history and one reason for all."""
    if not changes:
        return
    await tx.execute(
        "update orders as o set status = t.status, version = t.version,"
        " shipped_at = case when t.status = 'shipped' then t.at else o.shipped_at end,"
        " completed_at = case when t.status = 'completed' then t.at else o.completed_at end,"
        " cancelled_at = case when t.status = 'cancelled' then t.at else o.cancelled_at end"
        " from unnest($1::bigint[], $2::text[], $3::int[], $4::timestamptz[]) as t(order_id, status, version, at)"
        " where o.order_id = t.order_id",
        [change.order_id for change in changes],
        [change.status for change in changes],
        [change.version for change in changes],
        [change.at for change in changes],
    )
    await record(tx, changes, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """How an order was paid; the reference is sealed."""

    method: str | None
    reference: bytes | None
    rule_id: RuleId | None


async def pay(tx: Transaction, change: Change, payment: Payment) -> None:
    """Write that a locked order was paid, stamped with the rule version in effect."""
    await tx.execute(
        "update orders set status = 'paid', version = $2, paid_at = $3, rule_id = $4, payment_method = $5,"
        " payment_reference = $6 where order_id = $1",
        change.order_id,
        change.version,
        change.at,
        payment.rule_id,
        payment.method,
        payment.reference,
    )
    await record(tx, [change])


async def record(tx: Transaction, changes: Sequence[Change], *, reason: str | None = None) -> None:
    """Write history: who brought which order from where to where, and when; `reason` is that of all of them."""
    await tx.execute(
        "insert into order_history (order_id, version, from_status, to_status, actor, at, reason)"
        " select *, $7::text from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])",
        [change.order_id for change in changes],
        [change.version for change in changes],
        [change.previous for change in changes],
        [change.status for change in changes],
        [change.actor for change in changes],
        [change.at for change in changes],
        reason,
    )
