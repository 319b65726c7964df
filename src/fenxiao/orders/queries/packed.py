"""What the commission of many orders rests on, packed by the database: no row of it becomes an object on the way.

A page is one value, so that whoever passes it on to another process has next to nothing to do with it.
"""

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import OrderId
from fenxiao.orders.api import FactsPage, PaidSpan

# `FactsPage` in the api says what stands where. Refunds are asked for only where there are any.
_PAGE = """
select coalesce(string_agg(json_build_array(
    o.order_id, o.currency, o.created_at, o.paid_at, o.completed_at,
    json_build_array(o.distributor_id, o.seller_grade, o.seller_rank, o.seller_active,
      o.upline_ids, o.upline_grades, o.upline_ranks, o.upline_active),
    l.lines,
    case when o.refunded_minor > 0 then (
      select json_agg(json_build_array(r.sequence, r.at, (
        select coalesce(json_agg(json_build_array(t.line_id, t.quantity, t.amount_minor) order by t.line_id), '[]')
        from refund_line t where t.refund_id = r.refund_id)) order by r.sequence)
      from refund r where r.order_id = o.order_id) end
  )::text, E',\\n' order by o.order_id), '') as content,
  coalesce(array_agg(o.order_id order by o.order_id), '{}') as order_ids
from (
  select * from orders where order_id > $1 and paid_at >= $2 and paid_at < $3 and currency = $4
  order by order_id limit $5
) o
cross join lateral (
  select json_agg(json_build_array(l.line_id, l.product_id, l.quantity, l.amount_minor, f.list_minor, f.cost_minor,
    f.category_path, f.tags) order by l.line_id) as lines
  from order_line l join product_facts f using (facts_id) where l.order_id = o.order_id
) l
"""


async def facts_after(reader: Reader, span: PaidSpan, cursor: OrderId, limit: int) -> FactsPage:
    """The next orders of the span by id."""
    row = await reader.fetchrow(_PAGE, cursor, span.start, span.end, span.currency, limit)
    content, order_ids = ("", []) if row is None else (row["content"], row["order_ids"])
    return FactsPage(order_ids=tuple(order_ids), content=f"[{content}]")


async def paid_within(reader: Reader, span: PaidSpan) -> int:
    """How many orders of the span there are."""
    found: int = await reader.fetchval(
        "select count(*) from orders where paid_at >= $1 and paid_at < $2 and currency = $3",
        span.start,
        span.end,
        span.currency,
    )
    return found
