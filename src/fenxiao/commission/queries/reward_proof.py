"""Questions about rewards whose every row is a fault, as those of `proof`."""

# Every reward is booked once, as what it is, on the account where it stood then.
REWARD_POSTINGS = """
with wanted as (
  select reward_id, case when kind = 'grant' then 'reward' else 'clawback' end as event,
    case when status = 'released' and settlement_id is null then 'available' else 'pending' end as account,
    kind = 'grant' as gives, distributor_id, currency, abs(reward_amount_minor) as amount_minor, created_at as at,
    booked_at as recorded_at
  from rewards
), made as (
  select reward_id, posting_id, event, debit, credit, distributor_id, currency, amount_minor, at, recorded_at
  from posting where event in ('reward', 'clawback') and reward_id is not null
)
select coalesce('posting ' || m.posting_id, 'reward ' || w.reward_id) as subject,
  format('of reward %s: %s on %s, distributor %s, %s %s, at %s', w.reward_id, w.event, w.account, w.distributor_id,
    w.amount_minor, w.currency, w.at) as expected,
  case when m.posting_id is null then 'no posting' else format('%s %s -> %s, distributor %s, %s %s, at %s, recorded %s',
    m.event, m.debit, m.credit, m.distributor_id, m.amount_minor, m.currency, m.at, m.recorded_at) end as found
from wanted w left join made m using (reward_id)
where (m.event, m.debit, m.credit, m.distributor_id, m.currency, m.amount_minor, m.at, m.recorded_at) is distinct from
  (w.event, case when w.gives then 'reward_expense' else w.account end,
   case when w.gives then w.account else 'reward_expense' end,
   w.distributor_id, w.currency, w.amount_minor, w.at, w.recorded_at)
order by w.reward_id
"""

# What a settlement released of rewards has a release posting, nothing else has, and nothing before it matured.
REWARD_RELEASES = """
with wanted as (
  select r.reward_id, r.settlement_id, r.distributor_id, r.currency, abs(reward_amount_minor) as amount_minor,
    case when reward_amount_minor > 0 then 'pending' else 'available' end as debit, released_at as at,
    r.release_at <= s.cutoff and coalesce(s.distributor_id, r.distributor_id) = r.distributor_id as due
  from rewards r join settlement s using (settlement_id)
), made as (
  select reward_id, posting_id, settlement_id, distributor_id, currency, amount_minor, debit, at
  from posting where event = 'release' and reward_id is not null
)
select coalesce('posting ' || m.posting_id, 'reward ' || reward_id) as subject,
  case when w.settlement_id is null then format('reward %s was released by no settlement', reward_id)
    else format('release of reward %s by settlement %s, which it was due for, from %s, distributor %s, %s %s, at %s',
      reward_id, w.settlement_id, w.debit, w.distributor_id, w.amount_minor, w.currency, w.at) end as expected,
  case when m.posting_id is null then 'no posting' else format('settlement %s from %s, distributor %s, %s %s, at %s',
    m.settlement_id, m.debit, m.distributor_id, m.amount_minor, m.currency, m.at) end as found
from wanted w full join made m using (reward_id)
where (m.settlement_id, m.distributor_id, m.currency, m.amount_minor, m.debit, m.at, true) is distinct from
  (w.settlement_id, w.distributor_id, w.currency, w.amount_minor, w.debit, w.at, w.due)
order by reward_id
"""

# A correction stands where the first reward of its key stands.
REWARD_CORRECTIONS = """
select format('reward %s', c.reward_id) as subject,
  format('as reward %s: %s of distributor %s for %s, %s, matures %s', f.reward_id, f.reward, f.distributor_id, f.period,
    f.status, f.release_at) as expected,
  format('%s of distributor %s for %s, %s, matures %s', c.reward, c.distributor_id, c.period, c.status, c.release_at) as found
from rewards c join rewards f on f.reward_id = c.corrects
where f.corrects is not null
  or (c.reward_period_id, c.reward, c.distributor_id, c.status, c.release_at)
    is distinct from (f.reward_period_id, f.reward, f.distributor_id, f.status, f.release_at)
order by c.reward_id
"""
