"""Where the numbers of the warehouse contradict each other. Whole tables are read, for `verify` alone.

Each question answers rows only for what is wrong: (subject, expected, found), and for the open ends also those.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

from fenxiao.infra.db.sql import Reader


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A row that says one thing where others say another."""

    subject: str
    expected: str
    found: str
    in_flight: bool = False


_BATCHES = """
select 'inventory ' || i.inventory_id || ' (product ' || i.product_id || ', batch ' || i.batch_id || ')' as subject,
       'stock ' || coalesce(m.units, 0) || ', the sum of its movements' as expected, 'stock ' || i.stock as found
from inventory i
left join (select inventory_id, sum(delta) as units from stock_movement group by inventory_id) m using (inventory_id)
where i.stock <> coalesce(m.units, 0)
order by i.inventory_id
"""

_ON_HAND = """
select 'stock of product ' || s.product_id as subject,
       'on_hand ' || coalesce(i.units, 0) || ', the sum of its batches' as expected, 'on_hand ' || s.on_hand as found
from stock s
left join (select product_id, sum(stock) as units from inventory group by product_id) i using (product_id)
where s.on_hand <> coalesce(i.units, 0)
order by s.product_id
"""

_RESERVED = """
select 'stock of product ' || s.product_id as subject,
       'reserved ' || coalesce(h.units, 0) || ', the sum of the holds' as expected, 'reserved ' || s.reserved as found
from stock s
left join (select u.product_id, sum(u.reserved) as units
           from hold cross join unnest(product_ids, reserved) as u(product_id, reserved) group by u.product_id) h
  using (product_id)
where s.reserved <> coalesce(h.units, 0)
order by s.product_id
"""

_PERISHABLE = """
select 'stock of product ' || product_id as subject, 'perishable, as one of its batches ends or is recalled' as expected,
       'not perishable' as found
from stock s where not perishable and exists (
  select from inventory i where i.product_id = s.product_id and (i.expiry_date is not null or i.recalled))
order by product_id
"""

_NEGATIVE = """
select 'stock of product ' || product_id as subject, 'nothing below 0, on_hand not below reserved' as expected,
       'on_hand ' || on_hand || ', reserved ' || reserved as found
from stock where reserved < 0 or on_hand < reserved
union all
select 'inventory ' || inventory_id || ' (product ' || product_id || ', batch ' || batch_id || ')', 'stock 0 or more',
       'stock ' || stock
from inventory where stock < 0
union all
select 'hold ' || hold_id, 'nothing below 0', format('reserved %s, shipped %s, taken %s', reserved, shipped, taken)
from hold where not (0 <= all (reserved) and 0 <= all (shipped) and 0 <= all (taken))
"""

# What a hold reserves follows from what it was taken for, what was shipped and what was given back before that.
_HOLDS = """
with given_back as (
  select f.order_id, u.product_id, sum(u.quantity) as units
  from order_fact f cross join unnest(f.product_ids, f.quantities) as u(product_id, quantity)
  where f.fact = 'returned' and f.settled and not f.shipped group by 1, 2)
select 'hold ' || h.hold_id || coalesce(' (order ' || h.order_id || ', product ', ' (product ') || u.product_id || ')'
         as subject,
       'reserved ' || w.units || format(' (of %s, shipped %s, given back %s)', u.quantity, u.shipped, coalesce(g.units, 0))
         as expected,
       'reserved ' || u.reserved as found
from hold h
cross join unnest(h.product_ids, h.quantities, h.reserved, h.shipped) as u(product_id, quantity, reserved, shipped)
left join given_back g on g.order_id = h.order_id and g.product_id = u.product_id
cross join lateral (
  select case when h.state in ('released', 'cancelled', 'refunded') then 0
              else u.quantity - u.shipped - coalesce(g.units, 0) end as units) w
where u.reserved <> w.units
order by h.hold_id, u.product_id
"""

# What is still out of the batches follows from what was shipped and what came back since.
_TAKEN = """
with returned as (
  select f.order_id, u.product_id, sum(u.quantity) as units
  from order_fact f cross join unnest(f.product_ids, f.quantities) as u(product_id, quantity)
  where f.fact = 'returned' and f.settled and f.shipped and f.restock group by 1, 2),
taken as (
  select h.hold_id, i.product_id, sum(u.taken) as units
  from hold h cross join unnest(h.inventory_ids, h.taken) as u(inventory_id, taken)
  join inventory i using (inventory_id) group by 1, 2)
select 'hold ' || h.hold_id || ' (order ' || coalesce(h.order_id::text, 'none') || ', product ' || u.product_id || ')' as subject,
       'taken ' || u.shipped - coalesce(r.units, 0) || format(' (shipped %s, returned %s)', u.shipped, coalesce(r.units, 0))
         as expected,
       'taken ' || coalesce(t.units, 0) as found
from hold h
cross join unnest(h.product_ids, h.shipped) as u(product_id, shipped)
left join returned r on r.order_id = h.order_id and r.product_id = u.product_id
left join taken t on t.hold_id = h.hold_id and t.product_id = u.product_id
where u.shipped - coalesce(r.units, 0) <> coalesce(t.units, 0)
order by h.hold_id, u.product_id
"""

_ALLOCATIONS = """
with out as (
  select h.order_id, u.inventory_id, sum(u.taken) as units
  from hold h cross join unnest(h.inventory_ids, h.taken) as u(inventory_id, taken)
  where h.order_id is not null group by 1, 2),
moved as (
  select order_id, inventory_id, -sum(delta) as units from stock_movement
  where order_id is not null and reason in ('shipped', 'unshipped', 'returned') group by 1, 2)
select 'hold of order ' || order_id || ', inventory ' || inventory_id as subject,
       'taken ' || coalesce(moved.units, 0) || ', the sum of its movements' as expected,
       'taken ' || coalesce(out.units, 0) as found
from out full join moved using (order_id, inventory_id)
where coalesce(out.units, 0) <> coalesce(moved.units, 0)
order by order_id, inventory_id
"""

_WRITTEN_OFF = """
with told as (
  select f.order_id, u.product_id, sum(u.quantity) as units
  from order_fact f cross join unnest(f.product_ids, f.quantities) as u(product_id, quantity)
  where f.fact = 'returned' and f.settled and not f.shipped and not f.restock group by 1, 2),
moved as (
  select order_id, product_id, -sum(delta) as units from stock_movement
  where order_id is not null and reason = 'written-off' group by 1, 2)
select 'order_fact of order ' || order_id || ', product ' || product_id as subject,
       'written off ' || coalesce(moved.units, 0) || ', the sum of the movements' as expected,
       'written off ' || coalesce(told.units, 0) as found
from told full join moved using (order_id, product_id)
where coalesce(told.units, 0) <> coalesce(moved.units, 0)
order by order_id, product_id
"""

# A fact waits for its order to be told of, or for a shipment to be settled; beyond that it contradicts its hold.
_WAITING = """
select 'order_fact ' || f.fact || ' ' || f.sequence || ' of order ' || f.order_id as subject, 'settled' as expected,
       'waits' || coalesce(' while hold ' || h.hold_id || ' is ' || h.state, ' for its order') as found,
       h.hold_id is null or h.state = 'shipping' as in_flight
from order_fact f left join hold h using (order_id)
where not f.settled
order by f.order_id, f.fact, f.sequence
"""

_UNSETTLED = """
select 'hold ' || hold_id || coalesce(' (order ' || order_id || ')', '') as subject,
       case state when 'open' then 'confirmed or released' else 'shipped or taken back' end as expected,
       state as found, true as in_flight
from hold where state in ('open', 'shipping') order by hold_id
"""

_THRESHOLDS = """
select 'stock of product ' || s.product_id as subject,
       'threshold ' || coalesce(p.alert_threshold::text, 'none') || ', the product''s' as expected,
       'threshold ' || coalesce(s.alert_threshold::text, 'none') as found
from stock s join product p using (product_id)
where s.alert_threshold is distinct from p.alert_threshold
order by s.product_id
"""

# What is low only because batches have expired waits for the sweep that a server makes every few minutes.
_LOW = """
with present as (
  select s.product_id, s.alert_threshold as threshold, s.low, count(i.inventory_id) > 0 as stocked,
         coalesce(sum(i.stock) filter (where not i.recalled and (i.expiry_date is null or i.expiry_date >= $1)), 0) - s.reserved
           as sellable,
         coalesce(sum(i.stock) filter (where not i.recalled), 0) - s.reserved as before_expiry
  from stock s left join inventory i using (product_id)
  where s.alert_threshold is not null or s.low group by s.product_id)
select 'stock of product ' || product_id as subject,
       case when low then 'not low' else 'low' end
         || format(' (%s to be sold, threshold %s)', sellable, coalesce(threshold::text, 'none')) as expected,
       case when low then 'low' else 'not low' end as found,
       not low and before_expiry >= threshold as in_flight
from present where low <> (stocked and coalesce(sellable < threshold, false))
order by product_id
"""

_COUNTED = """
with booked as (
  select m.reference, m.at, m.product_id, i.batch_id, sum(m.delta) as units
  from stock_movement m join inventory i using (inventory_id)
  where m.reason = 'counted' and m.reference like 'counts/%' group by 1, 2, 3, 4)
select 'stock_count_line ' || l.line || ' of count ' || l.count_id as subject,
       c.state || ', booked ' || w.units as expected, 'booked ' || coalesce(b.units, 0) as found
from stock_count c
join stock_count_line l using (count_id)
cross join lateral (select case c.state when 'closed' then coalesce(l.counted - l.book, 0) else 0 end as units) w
left join booked b on b.reference = 'counts/' || c.count_id and b.at = c.ended_at
  and b.product_id = l.product_id and b.batch_id = l.batch_id
where coalesce(b.units, 0) <> w.units or l.open <> (c.state = 'open')
order by l.count_id, l.line
"""

# By the numbers of the movements: their times are those of facts, which may be older than their recording.
_RECALLED = """
select 'inventory ' || i.inventory_id || ' (product ' || i.product_id || ', batch ' || i.batch_id || ')' as subject,
       'nothing shipped while it was recalled' as expected,
       -m.delta || ' units shipped for order ' || m.order_id as found
from batch_recall r
join inventory i using (inventory_id)
join stock_movement m on m.inventory_id = r.inventory_id and m.order_id is not null and m.reason = 'shipped'
  and m.movement_id > r.after_movement and m.movement_id <= coalesce(r.until_movement, m.movement_id)
union all
select 'inventory ' || i.inventory_id || ' (product ' || i.product_id || ', batch ' || i.batch_id || ')',
       case when r.recall_id is null then 'not recalled' else 'recalled' end,
       case when i.recalled then 'recalled' else 'not recalled' end
from inventory i left join batch_recall r on r.inventory_id = i.inventory_id and r.lifted_at is null
where i.recalled <> (r.recall_id is not null)
"""

QUESTIONS = {
    "catalog.batches": _BATCHES,
    "catalog.on_hand": _ON_HAND,
    "catalog.reserved": _RESERVED,
    "catalog.perishable": _PERISHABLE,
    "catalog.negative": _NEGATIVE,
    "catalog.holds": _HOLDS,
    "catalog.taken": _TAKEN,
    "catalog.allocations": _ALLOCATIONS,
    "catalog.written_off": _WRITTEN_OFF,
    "catalog.thresholds": _THRESHOLDS,
    "catalog.low": _LOW,
    "catalog.counted": _COUNTED,
    "catalog.recalled": _RECALLED,
    "catalog.order_facts": _WAITING,
    "catalog.unsettled": _UNSETTLED,
}


async def disagreements(reader: Reader, question: str, today: date) -> AsyncIterator[Disagreement]:
    """What a question finds; `today` decides what has expired."""
    text = QUESTIONS[question]
    for row in await reader.fetch(text, *([today] if "$1" in text else [])):
        yield Disagreement(**dict(row.items()))
