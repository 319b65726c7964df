"""The ledger (账本): the only place that writes postings and moves balances. It calls no other noun.

A use case locks the orders it books, in the order of their ids, before it comes here; here the balances are
locked in the order of theirs. Everybody takes locks in that order, so nobody waits in a circle.

What is pending of a distributor becomes available under the lock of his balance alone. So whoever corrects an entry
looks at where it stands only when he has that lock.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.commission.domain.booking import Claim
from fenxiao.commission.domain.posting import BalanceKey, Change, Posting, changes
from fenxiao.commission.queries.maturing import Due
from fenxiao.commission.queries.settlement import DIGEST, ENTRY_LINE, REWARD_LINE
from fenxiao.engine import ENGINE_VERSION
from fenxiao.infra.db import arrays
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import OrderId

ROWS = 400
"""Rows per statement: to put more of them into one would hold up the event loop."""


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


# One journey for whatever orders earn first. The books are opened all together or not at all; then the balances are
# moved in the order of their keys, which locks them; only then are the numbers of the postings drawn, so that those
# of one balance are in the order of its changes. Each part reads what the one before it returns, hence the order.
_ACCRUE = """
with book as (
  insert into order_book (order_id, rule_id, currency, steps, release_at)
  select * from unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[], $4::text::int[], $5::text::timestamptz[])
    as t (order_id, rule_id, currency, steps, release_at) order by order_id
  on conflict (order_id) do nothing returning order_id
), entry as (
  insert into commission (order_id, distributor_id, rule_id, engine_version, component, level, kind,
    commission_amount_minor, currency, step, status, created_at, booked_at, release_at)
  select order_id, distributor_id, rule_id, $6, component, level, 'accrual', amount, currency, 0, 'pending', created_at,
    $7, release_at
  from unnest($8::text::bigint[], $9::text::bigint[], $10::text::bigint[], $11::text::text[], $12::text::int[],
    $13::text::bigint[], $14::text::text[], $15::text::timestamptz[], $16::text::timestamptz[])
    as t (order_id, distributor_id, rule_id, component, level, amount, currency, created_at, release_at)
  where (select count(*) from book) = $17
  returning commission_id, distributor_id, currency, commission_amount_minor as amount, created_at, release_at
), moved as (
  insert into balance as b (distributor_id, currency, pending_minor, available_minor, withdrawing_minor, paid_minor,
    matures_at)
  select distributor_id, currency, sum(amount)::bigint, 0, 0, 0, min(release_at) from (
    select distributor_id, currency, amount, release_at from entry
    union all select d, c, 0, null from unnest($18::text::bigint[], $19::text::text[]) as k (d, c)
  ) a group by 1, 2 order by 1, 2
  on conflict (distributor_id, currency) do update set pending_minor = b.pending_minor + excluded.pending_minor,
    matures_at = least(b.matures_at, excluded.matures_at)
  returning 1
), posted as (
  insert into posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id, at, recorded_at)
  select 'accrual', 'commission_expense', 'pending', distributor_id, currency, amount, commission_id, created_at, $7
  from entry cross join (select count(*) from moved) m order by commission_id
)
select count(*) as opened from book
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


async def lock(tx: Transaction, keys: Collection[BalanceKey]) -> dict[BalanceKey, int]:
    """Lock these balances until the transaction ends, opening those that are new; answers what is available in each."""
    asked = sorted(keys)
    distributors = arrays.numbers([key[0] for key in asked])
    currencies = arrays.texts([key[1] for key in asked])
    await tx.execute(
        "insert into balance (distributor_id, currency, pending_minor, available_minor, withdrawing_minor, paid_minor)"
        " select d, c, 0, 0, 0, 0 from unnest($1::text::bigint[], $2::text::text[]) as k (d, c)"
        " where not exists (select from balance b where b.distributor_id = d and b.currency = c)"
        " order by d, c on conflict do nothing",
        distributors,
        currencies,
    )
    # A statement of its own: its snapshot must be taken after the rows of others have become visible.
    rows = await tx.fetch(
        "select b.distributor_id, b.currency, b.available_minor"
        " from unnest($1::text::bigint[], $2::text::text[]) as k (d, c) join balance b on b.distributor_id = d and b.currency = c"
        " order by b.distributor_id, b.currency for update of b",
        distributors,
        currencies,
    )
    return {(row["distributor_id"], row["currency"]): row["available_minor"] for row in rows}


async def accrue(
    tx: Transaction, claims: Sequence[Claim], touched: Collection[BalanceKey], *, now: datetime
) -> None:
    """Open the books of orders, ordered by id, and book what they earn first: entries, postings, balances.

    Balances that are `touched` later in the transaction are locked along with the others. Raises `Moved` where one of
    the books is there already.
    """
    first = [one.steps[0] for one in claims]
    counts = [len(step.target) for step in first]
    places = [key for step in first for key in step.target]
    earning = [(one, count) for one, count in zip(claims, counts, strict=True) if count]
    # Others get the loop in between: a batch takes longer than anybody should wait.
    await asyncio.sleep(0)
    books = (
        arrays.numbers([one.order_id for one in claims]),
        arrays.numbers([one.rule_id for one in claims]),
        arrays.texts([one.currency for one in claims]),
        arrays.numbers([len(one.steps) for one in claims]),
        arrays.times([one.release_at for one in claims]),
    )
    whose = (
        arrays.numbers([one.order_id for one, count in earning for _ in range(count)]),
        arrays.numbers([distributor_id for _, _, distributor_id in places]),
        arrays.numbers([one.rule_id for one, count in earning for _ in range(count)]),
    )
    await asyncio.sleep(0)
    what = (
        arrays.texts([component for component, _, _ in places]),
        arrays.numbers([level for _, level, _ in places]),
        arrays.numbers([amount for step in first for amount in step.target.values()]),
        arrays.texts([one.currency for one, count in earning for _ in range(count)]),
        arrays.times([one.steps[0].at for one, count in earning for _ in range(count)]),
        arrays.times([one.release_at for one, count in earning for _ in range(count)]),
    )
    also = (arrays.numbers([key[0] for key in touched]), arrays.texts([key[1] for key in touched]))
    opened = await tx.fetchval(_ACCRUE, *books, ENGINE_VERSION, now, *whose, *what, len(claims), *also)
    if opened != len(claims):
        raise Moved


async def post(tx: Transaction, postings: Sequence[Posting], *, now: datetime) -> None:
    """Write the postings and move the balances that they touch, which must be locked."""
    for start in range(0, len(postings), ROWS):
        await _write(tx, postings[start : start + ROWS], now)
    await _move(tx, postings, now)


async def mature(tx: Transaction, pending: Iterable[tuple[BalanceKey, datetime | None]]) -> None:
    """Note of entries that are pending when they mature; the balances are locked. `accrue` does so by itself."""
    first: dict[BalanceKey, datetime] = {}
    for key, release_at in pending:
        if release_at is not None:
            first[key] = min(release_at, first.get(key, release_at))
    if first:
        await tx.execute(
            "update balance b set matures_at = m.at"
            " from unnest($1::text::bigint[], $2::text::text[], $3::text::timestamptz[]) as m (d, c, at)"
            " where b.distributor_id = m.d and b.currency = m.c and (b.matures_at is null or b.matures_at > m.at)",
            arrays.numbers([key[0] for key in first]),
            arrays.texts([key[1] for key in first]),
            arrays.times(list(first.values())),
        )


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


async def _write(tx: Transaction, postings: Sequence[Posting], now: datetime) -> None:
    await tx.execute(
        "insert into posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id, settlement_id,"
        " at, payout_id, reward_id, recorded_at)"
        " select *, $12::timestamptz from unnest($1::text::text[], $2::text::text[], $3::text::text[],"
        " $4::text::bigint[], $5::text::text[], $6::text::bigint[], $7::text::bigint[], $8::text::bigint[],"
        " $9::text::timestamptz[], $10::text::bigint[], $11::text::bigint[])",
        arrays.texts([posting.event for posting in postings]),
        arrays.texts([posting.debit for posting in postings]),
        arrays.texts([posting.credit for posting in postings]),
        arrays.numbers([posting.distributor_id for posting in postings]),
        arrays.texts([posting.currency for posting in postings]),
        arrays.numbers([posting.amount_minor for posting in postings]),
        arrays.numbers([posting.commission_id for posting in postings]),
        arrays.numbers([posting.settlement_id for posting in postings]),
        arrays.times([posting.at for posting in postings]),
        arrays.numbers([posting.payout_id for posting in postings]),
        arrays.numbers([posting.reward_id for posting in postings]),
        now,
    )


async def _move(tx: Transaction, postings: Sequence[Posting], now: datetime) -> None:
    moved = changes(postings)
    # What orders accrue is pending: the many of them take the shorter way.
    if all(change.is_pending_only for change in moved.values()):
        await tx.execute(
            "update balance b set pending_minor = b.pending_minor + m.pending"
            " from unnest($1::text::bigint[], $2::text::text[], $3::text::bigint[]) as m (d, c, pending)"
            " where b.distributor_id = m.d and b.currency = m.c",
            arrays.numbers([key[0] for key in moved]),
            arrays.texts([key[1] for key in moved]),
            arrays.numbers([change.pending_minor for change in moved.values()]),
        )
    else:
        await _move_all(tx, moved, now)


async def _move_all(tx: Transaction, moved: Mapping[BalanceKey, Change], now: datetime) -> None:
    """Move all accounts, and note by how much that makes a debt greater or smaller."""
    await tx.execute(
        "with after as ("
        " update balance b set pending_minor = b.pending_minor + m.pending,"
        " available_minor = b.available_minor + m.available, withdrawing_minor = b.withdrawing_minor + m.withdrawing,"
        " paid_minor = b.paid_minor + m.paid"
        " from unnest($1::text::bigint[], $2::text::text[], $3::text::bigint[], $4::text::bigint[],"
        " $5::text::bigint[], $6::text::bigint[]) as m (d, c, pending, available, withdrawing, paid)"
        " where b.distributor_id = m.d and b.currency = m.c"
        " returning b.distributor_id, b.currency, b.available_minor, m.available"
        ") insert into debt_change (distributor_id, currency, change_minor, recorded_at)"
        " select distributor_id, currency, greatest(-available_minor, 0) - greatest(available - available_minor, 0), $7"
        " from after where greatest(-available_minor, 0) <> greatest(available - available_minor, 0)",
        arrays.numbers([key[0] for key in moved]),
        arrays.texts([key[1] for key in moved]),
        arrays.numbers([change.pending_minor for change in moved.values()]),
        arrays.numbers([change.available_minor for change in moved.values()]),
        arrays.numbers([change.withdrawing_minor for change in moved.values()]),
        arrays.numbers([change.paid_minor for change in moved.values()]),
        now,
    )
