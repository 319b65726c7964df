"""What has matured becomes available, with its statements, in one statement for many distributors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.commission.queries.maturing import Due
from fenxiao.commission.queries.settlement import DIGEST, ENTRY_LINE, REWARD_LINE
from fenxiao.infra.db import arrays
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import OrderId

# All in one: what is released goes from table to table without a journey to here and back, a million entries of it.
# PostgreSQL cannot know how many rows its parts hand on, expects one or two, and would join them row by row. So they are
# put one below the other and grouped, and the digests are rows of their own, one of each distributor before his others.
_FREE = f"""
with entries as (
  update commission set status = 'released', released_at = $1, settlement_id = $2
  where distributor_id = any($4::text::bigint[])
    and currency = any(array(select distinct currency from balance where distributor_id = any($4::text::bigint[])))
    and release_at >= (select min(matures_at) from balance where distributor_id = any($4::text::bigint[]))
    and release_at <= $3 and status = 'pending'
    and (order_id is null or order_id not in (select unnest($5::text::bigint[])))
  returning distributor_id, currency, commission_amount_minor as amount, commission_id, null::bigint as reward_id,
    0 as sort, commission_id as id, {ENTRY_LINE} as line, close_id
), granted as (
  update rewards set status = 'released', released_at = $1, settlement_id = $2
  where status = 'pending' and release_at <= $3 and distributor_id = any($4::text::bigint[])
    and reward_period_id in (select unnest($7::text::bigint[]))
  returning distributor_id, currency, reward_amount_minor, null::bigint, reward_id, 1, reward_id, {REWARD_LINE}, null::bigint
), freed as (
  select * from entries union all select * from granted
), posted as (
  -- All entries of a balance that go one way are one posting; it names the entry where there is but one.
  insert into posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id, reward_id,
    settlement_id, at, recorded_at)
  select 'release', case when gives then 'pending' else 'available' end,
    case when gives then 'available' else 'pending' end, distributor_id, currency, amount, commission_id, reward_id,
    $2, $1, $1
  from (
    select distributor_id, currency, amount > 0 as gives, reward_id, sum(abs(amount))::bigint as amount,
      case when count(*) = 1 then min(commission_id) end as commission_id
    from freed group by 1, 2, 3, 4 order by 1, 2, 4 nulls first, 3
  ) p returning posting_id, distributor_id, currency
), sums as (
  select distributor_id, currency, sum(amount)::bigint as amount, count(*)::int as entries from freed group by 1, 2
), moved as (
  update balance b set pending_minor = b.pending_minor - s.amount, available_minor = b.available_minor + s.amount,
    matures_at = coalesce(
      -- What was left out is due still; behind the cut-off nothing of this has been touched.
      case when $5::text <> '{{}}' then (
        select c.release_at from commission c where c.distributor_id = b.distributor_id and c.currency = b.currency
          and c.release_at >= b.matures_at and c.release_at <= $3 and c.status = 'pending'
          and c.order_id in (select unnest($5::text::bigint[]))
        order by c.release_at limit 1) end,
      (select c.release_at from commission c where c.distributor_id = b.distributor_id and c.currency = b.currency
        and c.release_at > $3 and c.status = 'pending' order by c.release_at limit 1))
  from sums s where b.distributor_id = s.distributor_id and b.currency = s.currency
    and b.distributor_id = any($4::text::bigint[])
  returning b.distributor_id, b.currency, b.pending_minor, b.available_minor, b.withdrawing_minor, s.amount, s.entries
), owed as (
  insert into debt_change (distributor_id, currency, change_minor, recorded_at)
  select distributor_id, currency, greatest(-available_minor, 0) - greatest(amount - available_minor, 0), $1
  from moved where greatest(-available_minor, 0) <> greatest(amount - available_minor, 0)
), written as (
  insert into statement (settlement_id, distributor_id, currency, opening_minor, released_minor, closing_minor, entries,
    created_at, through_posting_id, pending_minor, withdrawing_minor)
  select $2, distributor_id, currency, max(available_minor - amount), max(amount), max(available_minor), max(entries),
    $1, max(posting_id), max(pending_minor), max(withdrawing_minor)
  from (
    select distributor_id, currency, available_minor, amount, entries, pending_minor, withdrawing_minor, null as posting_id
    from moved
    union all select distributor_id, currency, null, null, null, null, null, posting_id from posted
  ) w group by distributor_id, currency order by distributor_id, currency
  returning distributor_id, currency, released_minor
)
select distributor_id, currency, released_minor as amount_minor, null::bytea as digest from written
union all select distributor_id, null, null, {DIGEST} from freed group by 1
union all select distributor_id, null, close_id, null from freed
  where close_id is not null and close_id not in (select unnest($6::text::bigint[]))
order by distributor_id, currency nulls first
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeing:
    """Which settlement releases what has matured by when, and the time that it bears."""

    settlement_id: int
    cutoff: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What was released to a distributor in a currency; `digest` is of all his entries, in whatever currency."""

    distributor_id: int
    currency: str
    amount_minor: int
    digest: bytes


async def free(tx: Transaction, due: Due, freeing: Freeing, *, without: Sequence[OrderId]) -> list[Freed]:
    """Release what is due: pending to available, what is negative the other way, with statements.

    The locks of `due` are held, and its balances are locked. What somebody else has released meanwhile is left out,
    and what comes from the orders in `without`. Raises `Moved` where something has matured in a balance, or of a close,
    that is not locked.
    """
    rows = await tx.fetch(
        _FREE,
        freeing.now,
        freeing.settlement_id,
        freeing.cutoff,
        arrays.numbers(due.distributor_ids),
        arrays.numbers(without),
        arrays.numbers(due.close_ids),
        arrays.numbers(due.reward_period_ids),
    )
    freed: list[Freed] = []
    digest = b""
    for distributor_id, currency, amount_minor, of_all in rows:
        if of_all is not None:
            digest = of_all
        elif currency is None:
            # Of a close that was booked since; nobody looked after its lock.
            raise Moved
        else:
            freed.append(
                Freed(
                    distributor_id=distributor_id, currency=currency, amount_minor=amount_minor, digest=digest
                )
            )
    if any((one.distributor_id, one.currency) not in due.keys for one in freed):
        # His first entry in another currency was booked since; nobody looked after that balance.
        raise Moved
    return freed
