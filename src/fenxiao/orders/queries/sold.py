"""What was sold in a stretch of time: in all, and by whom and whose downline, as it was known at a moment."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import DistributorId
from fenxiao.orders.api import Base, SellingStretch, Sold, SoldBy, SoldQuestion

# An order lies in the stretch in which it came to the state, by the time of the fact; it is known once that is recorded.
_SOLD = """
with sold as materialized (
  select o.order_id, o.distributor_id, o.upline_ids, o.total_minor - o.shipping_minor - o.tax_minor as goods_minor
    from orders o
   where o.{column} >= $1 and o.{column} < $2 and o.currency = $3
     and (select min(h.recorded_at) from order_history h
           where h.order_id = o.order_id and h.to_status = '{state}') <= $4
), net as materialized (
  {net}
)
"""

_PAID_AMOUNT = """
  select s.distributor_id, s.upline_ids, s.goods_minor - coalesce((
           select sum(r.amount_minor) from refund r where r.order_id = s.order_id and r.recorded_at <= $4), 0) as base_minor
    from sold s
"""

# Line by line: where nothing of a line's amount is left its base is 0; else by the units that were not returned.
_BY_LINES = """
  select s.distributor_id, s.upline_ids, sum(case when l.amount_minor = back.amount_minor then 0 else {measure} end) as base_minor
    from sold s join order_line l using (order_id) join product_facts f using (facts_id)
    cross join lateral (
      select coalesce(sum(t.amount_minor), 0) as amount_minor, coalesce(sum(t.quantity), 0) as quantity
        from refund_line t join refund r using (refund_id)
       where t.order_id = l.order_id and t.line_id = l.line_id and r.recorded_at <= $4) back
   group by s.order_id, s.distributor_id, s.upline_ids
"""
_NETS: dict[Base, str] = {
    "paid_amount": _PAID_AMOUNT,
    # Without a known cost no profit can be shown.
    "profit": _BY_LINES.format(
        measure="coalesce(greatest(0, l.amount_minor - back.amount_minor - f.cost_minor * (l.quantity - back.quantity)), 0)"
    ),
    "list_price": _BY_LINES.format(measure="coalesce(f.list_minor * (l.quantity - back.quantity), 0)"),
}

_TOTAL = "select coalesce(sum(base_minor), 0)::bigint as total from net"
_BY = """
select w.distributor_id, coalesce(sum(n.base_minor) filter (where w.own), 0)::bigint as personal_minor,
       sum(n.base_minor)::bigint as team_minor
  from net n cross join lateral (
    select n.distributor_id, true as own union all select u, false from unnest(n.upline_ids) as u) w
 where w.distributor_id = any($5::text::bigint[])
 group by w.distributor_id order by w.distributor_id
"""

# Stretch by stretch, an order as `_SOLD` and `_PAID_AMOUNT` count it. Read in the order of payment, so that it is the index
# of a seller's orders by payment that is read, of his stretch alone: nothing else tells the planner to prefer it.
_WITHIN = """
select coalesce(n.net_minor, 0)::bigint as net_minor
  from unnest($3::text::bigint[], $4::text::timestamptz[], $5::text::timestamptz[])
       with ordinality as a (distributor_id, since, until, place)
  cross join lateral (
    select sum(o.total_minor - o.shipping_minor - o.tax_minor - case when o.refunded_minor = 0 then 0 else coalesce((
             select sum(r.amount_minor) from refund r where r.order_id = o.order_id and r.recorded_at <= $2), 0) end) as net_minor
      from (select * from orders
             where distributor_id = a.distributor_id and paid_at >= a.since and paid_at < a.until
             order by paid_at, order_id offset 0) o
     where o.currency = $1
       and (select min(h.recorded_at) from order_history h
             where h.order_id = o.order_id and h.to_status = 'paid') <= $2) n
 order by a.place
"""

_CHANGED = """
select place, exists (
    select from refund r join orders o using (order_id)
     where r.recorded_at > known and r.recorded_at <= until and o.currency = a.currency
       and case a.state when 'paid' then o.paid_at else o.completed_at end >= a.since
       and case a.state when 'paid' then o.paid_at else o.completed_at end < a.until_at)
  or exists (
    select from order_history h join orders o using (order_id)
     where h.recorded_at > known and h.recorded_at <= until and h.to_status = a.state and o.currency = a.currency
       and h.at >= a.since and h.at < a.until_at) as changed
  from unnest($1::text::text[], $2::text::text[], $3::text::timestamptz[], $4::text::timestamptz[],
              $5::text::timestamptz[], $6::text::timestamptz[])
       with ordinality as a (currency, state, since, until_at, known, until, place)
 order by place
"""


def _of(asked: SoldQuestion, rest: str) -> str:
    column = f"{asked.reached}_at"
    return _SOLD.format(column=column, state=asked.reached, net=_NETS[asked.base]) + rest


async def total(reader: Reader, asked: SoldQuestion) -> int:
    """The base of all orders."""
    found: int = await reader.fetchval(
        _of(asked, _TOTAL), asked.since, asked.until, asked.currency, asked.recorded_until
    )
    return found


async def by(reader: Reader, asked: SoldQuestion, distributor_ids: Sequence[DistributorId]) -> list[SoldBy]:
    """That of each of these who sold something, or below whom somebody did."""
    rows = await reader.fetch(
        _of(asked, _BY),
        asked.since,
        asked.until,
        asked.currency,
        asked.recorded_until,
        arrays.numbers(distributor_ids),
    )
    return [SoldBy(**dict(row.items())) for row in rows]


async def sold(reader: Reader, asked: SoldQuestion, distributor_ids: Sequence[DistributorId]) -> Sold:
    """Both."""
    return Sold(
        total_minor=await total(reader, asked),
        by=tuple(await by(reader, asked, distributor_ids)) if distributor_ids else (),
    )


async def within(
    reader: Reader, currency: str, recorded_until: datetime, stretches: Sequence[SellingStretch]
) -> list[int]:
    """What each seller sold in the stretch, net of refunds."""
    rows = await reader.fetch(
        _WITHIN,
        currency,
        recorded_until,
        arrays.numbers([one.distributor_id for one in stretches]),
        arrays.times([one.since for one in stretches]),
        arrays.times([one.until for one in stretches]),
    )
    return [row["net_minor"] for row in rows]


async def changed(reader: Reader, asked: Sequence[tuple[SoldQuestion, datetime]]) -> list[bool]:
    """Whether anything of it was recorded behind the moment beside it and up to its own."""
    rows = await reader.fetch(
        _CHANGED,
        arrays.texts([one.currency for one, _ in asked]),
        arrays.texts([one.reached for one, _ in asked]),
        arrays.times([one.since for one, _ in asked]),
        arrays.times([one.until for one, _ in asked]),
        arrays.times([known for _, known in asked]),
        arrays.times([one.recorded_until for one, _ in asked]),
    )
    return [row["changed"] for row in rows]


async def currencies(reader: Reader) -> list[str]:
    """The currencies in which anything was ever sold: a step in the index for each."""
    rows = await reader.fetch(
        "with recursive known as ((select currency from orders order by currency limit 1) union all"
        " select (select currency from orders where currency > k.currency order by currency limit 1) from known k"
        " where k.currency is not null) select currency from known where currency is not null"
    )
    return [row["currency"] for row in rows]
