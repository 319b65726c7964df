"""Questions whose every row is a fault: what it is about, what should be there, what is there."""

from dataclasses import dataclass

from fenxiao.infra.db.sql import Reader

_MOST = 5000
"""Rows fetched per question; whoever has more faults than that has found them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not hold."""

    subject: str
    expected: str
    found: str


async def faults(reader: Reader, question: str) -> list[Fault]:
    """The faults that one of the questions below finds."""
    rows = await reader.fetch(f"select subject, expected, found from ({question}) f limit {_MOST}")
    return [Fault(row["subject"], str(row["expected"]), str(row["found"])) for row in rows]


# Each balance is the sum of its postings, account by account; `paid` is what payouts took from `withdrawing`.
BALANCES = """
with moved as (
  select distributor_id, currency, account, sum(amount_minor) as amount_minor from (
    select distributor_id, currency, credit as account, amount_minor from posting
    union all select distributor_id, currency, debit, -amount_minor from posting
    union all select distributor_id, currency, 'paid', amount_minor from posting
      where debit = 'withdrawing' and credit <> 'available'
  ) m where account in ('pending', 'available', 'withdrawing', 'paid') group by 1, 2, 3
), held as (
  select distributor_id, currency, v.account, v.amount_minor from balance b cross join lateral (values
    ('pending', b.pending_minor), ('available', b.available_minor), ('withdrawing', b.withdrawing_minor), ('paid', b.paid_minor)
  ) as v (account, amount_minor)
)
select format('balance (%s, %s).%s', distributor_id, currency, account) as subject,
  format('%s, the sum of its postings', coalesce(m.amount_minor, 0)) as expected,
  coalesce(h.amount_minor::text, 'no such balance') as found
from held h full join moved m using (distributor_id, currency, account)
where h.amount_minor is null or h.amount_minor <> coalesce(m.amount_minor, 0)
order by distributor_id, currency, account
"""

# What a distributor has, in whatever account, and what was paid out, is all that was ever earned.
EARNED = """
with earned as (
  select distributor_id, currency, sum(amount_minor) as amount_minor from (
    select distributor_id, currency, commission_amount_minor as amount_minor from commission
    union all select distributor_id, currency, reward_amount_minor from rewards) e group by 1, 2
)
select format('balance (%s, %s)', distributor_id, currency) as subject,
  format('%s in all, the sum of its entries and rewards', coalesce(e.amount_minor, 0)) as expected,
  coalesce((pending_minor + available_minor + withdrawing_minor + paid_minor)::text, 'no such balance') as found
from balance b full join earned e using (distributor_id, currency)
where pending_minor + available_minor + withdrawing_minor + paid_minor is distinct from coalesce(e.amount_minor, 0)
order by distributor_id, currency
"""

# The entries of an order, or of a period's close, come to what was booked as expense for it.
EXPENSES = """
with entries as (
  select coalesce(order_id, -close_id) as of, sum(commission_amount_minor) as amount_minor from commission group by 1
), expenses as (
  select coalesce(order_id, -close_id) as of, sum(case when debit = 'commission_expense' then amount_minor
    when credit = 'commission_expense' then -amount_minor else 0 end) as amount_minor
  from posting join commission using (commission_id) group by 1
)
select case when e.of > 0 then 'order ' || e.of else 'period_close ' || -e.of end as subject,
  format('%s of expense, the sum of its entries', e.amount_minor) as expected,
  coalesce(x.amount_minor, 0) as found
from entries e left join expenses x on x.of = e.of
where e.amount_minor <> coalesce(x.amount_minor, 0)
order by abs(e.of), e.of
"""

# Every entry is booked once, as what it is, on the account where it stood then; and nothing else is booked as an entry.
BOOKINGS = """
with due as (
  select c.*, case when status = 'released' and settlement_id is null then 'available' else 'pending' end as account
  from commission c
), wanted as (
  select commission_id, kind as event,
    case when kind = 'accrual' then 'commission_expense' else account end as debit,
    case when kind = 'accrual' then account else 'commission_expense' end as credit,
    distributor_id, currency, abs(commission_amount_minor) as amount_minor, created_at as at, booked_at as recorded_at
  from due
), made as (
  select commission_id, posting_id, event, debit, credit, distributor_id, currency, amount_minor, at, recorded_at
  from posting where event in ('accrual', 'clawback') and reward_id is null
)
select coalesce('posting ' || m.posting_id, 'commission ' || w.commission_id) as subject,
  case when w.commission_id is null then format('there is no commission %s', commission_id)
    else format('of commission %s: %s %s -> %s, distributor %s, %s %s, at %s', w.commission_id, w.event, w.debit, w.credit,
      w.distributor_id, w.amount_minor, w.currency, w.at) end as expected,
  case when m.posting_id is null then 'no posting' else format('%s %s -> %s, distributor %s, %s %s, at %s, recorded %s',
    m.event, m.debit, m.credit, m.distributor_id, m.amount_minor, m.currency, m.at, m.recorded_at) end as found
from wanted w full join made m using (commission_id)
where (m.event, m.debit, m.credit, m.distributor_id, m.currency, m.amount_minor, m.at, m.recorded_at) is distinct from
  (w.event, w.debit, w.credit, w.distributor_id, w.currency, w.amount_minor, w.at, w.recorded_at)
order by commission_id
"""

# What a settlement released of a balance, one way, comes to its release postings, and nothing else does. One that names
# an entry is of that entry.
RELEASES = """
with freed as (
  select commission_id, settlement_id, distributor_id, currency, abs(commission_amount_minor) as amount_minor,
    case when commission_amount_minor > 0 then 'pending' else 'available' end as debit, released_at as at
  from commission where settlement_id is not null
), wanted as (
  select settlement_id, distributor_id, currency, debit, sum(amount_minor) as amount_minor, count(*) as entries,
    min(commission_id) as commission_id, array_agg(distinct at) as at
  from freed group by 1, 2, 3, 4
), postings as (
  select * from posting where event = 'release' and reward_id is null
), made as (
  select settlement_id, distributor_id, currency, debit, sum(amount_minor) as amount_minor, min(posting_id) as posting_id,
    array_agg(distinct at) as at, array_agg(distinct recorded_at) as recorded_at
  from postings group by 1, 2, 3, 4
)
select coalesce('posting ' || m.posting_id, 'commission ' || w.commission_id) as subject,
  case when w.entries is null then format('settlement %s released nothing of distributor %s in %s from %s', settlement_id,
      distributor_id, currency, debit)
    else format('release of %s entries, commission %s first, by settlement %s from %s, distributor %s, %s %s, at %s',
      w.entries, w.commission_id, settlement_id, debit, distributor_id, w.amount_minor, currency, w.at) end as expected,
  case when m.posting_id is null then 'no posting' else format('settlement %s from %s, distributor %s, %s %s, at %s',
    settlement_id, debit, distributor_id, m.amount_minor, currency, m.at) end as found
from wanted w full join made m using (settlement_id, distributor_id, currency, debit)
where (m.amount_minor, m.at, m.recorded_at) is distinct from (w.amount_minor, w.at, w.at)
union all
select format('posting %s', p.posting_id),
  case when f.settlement_id is null then format('commission %s was released by no settlement', p.commission_id)
    else format('release of commission %s by settlement %s from %s, distributor %s, %s %s, at %s', f.commission_id,
      f.settlement_id, f.debit, f.distributor_id, f.amount_minor, f.currency, f.at) end,
  format('settlement %s from %s, distributor %s, %s %s, at %s', p.settlement_id, p.debit, p.distributor_id,
    p.amount_minor, p.currency, p.at)
from postings p left join freed f using (commission_id)
where p.commission_id is not null
  and (p.settlement_id, p.distributor_id, p.currency, p.amount_minor, p.debit, p.at) is distinct from
    (f.settlement_id, f.distributor_id, f.currency, f.amount_minor, f.debit, f.at)
order by 1
"""

# A statement is the sum of its release postings, counts what they are of, and opens with what was available just before the first of them:
# the numbers of postings to one balance are drawn under its lock, so their order is that of the booking.
STATEMENTS = """
with moves as (
  select posting_id, event, settlement_id, distributor_id, currency,
    case when credit = 'available' then amount_minor when debit = 'available' then -amount_minor else 0 end as change
  from posting
), running as (
  select *, sum(change) over (partition by distributor_id, currency order by posting_id) - change as before from moves
), posted as (
  select settlement_id, distributor_id, currency, (array_agg(before order by posting_id))[1] as opening,
    sum(change) as released
  from running where event = 'release' group by 1, 2, 3
), freed as (
  select settlement_id, distributor_id, currency, count(*) as entries from (
    select settlement_id, distributor_id, currency from commission where settlement_id is not null
    union all select settlement_id, distributor_id, currency from rewards where settlement_id is not null
  ) f group by 1, 2, 3
), released as (
  select settlement_id, distributor_id, currency, opening, released, coalesce(entries, 0) as entries
  from posted left join freed using (settlement_id, distributor_id, currency)
)
select format('statement (%s, %s, %s)', settlement_id, distributor_id, currency) as subject,
  case when r.entries is null then 'nothing was released'
    else format('%s + %s = %s, %s entries', opening, released, opening + released, r.entries) end as expected,
  case when s.entries is null then 'no statement'
    else format('%s + %s = %s, %s entries', opening_minor, released_minor, closing_minor, s.entries) end as found
from released r full join statement s using (settlement_id, distributor_id, currency)
where (opening_minor, released_minor, closing_minor, s.entries) is distinct from (opening, released, opening + released, r.entries)
order by settlement_id, distributor_id, currency
"""

# A correction stands where the first entry of its key stands.
CORRECTIONS = """
select format('commission %s', c.commission_id) as subject,
  format('as commission %s: order %s, %s level %s, distributor %s, %s, settlement %s, matures %s', f.commission_id, f.order_id,
    f.component, f.level, f.distributor_id, f.status, coalesce(f.settlement_id::text, '-'), f.release_at) as expected,
  format('order %s, %s level %s, distributor %s, %s, settlement %s, matures %s', c.order_id, c.component, c.level,
    c.distributor_id, c.status, coalesce(c.settlement_id::text, '-'), c.release_at) as found
from commission c join commission f on f.commission_id = c.corrects
where f.corrects is not null
  or (c.order_id, c.close_id, c.component, c.level, c.distributor_id, c.currency, c.status, c.release_at)
    is distinct from (f.order_id, f.close_id, f.component, f.level, f.distributor_id, f.currency, f.status, f.release_at)
  or not (c.settlement_id is not distinct from f.settlement_id or (c.settlement_id is null and c.booked_at >= f.released_at))
order by c.commission_id
"""

# Nothing is released before it matures, nor by somebody else's settlement.
SETTLED = """
select format('settlement %s', s.settlement_id) as subject,
  format('commission %s of distributor %s, which matures %s', c.commission_id, c.distributor_id, c.release_at) as expected,
  format('cut-off %s, distributor %s', s.cutoff, coalesce(s.distributor_id::text, 'all')) as found
from commission c join settlement s using (settlement_id)
where c.release_at is null or c.release_at > s.cutoff or (s.distributor_id is not null and s.distributor_id <> c.distributor_id)
order by c.commission_id
"""

# Only a correction of something released, and what a cap takes back, is released without a settlement.
UNSETTLED = """
select format('commission %s', commission_id) as subject, 'pending, or released by a settlement' as expected,
  'released by none' as found
from commission where status = 'released' and settlement_id is null and corrects is null
  and (close_id is null or kind = 'accrual')
order by commission_id
"""

# A balance says when the first of its pending entries matures, or a settlement would pass it by.
MATURING = """
with pending as (
  select distributor_id, currency, min(release_at) as at from commission where status = 'pending' group by 1, 2
)
select format('balance (%s, %s).matures_at', distributor_id, currency) as subject,
  coalesce(p.at::text, 'nothing pending that matures') as expected, coalesce(b.matures_at::text, 'nothing') as found
from balance b full join pending p using (distributor_id, currency)
where b.matures_at is distinct from p.at
order by distributor_id, currency
"""
