"""The ledger (账本): the only place that writes postings and moves balances. It calls no other noun.

A use case locks the orders it books, in the order of their ids, before it comes here; here the balances are
locked in the order of theirs. Everybody takes locks in that order, so nobody waits in a circle.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.commission.domain.posting import BalanceKey, Change, Posting, changes
from fenxiao.commission.queries.maturing import Due
from fenxiao.commission.queries.settlement import DIGEST, ENTRY_LINE, REWARD_LINE
from fenxiao.infra.db import arrays
from fenxiao.infra.db.transaction import Transaction

ROWS = 400
"""Rows per statement: to put more of them into one would hold up the event loop."""


# All in one: what is released goes from table to table without a journey to here and back, a million entries of it.
_FREE = f"""
with entries as (
  update commission set status = 'released', released_at = $1, settlement_id = $2
  where status = 'pending' and release_at <= $3 and distributor_id in (select unnest($4::text::bigint[]))
    and (order_id in (select unnest($5::text::bigint[])) or close_id in (select unnest($6::text::bigint[])))
  returning distributor_id, currency, commission_amount_minor as amount, commission_id, null::bigint as reward_id,
    0 as sort, commission_id as id, {ENTRY_LINE} as line
), granted as (
  update rewards set status = 'released', released_at = $1, settlement_id = $2
  where status = 'pending' and release_at <= $3 and distributor_id in (select unnest($4::text::bigint[]))
    and reward_period_id in (select unnest($7::text::bigint[]))
  returning distributor_id, currency, reward_amount_minor, null::bigint, reward_id, 1, reward_id, {REWARD_LINE}
), freed as (
  select * from entries union all select * from granted
), posted as (
  insert into posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id, reward_id,
    settlement_id, at, recorded_at)
  select 'release', case when amount > 0 then 'pending' else 'available' end,
    case when amount > 0 then 'available' else 'pending' end, distributor_id, currency, abs(amount), commission_id,
    reward_id, $2, $1, $1
  from freed order by sort, id returning posting_id, distributor_id, currency
), through as (
  select distributor_id, currency, max(posting_id) as posting_id from posted group by 1, 2
), sums as (
  select distributor_id, currency, sum(amount)::bigint as amount, count(*)::int as entries from freed group by 1, 2
), moved as (
  update balance b set pending_minor = b.pending_minor - s.amount, available_minor = b.available_minor + s.amount
  from sums s where b.distributor_id = s.distributor_id and b.currency = s.currency
  returning b.distributor_id, b.currency, b.pending_minor, b.available_minor, b.withdrawing_minor, s.amount, s.entries
), owed as (
  insert into debt_change (distributor_id, currency, change_minor, recorded_at)
  select distributor_id, currency, greatest(-available_minor, 0) - greatest(amount - available_minor, 0), $1
  from moved where greatest(-available_minor, 0) <> greatest(amount - available_minor, 0)
), written as (
  insert into statement (settlement_id, distributor_id, currency, opening_minor, released_minor, closing_minor, entries,
    created_at, through_posting_id, pending_minor, withdrawing_minor)
  select $2, distributor_id, currency, available_minor - amount, amount, available_minor, entries, $1, t.posting_id,
    pending_minor, withdrawing_minor
  from moved join through t using (distributor_id, currency)
  returning distributor_id, currency, released_minor
), digests as (
  select distributor_id, {DIGEST} as digest from freed group by 1
)
select distributor_id, currency, released_minor as amount_minor, digest
from written join digests using (distributor_id) order by distributor_id, currency
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


async def post(tx: Transaction, postings: Sequence[Posting], *, now: datetime) -> None:
    """Write the postings and move the balances that they touch, which must be locked."""
    for start in range(0, len(postings), ROWS):
        await _write(tx, postings[start : start + ROWS], now)
    await _move(tx, postings, now)


async def free(tx: Transaction, distributor_ids: Sequence[int], due: Due, freeing: Freeing) -> list[Freed]:
    """Release what is due of these distributors: pending to available, what is negative the other way, with statements.

    The locks of `due` are held, and its balances are locked. What somebody else has released meanwhile is left out.
    """
    rows = await tx.fetch(
        _FREE,
        freeing.now,
        freeing.settlement_id,
        freeing.cutoff,
        arrays.numbers(distributor_ids),
        arrays.numbers(due.order_ids),
        arrays.numbers(due.close_ids),
        arrays.numbers(due.reward_period_ids),
    )
    return [Freed(**dict(row.items())) for row in rows]


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
