"""What does not hold in the tables of orders: read-only, over the whole book, set-based."""

from collections.abc import Sequence
from dataclasses import dataclass

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import OrderId, RuleId
from fenxiao.orders.api import FrozenMember
from fenxiao.orders.domain.facts import Facts
from fenxiao.orders.queries.histories import frozen, standings
from fenxiao.orders.tables import LINE_SEAL, ORDER_SEAL


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not what it should be: `subject` is table and key, such as "orders.refund/7"."""

    subject: str
    expected: str
    found: str


_TOTALS = """
select 'orders.orders/' || o.order_id as subject,
  'total_minor ' || coalesce(l.gross - l.discounts, 0) + o.shipping_minor + o.tax_minor
    || ', the sum of its lines less discounts with shipping and tax' as expected,
  'total_minor ' || o.total_minor as found
from orders o left join
  (select order_id, sum(unit_price_minor * quantity)::bigint as gross, sum(discount_minor)::bigint as discounts
   from order_line group by order_id) l using (order_id)
where o.total_minor is distinct from coalesce(l.gross - l.discounts, 0) + o.shipping_minor + o.tax_minor
order by o.order_id
"""
_SHARES = """
select 'orders.orders/' || o.order_id as subject,
  'discount_minor ' || coalesce(l.shares, 0) || ', the sum of its lines'' shares' as expected,
  'discount_minor ' || o.discount_minor as found
from orders o left join
  (select order_id, sum(order_discount_minor)::bigint as shares from order_line group by order_id) l using (order_id)
where o.discount_minor <> coalesce(l.shares, 0)
order by o.order_id
"""
_LATE = """
select 'orders.orders/' || o.order_id as subject, 'cancelled no earlier than ' || o.pay_by as expected,
  'cancelled ' || h.at || ' for want of payment' as found
from orders o join order_history h using (order_id)
where h.reason = 'payment-limit' and (o.pay_by is null or h.at < o.pay_by)
order by o.order_id
"""
_LINES = """
select 'orders.order_line/' || order_id || '/' || line_id as subject,
  'amount_minor ' || unit_price_minor * quantity - discount_minor as expected, 'amount_minor ' || amount_minor as found
from order_line where amount_minor <> unit_price_minor * quantity - discount_minor order by order_id, line_id
"""
_SEALED_ORDERS = f"""
select 'orders.orders/' || order_id as subject, 'what was frozen when it was placed' as expected,
  'seller, upline, lines'' facts or total were changed' as found
from orders where seal <> {ORDER_SEAL} order by order_id
"""
_SEALED_LINES = f"""
select 'orders.order_line/' || order_id || '/' || line_id as subject, 'what was frozen when it was placed' as expected,
  'product, units or amounts were changed' as found
from order_line where seal <> {LINE_SEAL} order by order_id, line_id
"""
_ONE_LINE = """
select 'orders.orders/' || o.order_id as subject,
  'product_id ' || coalesce(l.product_id::text, 'none') || ', quantity ' || coalesce(l.quantity::text, 'none') as expected,
  'product_id ' || coalesce(o.product_id::text, 'none') || ', quantity ' || coalesce(o.quantity::text, 'none') as found
from orders o join
  (select order_id, case when count(*) = 1 then min(product_id) end as product_id,
     case when count(*) = 1 then min(quantity) end as quantity from order_line group by order_id) l using (order_id)
where (o.product_id, o.quantity) is distinct from (l.product_id, l.quantity)
order by o.order_id
"""
_CHAIN = """
select 'orders.order_history/' || order_id || '/' || version as subject,
  'from ' || coalesce(before, 'nothing') as expected, 'from ' || coalesce(from_status, 'nothing') as found
from (select *, lag(to_status) over (partition by order_id order by version) as before from order_history) h
where from_status is distinct from before order by order_id, version
"""
_LAST = """
select 'orders.orders/' || o.order_id as subject,
  'status ' || coalesce(h.status, 'none') || ', version ' || coalesce(h.steps, 0) + coalesce(r.refunds, 0) as expected,
  'status ' || o.status || ', version ' || o.version as found
from orders o
left join (select order_id, (array_agg(to_status order by version desc))[1] as status,
             count(*) filter (where to_status <> 'refunded') as steps from order_history group by order_id) h using (order_id)
left join (select order_id, count(*) as refunds from refund group by order_id) r using (order_id)
where o.status is distinct from h.status or o.version <> coalesce(h.steps, 0) + coalesce(r.refunds, 0)
order by o.order_id
"""
_TIMES = """
select 'orders.orders/' || o.order_id as subject, t.name || ' ' || coalesce(h.at::text, 'none') as expected,
  t.name || ' ' || coalesce(t.at::text, 'none') as found
from orders o
cross join lateral (values ('created_at', 'pending', o.created_at), ('paid_at', 'paid', o.paid_at),
  ('shipped_at', 'shipped', o.shipped_at), ('completed_at', 'completed', o.completed_at),
  ('cancelled_at', 'cancelled', o.cancelled_at)) as t(name, status, at)
left join order_history h on h.order_id = o.order_id and h.to_status = t.status
where t.at is distinct from h.at order by o.order_id
"""
_HOLDS = """
select 'orders.orders/' || o.order_id as subject, 'hold ' || o.hold_id || ' committed' as expected,
  'hold ' || o.hold_id || ' ' || coalesce(h.outcome, 'unknown') as found
from orders o left join hold_outcome h on h.holder = 'catalog' and h.hold_id = o.hold_id
where h.outcome is distinct from 'committed'
union all
select 'orders.hold_outcome/' || h.hold_id, 'an order of this hold', 'none'
from hold_outcome h left join orders o using (hold_id) where h.outcome = 'committed' and o.order_id is null
"""
ARITHMETIC = (_LINES, _TOTALS, _SHARES, _ONE_LINE)
SEALS = (_SEALED_ORDERS, _SEALED_LINES)
STATES = (_CHAIN, _LAST, _TIMES, _LATE)
HOLDS = (_HOLDS,)


async def faults(reader: Reader, query: str) -> list[Fault]:
    """What one of the questions above finds."""
    return [Fault(*row) for row in await reader.fetch(query)]


async def facts_after(reader: Reader, cursor: int, limit: int) -> list[tuple[int, Facts, bytes]]:
    """The next rows of `product_facts` with their digests."""
    rows = await reader.fetch(
        "select facts_id, product_id, version, name, currency, list_minor, cost_minor, category_path, tags, digest"
        " from product_facts where facts_id > $1 order by facts_id limit $2",
        cursor,
        limit,
    )
    return [(row["facts_id"], _facts(row), row["digest"]) for row in rows]


def _facts(row: Record) -> Facts:
    return Facts(
        product_id=row["product_id"],
        version=row["version"],
        name=row["name"],
        currency=row["currency"],
        list_minor=row["list_minor"],
        cost_minor=row["cost_minor"],
        category_path=tuple(row["category_path"]),
        tags=tuple(row["tags"]),
    )


@dataclass(frozen=True, slots=True)
class Frozen:
    """Who stood above an order's seller, as the order has it."""

    order_id: OrderId
    seller: FrozenMember
    upline: tuple[FrozenMember, ...]
    tree_version: int


async def frozen_after(reader: Reader, cursor: OrderId, limit: int) -> list[Frozen]:
    """The frozen chains of the next orders by id."""
    rows = await reader.fetch(
        "select order_id, distributor_id, seller_grade, seller_rank, seller_active, upline_ids, upline_grades,"
        " upline_ranks, upline_active, tree_version from orders where order_id > $1 order by order_id limit $2",
        cursor,
        limit,
    )
    return [
        Frozen(
            row["order_id"],
            frozen((row["distributor_id"], row["seller_grade"], row["seller_rank"], row["seller_active"])),
            tuple(map(frozen, standings(row))),
            row["tree_version"],
        )
        for row in rows
    ]


async def rules_in_use(reader: Reader) -> list[tuple[RuleId, str, OrderId]]:
    """Every rule version that orders are stamped with, per currency, and the first such order."""
    rows = await reader.fetch(
        "select rule_id, currency, min(order_id) as order_id from orders where rule_id is not null group by 1, 2 order by 1, 2"
    )
    return [(row["rule_id"], row["currency"], row["order_id"]) for row in rows]


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund as it is stored; `lines` are (line, units, minor units of money)."""

    refund_id: int
    sequence: int
    kind: str
    amount_minor: int
    shipping_minor: int
    tax_minor: int
    lines: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class RefundedOrder:
    """An order with refunds: what was ordered, line by line in order, and what is said to have come back."""

    order_id: OrderId
    status: str
    total_minor: int
    refunded_minor: int
    shipping_minor: int
    tax_minor: int
    lines: tuple[tuple[int, int, int], ...]
    refunds: tuple[RefundRow, ...]


async def refunded_after(reader: Reader, cursor: OrderId, limit: int) -> list[RefundedOrder]:
    """The next orders that have, or claim to have, refunds."""
    heads = await reader.fetch(
        "select order_id, status, total_minor, refunded_minor, shipping_minor, tax_minor from orders o where order_id > $1"
        " and (refunded_minor <> 0 or status = 'refunded' or exists (select from refund r where r.order_id = o.order_id))"
        " order by order_id limit $2",
        cursor,
        limit,
    )
    ids = [row["order_id"] for row in heads]
    lines = await reader.fetch(
        "select order_id, line_id, quantity, amount_minor from order_line where order_id = any($1::bigint[])"
        " order by order_id, line_id",
        ids,
    )
    refunds = await reader.fetch(
        "select order_id, refund_id, sequence, kind, amount_minor, shipping_minor, tax_minor from refund where order_id = any($1::bigint[])"
        " order by order_id, sequence",
        ids,
    )
    taken = await reader.fetch(
        "select refund_id, line_id, quantity, amount_minor from refund_line where order_id = any($1::bigint[])"
        " order by refund_id, line_id",
        ids,
    )
    by_refund = _grouped(taken)
    by_order: dict[OrderId, list[RefundRow]] = {}
    for row in refunds:
        values = dict(row.items())
        del values["order_id"]
        stored = RefundRow(**values, lines=tuple(by_refund.get(row["refund_id"], ())))
        by_order.setdefault(row["order_id"], []).append(stored)
    ordered = _grouped(lines)
    return [
        RefundedOrder(
            order_id=row["order_id"],
            status=row["status"],
            total_minor=row["total_minor"],
            refunded_minor=row["refunded_minor"],
            shipping_minor=row["shipping_minor"],
            tax_minor=row["tax_minor"],
            lines=tuple(ordered.get(row["order_id"], ())),
            refunds=tuple(by_order.get(row["order_id"], ())),
        )
        for row in heads
    ]


def _grouped(rows: Sequence[Record]) -> dict[int, list[tuple[int, int, int]]]:
    groups: dict[int, list[tuple[int, int, int]]] = {}
    for key, *values in rows:
        groups.setdefault(key, []).append((values[0], values[1], values[2]))
    return groups
