"""Questions about withdrawals whose every row is a fault, as in `proof.py`."""

# What lies in withdrawing is what the open withdrawals have set aside.
WITHDRAWING = """
with open as (
  select distributor_id, currency, sum(amount_minor) as amount_minor from withdrawal
  where status in ('requested', 'approved', 'processing', 'awaiting_user', 'unknown') group by 1, 2
)
select format('balance (%s, %s).withdrawing', distributor_id, currency) as subject,
  format('%s, the sum of the open withdrawals', coalesce(o.amount_minor, 0)) as expected,
  coalesce(b.withdrawing_minor::text, 'no such balance') as found
from balance b full join open o using (distributor_id, currency)
where b.withdrawing_minor is distinct from coalesce(o.amount_minor, 0)
order by distributor_id, currency
"""

# Every payout has taken its amount; it has left for cash, tax and fee if it was paid, and is back if it was not.
PAYOUT_POSTINGS = """
with known as (
  select p.payout_id, p.outcome, p.created_at, p.ended_at, p.fee_minor, p.tax_minor, w.amount_minor, w.distributor_id,
    w.currency
  from payout p join withdrawal w using (withdrawal_id)
), wanted as (
  select payout_id, 'withdrawal' as event, 'available' as debit, 'withdrawing' as credit, amount_minor, distributor_id,
    currency, created_at as at from known
  union all select payout_id, 'payout', 'withdrawing', s.account, s.amount_minor, distributor_id, currency, ended_at
  from known cross join lateral (values
    ('cash', known.amount_minor - fee_minor - tax_minor), ('tax_payable', tax_minor), ('fee_income', fee_minor)
  ) as s (account, amount_minor) where outcome = 'paid' and s.amount_minor <> 0
  union all select payout_id, 'return', 'withdrawing', 'available', amount_minor, distributor_id, currency, ended_at
  from known where outcome in ('failed', 'rejected')
), made as (
  select payout_id, posting_id, event, debit, credit, amount_minor, distributor_id, currency, at from posting
  where payout_id is not null
)
select coalesce('posting ' || m.posting_id, 'payout ' || payout_id) as subject,
  case when w.event is null then format('payout %s moves nothing there', payout_id)
    else format('payout %s: %s %s -> %s, distributor %s, %s %s, at %s', payout_id, w.event, w.debit, w.credit,
      w.distributor_id, w.amount_minor, w.currency, w.at) end as expected,
  case when m.posting_id is null then 'no posting' else format('%s %s -> %s, distributor %s, %s %s, at %s', m.event,
    m.debit, m.credit, m.distributor_id, m.amount_minor, m.currency, m.at) end as found
from wanted w full join made m using (payout_id, event, credit)
where (m.debit, m.amount_minor, m.distributor_id, m.currency, m.at) is distinct from
  (w.debit, w.amount_minor, w.distributor_id, w.currency, w.at)
order by payout_id
"""

# A withdrawal stands where its history ends and where its present payout says.
WITHDRAWALS = """
with told as (
  select withdrawal_id, count(*) as steps, max(version) as version,
    (array_agg(to_status order by version desc))[1] as status, max(attempt) as attempt,
    (array_agg(actor order by version) filter (where to_status = 'approved')) as approvers
  from withdrawal_history group by 1
)
select format('withdrawal %s', w.withdrawal_id) as subject,
  format('%s at step %s of %s, attempt %s, by its history; payout %s of %s says %s', t.status, t.version, t.steps,
    t.attempt, p.attempt, n.payouts, coalesce(p.outcome, 'nothing')) as expected,
  format('%s at step %s, attempt %s', w.status, w.version, w.attempt) as found
from withdrawal w left join told t using (withdrawal_id)
  left join payout p on p.withdrawal_id = w.withdrawal_id and p.attempt = w.attempt
  cross join lateral (select count(*) as payouts from payout o where o.withdrawal_id = w.withdrawal_id) n
where (t.status, t.version, t.steps, t.attempt) is distinct from (w.status, w.version, w.version::bigint, w.attempt)
  or n.payouts <> w.attempt
  or p.payout_id is null
  or w.status <> coalesce(p.outcome, case when p.tax_month is null then 'requested' else 'approved' end)
  or (not w.automatic and w.requested_by = any (t.approvers))
order by w.withdrawal_id
"""

# A history goes from state to state without a gap.
WITHDRAWAL_STEPS = """
select format('withdrawal %s, step %s', withdrawal_id, version) as subject,
  format('from %s', coalesce(before, 'nothing')) as expected, format('from %s', coalesce(from_status, 'nothing')) as found
from (
  select *, lag(to_status) over (partition by withdrawal_id order by version) as before from withdrawal_history
) h where from_status is distinct from before
order by withdrawal_id, version
"""

# The accounts of tax are the sums of the payouts that were paid.
TAX_ACCOUNTS = """
with paid as (
  select w.distributor_id, w.currency, p.tax_month as month, sum(w.amount_minor) as gross, sum(p.tax_minor) as tax
  from payout p join withdrawal w using (withdrawal_id) where p.outcome = 'paid' group by 1, 2, 3
)
select format('tax_account (%s, %s, %s)', distributor_id, currency, month) as subject,
  format('%s paid, %s withheld', coalesce(p.gross, 0), coalesce(p.tax, 0)) as expected,
  format('%s paid, %s withheld', coalesce(t.gross_minor, 0), coalesce(t.tax_minor, 0)) as found
from tax_account t full join paid p using (distributor_id, currency, month)
where (t.gross_minor, t.tax_minor) is distinct from (p.gross, p.tax)
order by distributor_id, currency, month
"""

# A debt is the sum of its changes: what refunds took back of what had been taxed.
DEBTS = """
with changed as (select distributor_id, currency, sum(change_minor) as amount_minor from debt_change group by 1, 2)
select format('debt of balance (%s, %s)', distributor_id, currency) as subject,
  format('%s', greatest(-b.available_minor, 0)) as expected,
  format('%s, the sum of its changes', coalesce(c.amount_minor, 0)) as found
from balance b full join changed c using (distributor_id, currency)
where coalesce(greatest(-b.available_minor, 0), 0) <> coalesce(c.amount_minor, 0)
order by distributor_id, currency
"""

# What a channel said against itself is no balance of ours, and yet nobody may overlook it.
PAYOUT_FINDINGS = """
select format('payout %s', p.payout_number) as subject, format('%s, as booked', p.outcome) as expected,
  format('%s, said the channel (payout finding %s)', f.kind, f.finding_id) as found
from payout_finding f join payout p using (payout_id) where f.resolved_at is null
order by f.finding_id
"""
