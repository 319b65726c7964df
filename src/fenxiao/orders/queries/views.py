"""Orders as their readers see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, tuple_

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId, LineId, OrderId, ProductId, RuleId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.orders.api import Refund
from fenxiao.orders.events import Status
from fenxiao.orders.queries.histories import refunds_of
from fenxiao.orders.tables import orders

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SHOWN = 4
"""Characters of a payment's reference that stay readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """One line with what has come back of it."""

    line_id: LineId
    product_id: ProductId
    name: str
    quantity: int
    unit_price_minor: int
    discount_minor: int
    amount_minor: int
    refunded_quantity: int
    refunded_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """订单: an order as it stands; `payment_reference` is masked."""

    order_id: OrderId
    distributor_id: DistributorId
    channel: str
    external_id: str | None
    buyer: str | None
    status: Status
    version: int
    currency: str
    total_minor: int
    refunded_minor: int
    rule_id: RuleId | None
    payment_method: str | None
    payment_reference: str | None
    created_at: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    lines: tuple[LineView, ...]
    refunds: tuple[Refund, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Whose order it is, and the currency of its amounts."""

    distributor_id: DistributorId
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One change of state: who, when, from where to where; `from_status` None: the order was created."""

    version: int
    from_status: Status | None
    to_status: Status
    actor: str
    at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders to list; created from `start` until before `end`."""

    distributor_id: DistributorId | None = None
    status: Status | None = None
    start: datetime | None = None
    end: datetime | None = None


async def head(reader: Reader, order_id: OrderId) -> Head | None:
    """An order's head; None if there is no such order."""
    row = await reader.fetchrow("select distributor_id, currency from orders where order_id = $1", order_id)
    return None if row is None else Head(*row)


async def views(reader: Reader, cipher: Cipher, ids: Sequence[OrderId]) -> list[OrderView]:
    """These orders, in the order asked; unknown ids are left out."""
    rows = await reader.fetch("select * from orders where order_id = any($1::bigint[])", list(ids))
    lines = await _lines(reader, ids)
    refunds = await refunds_of(reader, ids)
    found = {
        row["order_id"]: _view(row, cipher, lines.get(row["order_id"], ()), refunds.get(row["order_id"], ()))
        for row in rows
    }
    return [found[order_id] for order_id in ids if order_id in found]


async def page(
    reader: Reader, cipher: Cipher, wanted: Filter, *, limit: int, cursor: str | None
) -> Page[OrderView]:
    """Orders, the newest first."""
    query = select(orders.c.order_id, orders.c.created_at).order_by(
        orders.c.created_at.desc(), orders.c.order_id.desc()
    )
    if wanted.distributor_id is not None:
        query = query.where(orders.c.distributor_id == wanted.distributor_id)
    if wanted.status is not None:
        query = query.where(orders.c.status == wanted.status)
    if wanted.start is not None:
        query = query.where(orders.c.created_at >= wanted.start)
    if wanted.end is not None:
        query = query.where(orders.c.created_at < wanted.end)
    if cursor is not None:
        query = query.where(tuple_(orders.c.created_at, orders.c.order_id) < _place(cursor))
    rows = await reader.fetch(query.limit(limit + 1))
    shown = rows[:limit]
    following = None
    if len(rows) > limit:
        following = encode_cursor((shown[-1]["created_at"] - _EPOCH) // _MICROSECOND, shown[-1]["order_id"])
    return Page(tuple(await views(reader, cipher, [row["order_id"] for row in shown])), following)


def _place(cursor: str) -> tuple[datetime, OrderId]:
    since, order_id = decode_cursor(cursor, int, int)
    return _EPOCH + int(since) * _MICROSECOND, OrderId(int(order_id))


async def history(reader: Reader, order_id: OrderId) -> list[HistoryEntry]:
    """An order's changes of state, the first first."""
    rows = await reader.fetch(
        "select version, from_status, to_status, actor, at, recorded_at from order_history where order_id = $1 order by version",
        order_id,
    )
    return [HistoryEntry(**dict(row.items())) for row in rows]


async def _lines(reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, list[LineView]]:
    rows = await reader.fetch(
        "select l.order_id, l.line_id, l.product_id, f.name, l.quantity, l.unit_price_minor, l.discount_minor, l.amount_minor,"
        " coalesce(r.quantity, 0) as refunded_quantity, coalesce(r.amount_minor, 0) as refunded_minor"
        " from order_line l join product_facts f using (facts_id)"
        " left join (select line_id, sum(quantity)::int as quantity, sum(amount_minor)::bigint as amount_minor"
        "  from refund_line where order_id = any($1::bigint[]) group by line_id) r on r.line_id = l.line_id"
        " where l.order_id = any($1::bigint[]) order by l.order_id, l.line_id",
        list(ids),
    )
    lines: dict[OrderId, list[LineView]] = {}
    for row in rows:
        values = dict(row.items())
        lines.setdefault(values.pop("order_id"), []).append(LineView(**values))
    return lines


def _view(row: Record, cipher: Cipher, lines: Sequence[LineView], refunds: tuple[Refund, ...]) -> OrderView:
    order_id = row["order_id"]
    same = {name: row[name] for name in OrderView.__dataclass_fields__ if name in _SAME}
    return OrderView(
        **same,
        buyer=_opened(cipher, row["buyer"], "buyer", order_id),
        payment_reference=_masked(_opened(cipher, row["payment_reference"], "payment_reference", order_id)),
        lines=tuple(lines),
        refunds=refunds,
    )


_SAME = frozenset(OrderView.__dataclass_fields__) - {"buyer", "payment_reference", "lines", "refunds"}


def _opened(cipher: Cipher, sealed: bytes | None, column: str, order_id: OrderId) -> str | None:
    return None if sealed is None else cipher.open(sealed, table="orders", column=column, row=order_id)


def _masked(reference: str | None) -> str | None:
    if reference is None:
        return None
    return "****" + (reference[-SHOWN:] if len(reference) > 2 * SHOWN else "")
