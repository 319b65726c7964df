"""Orders as their readers see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId, LineId, OrderId, ProductId, RuleId
from fenxiao.orders.api import Refund
from fenxiao.orders.events import Status
from fenxiao.orders.queries.histories import refunds_of

SHOWN = 4
"""Characters of a payment's reference that stay readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """One line with what has come back of it; `discount_minor` holds its share of the order's discount."""

    line_id: LineId
    product_id: ProductId
    name: str
    quantity: int
    unit_price_minor: int
    discount_minor: int
    order_discount_minor: int
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
    discount_minor: int
    shipping_minor: int
    tax_minor: int
    rule_id: RuleId | None
    payment_method: str | None
    payment_reference: str | None
    created_at: datetime
    pay_by: datetime | None
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


async def _lines(reader: Reader, ids: Sequence[OrderId]) -> dict[OrderId, list[LineView]]:
    rows = await reader.fetch(
        "select l.order_id, l.line_id, l.product_id, f.name, l.quantity, l.unit_price_minor, l.discount_minor, l.amount_minor,"
        " l.order_discount_minor,"
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
