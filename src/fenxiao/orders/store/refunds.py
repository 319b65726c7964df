"""Writing refunds of locked orders, and reading what is left of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import LineId, OrderId, ProductId, RefundId
from fenxiao.orders.api import Refund
from fenxiao.orders.domain.refunds import LineLeft
from fenxiao.orders.events import Status

Kind = Literal["units", "amount", "charges"]
"""What a refund was asked by; charges: shipping and tax alone."""


@dataclass(slots=True)
class Left:
    """What is left of an order to refund; its lines in order, and what its refunds so far were."""

    lines: dict[LineId, LineLeft]
    products: dict[LineId, ProductId]
    refunds: int = 0
    refunded_shipping_minor: int = 0
    refunded_tax_minor: int = 0

    def units(self) -> int:
        """Units of all lines that were not returned."""
        return sum(line.quantity for line in self.lines.values())


async def left(tx: Transaction, order_ids: Iterable[OrderId]) -> dict[OrderId, Left]:
    """What is left of each order, its row being locked."""
    rows = await tx.fetch(
        "select l.order_id, l.line_id, l.product_id, l.quantity - coalesce(r.quantity, 0) as quantity,"
        " l.amount_minor - coalesce(r.amount_minor, 0) as amount_minor"
        " from order_line l left join (select line_id, sum(quantity)::int as quantity, sum(amount_minor)::bigint as amount_minor"
        " from refund_line where order_id = any($1::bigint[]) group by line_id) r on r.line_id = l.line_id"
        " where l.order_id = any($1::bigint[]) order by l.order_id, l.line_id",
        ids := sorted(set(order_ids)),
    )
    found: dict[OrderId, Left] = {}
    for order_id, line_id, product_id, quantity, amount in rows:
        if (order := found.get(order_id)) is None:
            order = found[order_id] = Left({}, {})
        order.lines[line_id] = LineLeft(line_id, quantity, amount)
        order.products[line_id] = product_id
    counts = await tx.fetch(
        "select order_id, max(sequence) as refunds, sum(shipping_minor)::bigint as shipping, sum(tax_minor)::bigint as tax"
        " from refund where order_id = any($1::bigint[]) group by order_id",
        ids,
    )
    for row in counts:
        order = found[row["order_id"]]
        order.refunds = row["refunds"]
        order.refunded_shipping_minor, order.refunded_tax_minor = row["shipping"], row["tax"]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """One refund to write, with its order's columns after it."""

    order_id: OrderId
    refund: Refund
    kind: Kind
    key: str | None
    actor: str


@dataclass(frozen=True, slots=True)
class After:
    """An order after its refunds."""

    order_id: OrderId
    status: Status
    version: int
    refunded_minor: int


async def allocate_ids(tx: Transaction, count: int) -> list[RefundId]:
    """So many fresh ids, ascending."""
    ids: list[RefundId] = await tx.fetchval(
        "select array_agg(nextval('refund_refund_id_seq')) from generate_series(1, $1)", count
    )
    return sorted(ids)


async def insert(tx: Transaction, rows: Sequence[NewRow], after: Sequence[After]) -> None:
    """Write refunds with their lines, and the orders as they stand after them."""
    refunds = [row.refund for row in rows]
    await tx.execute(
        "insert into refund (refund_id, order_id, sequence, kind, amount_minor, restock, key, actor, at, shipping_minor,"
        " tax_minor) select * from unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[], $5::bigint[], $6::bool[],"
        " $7::text[], $8::text[], $9::timestamptz[], $10::bigint[], $11::bigint[])",
        [refund.refund_id for refund in refunds],
        [row.order_id for row in rows],
        [refund.sequence for refund in refunds],
        [row.kind for row in rows],
        [refund.amount_minor for refund in refunds],
        [refund.restock for refund in refunds],
        [row.key for row in rows],
        [row.actor for row in rows],
        [refund.at for refund in refunds],
        [refund.shipping_minor for refund in refunds],
        [refund.tax_minor for refund in refunds],
    )
    lines = [(row.refund.refund_id, row.order_id, line) for row in rows for line in row.refund.lines]
    await tx.execute(
        "insert into refund_line (refund_id, order_id, line_id, quantity, amount_minor)"
        " select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[])",
        [refund_id for refund_id, _, _ in lines],
        [order_id for _, order_id, _ in lines],
        [line.line_id for _, _, line in lines],
        [line.quantity for _, _, line in lines],
        [line.amount_minor for _, _, line in lines],
    )
    await _update(tx, after)


async def _update(tx: Transaction, after: Sequence[After]) -> None:
    await tx.execute(
        "update orders as o set status = t.status, version = t.version, refunded_minor = t.refunded_minor"
        " from unnest($1::bigint[], $2::text[], $3::int[], $4::bigint[]) as t(order_id, status, version, refunded_minor)"
        " where o.order_id = t.order_id",
        [order.order_id for order in after],
        [order.status for order in after],
        [order.version for order in after],
        [order.refunded_minor for order in after],
    )


async def by_key(tx: Transaction, keys: Sequence[tuple[OrderId, str]]) -> dict[tuple[OrderId, str], RefundId]:
    """Refunds that were made before under these keys."""
    if not keys:
        return {}
    rows = await tx.fetch(
        "select order_id, key, refund_id from refund"
        " where (order_id, key) in (select * from unnest($1::bigint[], $2::text[]))",
        [order_id for order_id, _ in keys],
        [key for _, key in keys],
    )
    return {(row["order_id"], row["key"]): row["refund_id"] for row in rows}
