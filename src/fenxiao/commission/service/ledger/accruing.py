"""What orders earn first: their books are opened, entries and postings written, balances moved, in one statement."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

from fenxiao.commission.domain.booking import Claim
from fenxiao.commission.domain.posting import BalanceKey
from fenxiao.engine import ENGINE_VERSION
from fenxiao.infra.db import arrays
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Transaction

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
