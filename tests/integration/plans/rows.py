"""Rows for plans: a database as large as a planner needs to choose as it would at a million rows.

This is the one scene that is written into the tables by hand: it is about plans, and no use case makes a hundred
thousand rows in a second. It is skewed as life is: one seller has a tenth of the orders, one actor most of the log,
the rare states stand at the far end, most columns that may be empty mostly are.
"""

import asyncio
from collections.abc import Sequence

import asyncpg

DISTRIBUTORS = 100_000
DIRECT = 12_000
"""So many has the first distributor sponsored itself."""
CHAIN = 99_001
"""From here to `CHAIN_END` each one is sponsored by the one before."""
CHAIN_END = 99_300
CLUB = 99_301
"""The root of a tree of its own, of the rest."""
ORDERS = 100_000
PRODUCTS = 30_000
BUSY = 7
"""The distributor, and the product, to which a large part of everything belongs."""
NOW = "timestamptz '2026-03-15 12:00:00+00'"

IDENTITY = """
insert into account (account_id, username, username_key, password_hash, state, distributor_id, created_at)
  select 1000 + i, 'user' || i, 'user' || i, 'x', case when i % 500 = 0 then 'closed' else 'active' end, i + 100, {now}
  from generate_series(1, 30000) i;
insert into account (account_id, username, username_key, password_hash, state, distributor_id, created_at)
  select 900 + n, name, name, (select password_hash from account where username = 'admin'), 'active', d, {now}
  from (values (1, 'top', 1), (2, 'club', {club}), (3, 'leaf', 90000), (4, 'busy', {busy})) as t (n, name, d)
  on conflict do nothing;
insert into account_role select account_id, 'ROLE_DISTRIBUTOR' from account where account_id >= 900;
insert into audit_log (audit_id, event_id, at, actor, action, subject, before, after, hash)
  select i, gen_random_uuid(), {now} - (100000 - i) * interval '5 minutes' - (i % 13) * interval '1 minute',
    case when i % 10 < 6 then 'account:1' when i % 10 = 6 then 'system' else 'account:' || i % 5000 end,
    case when i % 2000 = 1000 then 'role.changed' when i % 3 = 0 then 'order.refunded' else 'product.changed' end,
    case when i % 7 = 0 then 'products/{busy}' else 'products/' || i % 20000 end,
    '{{"price": "1.00"}}', '{{"price": "2.00"}}', sha256(i::text::bytea)
  from generate_series((select coalesce(max(audit_id), 0) + 1 from audit_log), 100000) i
"""

CATALOG = """
insert into category (category_id, name, parent_id, created_at)
  select i, 'Category ' || i, case when i <= 10 then null when i % 2 = 0 then 1 when i < 100 then 2 else i / 10 end, {now}
  from generate_series(1, 20000) i;
insert into tags (tag_id, name, created_at)
  select i, case when i % 3 = 0 then '标签' else 'tag ' end || i, {now} from generate_series(1, 20000) i;
insert into product (product_id, name, category_id, status, price_minor, cost_minor, currency, sku, version, created_at,
    updated_at)
  select i, (array['面粉', '大米', 'Lamp', 'Cake tin', 'Paper chain kit'])[1 + i % 5] || ' '
      || case when i % 9973 = 0 then '特价 ' else '' end || left(md5(i::text), 8),
    case when i % 4 = 0 then null when i % 4 = 1 then 4 else 1 + i % 20000 end,
    case when i > 29700 then 'pending' when i % 1000 = 999 then 'unavailable' else 'available' end,
    1000 + i % 900, case when i % 2 = 0 then 500 end, case when i % 5000 = 77 then 'USD' else 'CNY' end, case when i % 3 > 0 then 'SKU' || i end, 1, {now}, {now}
  from generate_series(1, {products}) i;
insert into product_tag (product_id, tag_id, position)
  select i, case when i % 3 > 0 then 1 else 2 + i % 19000 end, 0 from generate_series(1, {products}) i;
insert into product_tag (product_id, tag_id, position)
  select i, 19500 + i % 500, 1 from generate_series(1, {products}, 3) i;
insert into stock (product_id, on_hand, reserved, alert_threshold, low)
  select i, 100, i % 3, case when i % 10 = 0 then 50 end, i % 1000 = 0 from generate_series(1, {products}) i;
insert into inventory (inventory_id, product_id, batch_id, stock, expiry_date, updated_at)
  select i, 1 + i % {products}, 'B' || i, 50, case when i % 3 = 0 then date '2026-01-01' + i % 400 end, {now}
  from generate_series(1, 40000) i;
insert into stock_movement (inventory_id, product_id, delta, reason, actor, at, order_id)
  select 1 + (i % 40000), 1 + ((1 + i % 40000) % {products}), -1, 'shipped', 'account:1',
    {now} - (70000 - i) * interval '5 minutes', i from generate_series(1, 70000) i;
insert into stock_movement (inventory_id, product_id, delta, reason, actor, at, order_id)
  select {busy} - 1, {busy}, -1, case when i % 500 = 0 then 'counted' else 'shipped' end, 'account:1',
    {now} - (20000 - i) * interval '30 minutes', case when i % 500 <> 0 then i end from generate_series(1, 20000) i;
insert into stock_count (count_id, state, actor, created_at, ended_at, ended_by)
  select i, case when i % 4000 = 2000 then 'open' else 'closed' end, 'account:1', {now},
    case when i % 4000 <> 2000 then {now} end, case when i % 4000 <> 2000 then 'account:1' end from generate_series(1, 20000) i;
insert into stock_count_line (count_id, line, product_id, batch_id, snapshot, counted, book, counted_at, counted_by, open)
  select case when i <= 3000 then 1 else 1 + (i - 3000) % 19000 end, case when i <= 3000 then i else 10000 + i end, 1 + i % {products}, 'B' || i,
    50, case when i % 700 = 5 then 49 else 50 end, 50, {now}, 'account:1', false from generate_series(1, 50000) i
"""

NETWORK = """
insert into grade (grade, rank, created_at)
  select g, r, {now} from (values ('bronze', 1), ('silver', 2), ('gold', 3), ('diamond', 4)) as t (g, r);
create temp table sponsors as
  select i, case when i in (1, {club}) then null when i <= {direct} then 1 when i < {chain} then i / 5
    when i = {chain} then 1 when i <= {chain_end} then i - 1 else {club} end as sponsor_id
  from generate_series(1, {distributors}) i;
analyze sponsors;
insert into distributor (distributor_id, external_id, display_name, sponsor_id, path, status, grade, earns, invite_code,
    joined_at)
  with recursive tree as (
    select i, sponsor_id, int4send(i) as path from sponsors where sponsor_id is null
    union all select s.i, s.sponsor_id, t.path || int4send(s.i) from sponsors s join tree t on s.sponsor_id = t.i)
  select i, case when i % 3 > 0 then 'EXT' || i end,
    case when i % 20000 = 19000 then '欧阳' when i % 3 = 0 then '王' when i % 3 = 1 then '李' else 'Seller ' end
      || case when i % 3 = 2 then i::text else substr('伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华', 1 + i % 24, 1) || i % 100 end,
    sponsor_id, path, case when i % 1000 = 777 then 'suspended' when i > {distributors} - 1000 then 'pending' else 'active' end,
    case when i % 997 = 0 then 'diamond' when i % 50 = 0 then 'gold' when i % 10 = 0 then 'silver' when i % 3 = 0 then 'bronze' end,
    true, 'C' || i, {now} - ({distributors} - i) * interval '10 minutes'
  from tree order by i;
insert into tree (one, version) values (true, {distributors}) on conflict (one) do update set version = excluded.version;
insert into tree_change (version, kind, at)
  select i, case when i % 100 = 0 then 'moved' else 'registered' end, {now} - ({distributors} - i) * interval '10 minutes'
  from generate_series(1, {distributors}) i;
insert into sponsor_link (distributor_id, from_version, valid_from, valid_to, sponsor_id, source, evidence)
  select i, i, {now} - ({distributors} - i) * interval '10 minutes', 'infinity', sponsor_id, 'invite_code', '' from sponsors;
insert into standing (distributor_id, from_version, valid_from, valid_to, status, grade)
  select distributor_id, distributor_id, joined_at, 'infinity', status, grade from distributor;
insert into placement (distributor_id, path, open) select i, int4send(i), true from generate_series(1, 20000) i;
insert into placement_link (distributor_id, from_version, valid_from, valid_to, parent_id, position, source, actor, evidence)
  select i, i, {now} - ({distributors} - i) * interval '10 minutes', 'infinity', nullif(i / 2, 0), case when i > 1 then 1 + i % 2 end,
    'spill', 'account:1', '' from generate_series(1, 20000) i;
insert into team_tree (one, version) values (true, 1);
insert into team (team_id, name, status, leader_id, parent_id, level, members, created_at, dissolved_at)
  select i, 'team ' || i, case when gone then 'dissolved' else 'active' end, case when not gone then i end,
    case when i = 1 then null when i <= 100 then 1 when i <= 19990 then 2 + i % 99 else 5000 end,
    case when i = 1 then 1 when i <= 100 then 2 when i <= 19990 then 3 else 4 end, case when gone then 0 else 1 end,
    {now}, case when gone then {now} end
  from (select i, i % 1000 = 500 as gone from generate_series(1, 20000) i) t;
insert into team_member (distributor_id, team_id, since)
  select i, team_id, case when team_id is not null then {now} - interval '60 days' end
  from (select i, case when i % 1000 = 500 then null when i <= 20000 then i when i > 33000 then 1 else 2 + i % 499 end as team_id
          from (select generate_series(1, 40000) as i union all select 90000) s) t;
insert into team_link (distributor_id, from_version, valid_from, valid_to, team_id, since, leads, actor)
  select distributor_id, distributor_id, since, 'infinity', team_id, since, distributor_id <= 20000, 'account:1'
  from team_member where team_id is not null;
insert into team_link (distributor_id, from_version, to_version, valid_from, valid_to, team_id, since, leads, actor)
  select i, 0, 1, {now} - interval '90 days', {now} - interval '70 days', 1, {now} - interval '90 days', false, 'account:1'
  from generate_series(25001, 27000) i;
drop table sponsors
"""

RULES = """
insert into rules (name, version, currency, state, revision, document, document_hash, announced_at, effective_from,
    effective_to, created_by, created_at, updated_at, published_by, checked_at, checked_by)
  select case when i % 3 = 0 then 'standard' else 'plan ' || i % 700 end, i + 1000, c,
    case when f is not null then 'published' when i % 40 = 5 then 'checked' else 'draft' end, 1, m.document, m.document_hash, f, f,
    case when i < 19990 then f + interval '10 minutes' end, 'account:1', {now}, {now}, case when f is not null then 'account:1' end,
    case when i % 40 = 5 then {now} end, case when i % 40 = 5 then 'account:1' end
  from (
    select i, case when i % 50 = 49 then 'USD' else 'CNY' end as c,
      case when i % 20 <> 5 then {now} - (20000 - i) * interval '10 minutes' end as f from generate_series(1, 19990) i
  ) as t, (select document, document_hash from rules limit 1) as m
"""

ORDERS_SQL = """
insert into product_facts (facts_id, product_id, version, name, currency, list_minor, category_path, tags, digest)
  select i, i, 1, 'Product ' || i, 'CNY', 1000, '{{1}}', '{{}}', sha256(i::text::bytea) from generate_series(1, {products}) i;
insert into orders (order_id, distributor_id, product_id, quantity, status, version, currency, total_minor, refunded_minor,
    channel, external_id, hold_id, seller_active, upline_ids, upline_grades, upline_ranks, upline_active, tree_version,
    created_at, paid_at, shipped_at, completed_at, cancelled_at, buyer_index, seal)
  select i, case when i % 10 = 0 then {busy} else 1 + (i * 7919) % {distributors} end, p, 2, s, 1,
    case when i % 1000 = 7 then 'USD' else 'CNY' end, 2000 + i % 1000, case when s = 'refunded' then 2000 + i % 1000 else 0 end,
    case when i % 5000 = 3 then 'fair' when i % 100 = 3 then 'pos' else 'api' end, case when i % 2 = 0 then 'ORD' || i end, i, true,
    '{{1}}', '{{null}}', '{{null}}', '{{true}}', 1, at, case when s not in ('pending', 'cancelled') then at + interval '2 minutes' end,
    case when s in ('shipped', 'completed') then at + interval '1 hour' end, case when s = 'completed' then at + interval '2 hours' end,
    case when s = 'cancelled' then at end, case when i % 50 = 13 then '{buyer}'::bytea when i % 5000 = 14 then '{buyer}00'::bytea end,
    md5(i::text)::uuid
  from (select i, case when i % 20 = 5 then {busy} else 1 + (i * 31) % {products} end as p,
      {now} - ({orders} - i) * interval '5 minutes' as at,
      case when i % 2500 = 0 or i % 50 = 2 then 'refunded' when i % 1000 = 500 then 'pending' when i % 40 = 1 then 'cancelled'
        when i > {orders} - 800 then 'paid' when i > {orders} - 1500 then 'shipped' else 'completed' end as s
    from generate_series(1, {orders}) i) as t;
insert into order_line (order_id, line_id, product_id, facts_id, quantity, unit_price_minor, discount_minor, amount_minor, seal)
  select order_id, order_id, product_id, product_id, 2, 1000, 0, 2000, seal from orders;
insert into refund (refund_id, order_id, sequence, kind, amount_minor, restock, actor, at)
  select order_id, order_id, 1, 'units', 1000, true, 'account:1', created_at from orders where status = 'refunded' or order_id % 10 in (4, 6, 8);
insert into refund (refund_id, order_id, sequence, kind, amount_minor, restock, actor, at)
  select order_id + 1000000, order_id, 2, 'amount', 0, false, 'account:1', created_at from orders where order_id % 20 = 0;
insert into refund_line (refund_id, line_id, order_id, quantity, amount_minor)
  select refund_id, order_id, order_id, 1, 1000 from refund where kind = 'units';
insert into order_history (order_id, version, from_status, to_status, actor, at)
  select order_id, 1, null, 'pending', 'account:1', created_at from orders;
insert into order_history (order_id, version, from_status, to_status, actor, at)
  select order_id, 2, 'pending', status, 'account:1', created_at from orders where status <> 'pending'
"""

COMMISSION = """
insert into run (run_id, kind, parameters, state, done, total, actor, created_at)
  select i, 'settlement', '{{}}', 'done', 1, 1, 'system', {now} from generate_series(1, 3000) i;
insert into settlement (settlement_id, cutoff, distributor_id, run_id, created_at)
  select i, {now} - (20000 - i) * interval '1 hour', case when i > 3000 then 1 + i % 5000 end,
    case when i <= 3000 then i end, {now} - (20000 - i) * interval '1 hour' from generate_series(1, 20000) i;
insert into run (run_id, kind, parameters, state, done, total, actor, created_at)
  select 3000 + i, 'simulation', '{{}}', 'done', 1, 1, 'account:1', {now} from generate_series(1, 5000) i;
insert into simulation (simulation_id, run_id, rule_id, plan_name, plan_version, document, document_hash, engine_version,
    currency, paid_from, paid_to, actor, created_at, outcome, input_hash, output_hash)
  select i, 3000 + i, 1, 'standard', 1, '{{}}', '', '1', 'CNY', {now} - interval '1 year', {now}, 'account:1', {now}, '{{}}', '', ''
  from generate_series(1, 5000) i;
insert into simulation_distributor (simulation_id, distributor_id, orders, sales_minor, would_minor, was_minor)
  select case when i % 2 = 0 then 700 else 1 + i % 5000 end, i, 1, 1000, i % 500, 100 from generate_series(1, {distributors}) i;
insert into period_close (close_id, rule_id, currency, kind, period, purpose, since, until, release_at, steps, stage,
    booked_minor, position, known_until, closed_at)
  select i, 1, 'CNY', 'day', 'day ' || i, 'pay', {now} - (5001 - i) * interval '1 day', {now} - (5000 - i) * interval '1 day', {now},
    2, 'idle', 100, 0, {now}, {now} from generate_series(1, 5000) i;
insert into period_step (close_id, step, at, known_until, sales_minor)
  select i, s, {now}, {now}, 1000 from generate_series(1, 5000) i, generate_series(0, 1) s;
insert into reward_period (reward_period_id, rule_id, currency, kind, period, since, until, steps, stage, position,
    known_until, opened_at)
  select i, 1, 'CNY', 'month', 'month ' || i, {now} - interval '1 month', {now}, 1, 'idle', 0, {now}, {now}
  from generate_series(1, 50) i;
insert into reward_step (reward_period_id, step, at, known_until) select i, 0, {now}, {now} from generate_series(1, 50) i;
insert into reward_standing (reward_period_id, step, reward, distributor_id, sales_minor, before_minor, tier, amount_minor)
  select 1 + i % 50, 0, 'reward ' || i, case when i % 5 = 0 then {busy} else 1 + (i * 7919) % {distributors} end, 100, 0, 0, 100
  from generate_series(1, 30000) i;
insert into rewards (distributor_id, reward_type, reward, rule_id, engine_version, reward_period_id, period, step, kind,
    reward_amount_minor, currency, status, created_at, booked_at, release_at, released_at)
  select distributor_id, 'sales_target', reward, 1, '1', reward_period_id, 'month ' || reward_period_id, 0, 'grant', 100,
    'CNY', 'released', {now}, {now}, {now}, {now} from reward_standing order by substr(reward, 8)::int;
insert into order_book (order_id, rule_id, currency, steps, release_at)
  select i, 1, 'CNY', 1, {now} from generate_series(1, 60000) i;
insert into commission (commission_id, order_id, distributor_id, rule_id, engine_version, component, level, kind,
    commission_amount_minor, currency, step, status, created_at, booked_at, release_at, released_at, settlement_id)
  select i, 1 + i / 2, case when i % 5 = 0 then {busy} else 1 + (i * 7919) % {distributors} end, 1, '1', 'up', 1 + i % 2,
    'accrual', 100, case when i in (70, 140, 210) then 'USD' else 'CNY' end, 0, case when i > 80000 then 'pending' else 'released' end,
    {now} - (120000 - i) * interval '5 minutes', {now}, case when i % 9 > 0 then {now} + i * interval '1 minute' end,
    case when i <= 80000 then {now} end, case when i <= 80000 then 1 + i % 3000 end
  from generate_series(2, 119990) i;
insert into posting (event, debit, credit, distributor_id, currency, amount_minor, payout_id, at, recorded_at)
  select 'payout', 'withdrawing', 'cash', case when i % 5 = 0 then {busy} else i end, 'CNY', 100, i, at, at
  from generate_series(1, 3000) i, lateral (select {now} - interval '420 days' as at) t;
insert into posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id, at, recorded_at)
  select 'accrual', 'commission_expense', 'pending', distributor_id, currency, 100, commission_id, created_at, created_at
  from commission;
insert into balance (distributor_id, currency, pending_minor, available_minor, withdrawing_minor, paid_minor)
  select distributor_id, currency, 100, 100, 0, 0 from commission group by 1, 2;
insert into statement (settlement_id, distributor_id, currency, opening_minor, released_minor, closing_minor, entries,
    created_at, through_posting_id, pending_minor, withdrawing_minor)
  select 1 + i % 3000, 1 + i / 3000, 'CNY', 0, 100, 100, 1, {now}, 1 + i % 3000, 0, 0 from generate_series(0, 59999) i;
insert into book_day (day, ends_at, through_posting_id, postings, previous, hash, closed_at)
  select date '2025-01-22' + i, timestamptz '2025-01-23 00:00:00+00' + i * interval '1 day', 3046 + i * 288, 288,
    sha256((i - 1)::text::bytea), sha256(i::text::bytea), {now} from generate_series(0, 416) i
"""

WITHDRAWALS = """
insert into payout_account (account_id, distributor_id, channel, status, created_at, closed_at)
  select i, case when i % 10 = 0 then {busy} else 1 + (i * 7919) % {distributors} end, 'bank', 'erased', {now}, {now}
  from generate_series(1, 20000) i;
insert into withdrawal_policy (policy_id, currency, version, effective_from, minimum_minor, fee_fixed_minor, fee_rate, tax,
    new_account_days, most_per_day, actor, recorded_at)
  select i, case when i % 100 = 0 then 'USD' else 'CNY' end, i, {now} - (5000 - i) * interval '1 hour', 0, 0, '0.00', 'none',
    7, 3, 'account:1', {now} from generate_series(1, 5000) i;
insert into withdrawal (withdrawal_id, distributor_id, currency, amount_minor, account_id, policy_id, status, version,
    attempt, risks, requested_by, requested_at, approved_by, approved_at)
  select i, case when i % 10 = 0 then {busy} else 1 + (i * 7919) % {distributors} end,
    case when i % 200 = 0 then 'USD' else 'CNY' end, 100, 1 + i % 20000, 1 + i % 5000,
    case when i % 2000 = 10 then 'unknown' when i % 100 = 3 then 'failed' when i > 29800 then 'requested' else 'paid' end,
    3, 1, '[]', 'account:7', {now} - (30000 - i) * interval '10 minutes', 'account:1', {now}
  from generate_series(1, 30000) i;
insert into payout (payout_id, payout_number, withdrawal_id, attempt, fee_minor, tax_minor, tax_month, outcome, created_at,
    ended_at)
  select withdrawal_id, md5('payout' || withdrawal_id), withdrawal_id, 1, 0, 0, date '2026-01-01',
    case when status in ('requested', 'approved') then null else status end, requested_at,
    case when status in ('paid', 'failed') then {now} end from withdrawal;
insert into withdrawal_history (withdrawal_id, version, from_status, to_status, attempt, at, actor)
  select withdrawal_id, v, case when v > 1 then 'requested' end, 'approved', 1, requested_at, 'account:1'
  from withdrawal, generate_series(1, 2) v;
insert into payout_finding (finding_id, payout_id, kind, at, resolved_at, resolved_by, note)
  select i, i, 'paid-after-failed', {now}, case when i % 500 > 0 then {now} end, case when i % 500 > 0 then 'account:1' end,
    case when i % 500 > 0 then 'done' end from generate_series(1, 20000) i;
insert into tax_table (strategy, effective_from, source, document, actor, recorded_at)
  select 'cn_per_payment', date '2000-01-01' + i, 'law ' || i, '{{}}', 'account:1', {now} from generate_series(1, 5000) i;
insert into tax_account (distributor_id, currency, month, gross_minor, tax_minor)
  select i, 'CNY', m, 100, 10 from generate_series(1, 20000) i,
    generate_series(timestamp '2025-10-01', timestamp '2026-03-01', interval '1 month') m;
insert into debt_change (distributor_id, currency, change_minor, recorded_at)
  select 1 + (i * 7919) % {distributors}, 'CNY', 100, {now} - (5000 - i) * interval '2 hours' from generate_series(1, 5000) i
"""

ANALYTICS = """
insert into sales_fact (order_id, kind, sequence, at, distributor_id, currency, units, amount_minor, product_ids, category_ids,
    product_units, product_amounts_minor)
  select i, k, 0, {now} - ({orders} - i) * interval '5 minutes', case when i % 10 = 0 then {busy} else 1 + (i * 7919) % {distributors} end,
    case when i % 50 = 0 then 'USD' else 'CNY' end, 2, 2000, array[1 + (i * 31) % {products}], array[(i % 300)::bigint], '{{2}}', '{{2000}}'
  from generate_series(1, {orders}) i, (values ('payment')) as t (k);
insert into sales_report (slot, distributor_id, currency, orders, units, gross_minor, refunds_minor, commission_minor)
  select slot, distributor_id, currency, count(*), sum(units), sum(amount_minor), 0, 100 from sales_fact group by 1, 2, 3
"""

NOTIFICATIONS = """
insert into webhook (webhook_id, url, event_types, state, created_at, updated_at)
  select i, 'https://example.org/' || i, '{{order.created}}', case when i % 3 = 0 then 'deleted' else 'enabled' end, {now}, {now}
  from generate_series(1, 6000) i;
insert into message (message_id, event_id, type, payload, created_at)
  select i, md5('event' || i)::uuid, case when i % 2000 = 9 then 'rule.published' else 'order.created' end, '{{}}',
    {now} - (60000 - i) * interval '1 minute' from generate_series(1, 60000) i;
insert into delivery (delivery_id, webhook_id, message_id, type, state, due_at, created_at, finished_at)
  select m.message_id * 2 + w % 2, case when w = 1 then 1 else 2 + (m.message_id * 7) % 3000 end, m.message_id, m.type, s.state,
    case when s.state = 'pending' then {now} end, m.created_at, case when s.state <> 'pending' then m.created_at end
  from message m, generate_series(1, 2) w,
    lateral (select case when m.message_id % 3000 = 5 then 'dead' when m.message_id > 59980 then 'pending' else 'delivered' end) as s (state);
insert into attempt (delivery_id, at, milliseconds, status)
  select delivery_id, created_at, 20, 200 from delivery where state <> 'pending';
insert into notice (notice_id, kind, params, created_at)
  select i, 'stock.low', '{{}}', {now} - (30000 - i) * interval '10 minutes' from generate_series(1, 30000) i;
insert into notices_read (account_id, through, read_at) select 1, i * 1000, {now} from generate_series(1, 29) i;
insert into notice_read (account_id, notice_id, read_at) select a, i, {now} from generate_series(1, 29990, 9) i, generate_series(1, 10) a
"""

PAYMENTS = """
insert into batch (batch_id, currency, transfers, amount_minor, created_by, created_at)
  select i, 'CNY', 5, 500, 'account:1', {now} from generate_series(1, 5000) i;
insert into transfer (transfer_id, payout_number, channel, currency, amount_minor, destination_sealed, destination_index,
    status, contradicted, batch_id, due_at, first_sent_at, created_at, ended_at)
  select i, md5('payout' || i), t.channel, case when i % 400 = 9 then 'USD' else 'CNY' end, 100, 'x', 'x', t.status,
    i % 3000 = 7, case when t.channel = 'bank' then 1 + i / 12 end,
    case when t.status in ('processing', 'unknown') and t.channel <> 'bank' then {now} end, {now}, {now},
    case when t.status in ('paid', 'failed') then {now} - (60000 - i) * interval '5 minutes' end
  from generate_series(1, 60000) i, lateral (select
    case when i % 3000 = 11 then 'paypal' when i % 4 = 0 then 'bank' else 'wechat' end as channel,
    case when i > 59950 then 'processing' when i % 5000 = 13 then 'unknown' when i % 200 = 3 then 'failed' else 'paid' end as status) t;
insert into attempt (transfer_id, at, kind, word) select transfer_id, created_at, 'submit', 'paid' from transfer;
insert into attempt (transfer_id, at, kind, word) select 7, {now}, 'ask', 'unknown' from generate_series(1, 5000);
insert into reconciliation (reconciliation_id, channel, starts_at, ends_at, digest, lines, differences, created_by, created_at)
  select i, case when i % 700 = 5 then 'bank' else 'wechat' end, {now} - interval '1 day', {now}, 'x', 1, 1, 'account:1', {now}
  from generate_series(1, 6000) i;
insert into difference (reconciliation_id, position, kind, payout_number)
  select 1 + i / 4000, i % 4000, 'missing-here', md5('there' || i) from generate_series(0, 19999) i
"""

ALL: dict[str, str] = {
    "catalog": CATALOG,
    "network": NETWORK,
    "identity": IDENTITY,
    "rules": RULES,
    "payments": PAYMENTS,
    "orders": ORDERS_SQL,
    "commission": f"{COMMISSION};{WITHDRAWALS}",
    "analytics": ANALYTICS,
    "notifications": NOTIFICATIONS,
}


async def fill(dsn: str, buyer: bytes) -> None:
    """Fill every schema, two at a time, and let the server look at what it has got.

    `buyer` is the blind index of the one buyer who has bought again and again.
    """
    waiting = list(ALL)

    async def work() -> None:
        while waiting:
            await _fill(dsn, waiting.pop(0), buyer)

    await asyncio.gather(work(), work())


async def _fill(dsn: str, schema: str, buyer: bytes) -> None:
    connection = await asyncpg.connect(
        dsn, server_settings={"search_path": schema, "maintenance_work_mem": "128MB"}
    )
    try:
        # No foreign keys and no triggers while it fills: what stands here is right by construction.
        await connection.execute("set session_replication_role = replica")
        indexes = await _without_indexes(connection, schema)
        await connection.execute(_text(ALL[schema], buyer))
        for index in indexes:
            await connection.execute(index)
        tables = await connection.fetchval(
            "select string_agg(quote_ident(relname), ', ') from pg_class where relkind = 'r' and relnamespace = $1::text::regnamespace",
            schema,
        )
        await connection.execute(f"vacuum (analyze) {tables}")
    finally:
        await connection.close()


async def _without_indexes(connection: asyncpg.Connection, schema: str) -> Sequence[str]:
    """Drop what no constraint needs; answers how to make it again, which is quicker in one go."""
    rows = await connection.fetch(
        "select c.relname as name, pg_get_indexdef(i.indexrelid) as text from pg_index i join pg_class c on c.oid = i.indexrelid"
        " where c.relnamespace = $1::text::regnamespace and not exists (select from pg_constraint k where k.conindid = i.indexrelid)",
        schema,
    )
    for row in rows:
        await connection.execute(f'drop index "{row["name"]}"')
    return [row["text"] for row in rows]


def _text(statements: str, buyer: bytes) -> str:
    return statements.format(
        now=NOW,
        buyer=r"\x" + buyer.hex(),
        club=CLUB,
        busy=BUSY,
        products=PRODUCTS,
        direct=DIRECT,
        chain=CHAIN,
        chain_end=CHAIN_END,
        distributors=DISTRIBUTORS,
        orders=ORDERS,
    )
