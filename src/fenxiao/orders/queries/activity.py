"""What people had sold before a moment, as it was known at another: when an order earned, or when a period was closed.

An own order counts if it was paid before the moment (by time, then by id) and its payment was recorded by the time
from which on nothing new counts; its refunds likewise. What is recorded later, an order brought in with a date in the
past say, changes nothing: so the answer depends on what was recorded when, never on when it is asked.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.errors import Unavailable
from fenxiao.orders.api import Activity, ActivityBefore, ActivityQuestion

_LOOK = 0.01
_PATIENCE = 1500
"""Looks until a transaction that goes on and on is given up on: what it writes may count, so nobody can answer."""

_OWN = """
select a.place, count(*) filter (where own.left_minor > 0) as orders, coalesce(sum(own.left_minor), 0)::bigint as sales_minor
  from asked a
  left join lateral (
    select x.total_minor - x.shipping_minor - x.tax_minor - case when x.refunded_minor = 0 then 0 else coalesce(
             (select sum(r.amount_minor) from refund r where r.order_id = x.order_id
                and (r.at < a.before or (r.at = a.before and a.before_id > 0)) and r.recorded_at <= a.until), 0) end as left_minor
      from orders x
     where x.distributor_id = a.distributor_id and x.paid_at is not null and x.currency = a.currency
       and (x.paid_at, x.order_id) < (a.before, a.before_id)
       and x.paid_at >= coalesce(a.before - a.days * interval '24 hours', '-infinity')
       and (select min(h.recorded_at) from order_history h
             where h.order_id = x.order_id and h.to_status = 'paid') <= a.until
  ) own on true
 group by a.place
"""

_OF_ORDERS = f"""
with question as (
  select place, order_id, distributor_id, days, state
    from unnest($1::text::bigint[], $2::text::bigint[], $3::text::int[], $4::text::text[])
         with ordinality as a (order_id, distributor_id, days, state, place)
), known as (
  select k.order_id, k.state, o.paid_at, o.currency,
         coalesce((select min(h.recorded_at) from order_history h
                    where h.order_id = o.order_id and h.to_status = k.state), 'infinity') as until
    from (select distinct order_id, state from question) k join orders o using (order_id)
   where o.paid_at is not null
), asked as (
  select place, distributor_id, days, currency, paid_at as before, order_id as before_id, until
    from question join known using (order_id, state)
)
{_OWN}
"""

_OF_MOMENTS = f"""
with asked as (
  select place, distributor_id, days, currency, before, 0::bigint as before_id, until
    from unnest($1::text::bigint[], $2::text::int[], $3::text::text[], $4::text::timestamptz[], $5::text::timestamptz[])
         with ordinality as a (distributor_id, days, currency, before, until, place)
)
{_OWN}
"""

# Whoever is writing there at this moment. A row is recorded when its statement begins, and its writer has the lock
# from then on until the row can be seen.
_WRITERS = """
select distinct virtualtransaction from pg_locks
 where locktype = 'relation' and mode = 'RowExclusiveLock' and granted and pid <> pg_backend_pid()
   and database = (select oid from pg_database where datname = current_database())
   and relation in ('order_history'::regclass, 'refund'::regclass)
"""


async def at_payment(reader: Reader, asked: Sequence[ActivityQuestion]) -> list[Activity | None]:
    """What each question asks, None where the order is unknown or not paid."""
    await recorded_until(reader)
    rows = await reader.fetch(
        _OF_ORDERS,
        arrays.numbers([one.order_id for one in asked]),
        arrays.numbers([one.distributor_id for one in asked]),
        arrays.numbers([one.within_days for one in asked]),
        arrays.texts([one.earned_when for one in asked]),
    )
    found = _answers(rows)
    return [found.get(place) for place in range(1, len(asked) + 1)]


async def before(reader: Reader, asked: Sequence[ActivityBefore]) -> list[Activity]:
    """What each question asks."""
    rows = await reader.fetch(
        _OF_MOMENTS,
        arrays.numbers([one.distributor_id for one in asked]),
        arrays.numbers([one.within_days for one in asked]),
        arrays.texts([one.currency for one in asked]),
        arrays.times([one.before for one in asked]),
        arrays.times([one.recorded_until for one in asked]),
    )
    found = _answers(rows)
    return [found[place] for place in range(1, len(asked) + 1)]


def _answers(rows: Sequence[Record]) -> dict[int, Activity]:
    return {row["place"]: Activity(paid_orders=row["orders"], sales_minor=row["sales_minor"]) for row in rows}


async def recorded_until(reader: Reader) -> datetime:
    """Until when all that was recorded can be seen now: waits for whoever was writing when we came."""
    now: datetime = await reader.fetchval("select clock_timestamp()")
    waiting = await _writers(reader)
    for _ in range(_PATIENCE):
        if not waiting:
            return now
        await asyncio.sleep(_LOOK)
        waiting &= await _writers(reader)
    raise Unavailable


async def _writers(reader: Reader) -> set[str]:
    return {row["virtualtransaction"] for row in await reader.fetch(_WRITERS)}
