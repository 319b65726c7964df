"""What has been booked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from fenxiao.commission.events import CommissionAccrued, CommissionClawedBack
from fenxiao.commission.tables.entries import commission
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import CommissionId, DistributorId, OrderId, RuleId, SettlementId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """佣金明细: one entry as it stands, of an order or of a period; the amount is signed, in minor units."""

    commission_id: CommissionId
    order_id: OrderId | None
    distributor_id: DistributorId
    rule_id: RuleId
    engine_version: str
    component: str
    level: int
    kind: str
    commission_amount_minor: int
    currency: str
    step: int
    refund_sequence: int | None
    status: str
    created_at: datetime
    release_at: datetime | None
    released_at: datetime | None
    settlement_id: SettlementId | None
    corrects: CommissionId | None
    close_id: int | None
    period: str | None

    @property
    def key(self) -> tuple[str, int, int]:
        """Component, level and distributor."""
        return (self.component, self.level, self.distributor_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step of an order's history changed, over all its entries."""

    order_id: OrderId
    currency: str
    step: int
    at: datetime
    refund_sequence: int | None
    amount_minor: int


_COLUMNS = tuple(commission.c[name] for name in Entry.__slots__)


async def page(
    reader: Reader,
    distributor_id: DistributorId,
    *,
    currency: str | None,
    order_id: OrderId | None,
    limit: int,
    cursor: str | None,
) -> Page[Entry]:
    """A distributor's entries, the last booked first; None: of any currency, of any order."""
    table = commission.c
    query = select(*_COLUMNS).where(table.distributor_id == distributor_id)
    if currency is not None:
        query = query.where(table.currency == currency)
    if order_id is not None:
        query = query.where(table.order_id == order_id)
    if cursor is not None:
        (before,) = decode_cursor(cursor, int)
        query = query.where(table.commission_id < before)
    rows = await reader.fetch(query.order_by(table.commission_id.desc()).limit(limit + 1))
    items = tuple(_entry(row) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].commission_id) if len(rows) > limit else None)


async def currencies(reader: Reader, distributor_id: DistributorId, order_id: OrderId | None) -> list[str]:
    """The currencies in which a distributor has entries, from one order or from all."""
    # A balance exists from the first entry on, and there are far fewer of them.
    query = "select currency from balance where distributor_id = $1 order by 1"
    if order_id is None:
        rows = await reader.fetch(query, distributor_id)
    else:
        # Plus nothing, so that the order's few entries are read and never all of the distributor's.
        query = "select distinct currency from commission where order_id = $2 and distributor_id + 0 = $1"
        rows = await reader.fetch(query, distributor_id, order_id)
    return [row["currency"] for row in rows]


async def entry(reader: Reader, commission_id: CommissionId) -> Entry | None:
    """One entry, None if there is none of this id."""
    row = await reader.fetchrow(select(*_COLUMNS).where(commission.c.commission_id == commission_id))
    return None if row is None else _entry(row)


async def booked_minor(reader: Reader, order_id: OrderId, distributor_id: DistributorId) -> int:
    """What stands booked for a distributor from an order."""
    total: int = await reader.fetchval(
        "select coalesce(sum(commission_amount_minor), 0)::bigint from commission where order_id = $1 and distributor_id + 0 = $2",
        order_id,
        distributor_id,
    )
    return total


async def steps(reader: Reader, order_ids: Sequence[OrderId]) -> list[Step]:
    """The booked steps of these orders, by order and step; a step without entries is left out."""
    rows = await reader.fetch(
        "select order_id, currency, step, min(created_at) as at, min(refund_sequence) as refund_sequence,"
        " sum(commission_amount_minor)::bigint as amount_minor from commission where order_id = any($1::bigint[])"
        " group by order_id, currency, step order by order_id, step",
        list(order_ids),
    )
    return [Step(**dict(row.items())) for row in rows]


async def total_minor(reader: Reader, currency: str) -> int:
    """The sum of all entries in a currency."""
    total: int = await reader.fetchval(
        "select coalesce(sum(commission_amount_minor), 0)::bigint from commission where currency = $1",
        currency,
    )
    return total


async def in_flight(reader: Reader) -> list[OrderId]:
    """Orders of which an event of ours has not been delivered yet."""
    rows = await reader.fetch(
        "select distinct (data->>'order_id')::bigint as order_id from outbox"
        " where published_at is null and type = any($1::text[]) order by 1",
        [CommissionAccrued.type, CommissionClawedBack.type],
    )
    return [row["order_id"] for row in rows]


def _entry(row: Record) -> Entry:
    return Entry(**dict(row.items()))
