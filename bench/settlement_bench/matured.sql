-- Entries that have matured, ten of a distributor, with their books, postings and balances, as the consumer would have
-- written them. Parameters: how many entries, over how many distributors, above which entry and order. What is written
-- here is proved by the settlement itself: balances, postings and statements must come to the same.
create function pg_temp.matured(many int, people int) returns void language plpgsql as $$
declare
  plan bigint := (select min(rule_id) from rules.rules where state = 'published');
  first_order bigint := 1 + (select coalesce(max(order_id), 2000000000) from commission.order_book);
  first_entry bigint := (select coalesce(max(commission_id), 0) from commission.commission);
begin
  insert into commission.order_book (order_id, rule_id, currency, steps, release_at)
    select first_order + i, plan, 'CNY', 1, now() - interval '1 hour' from generate_series(0, many / 2) i;
  insert into commission.commission (commission_id, order_id, distributor_id, rule_id, engine_version, component, level,
      kind, commission_amount_minor, currency, step, status, created_at, booked_at, release_at)
    overriding system value
    select first_entry + i, first_order + i / 2, 1 + (i * 7919::bigint) % people, plan, '1', 'upline', 1 + i % 2, 'accrual',
      100 + i % 900, 'CNY', 0, 'pending', now() - interval '8 days', now() - interval '8 days', now() - interval '1 hour'
    from generate_series(1, many) i;
  perform setval(pg_get_serial_sequence('commission.commission', 'commission_id'), first_entry + many);
  insert into commission.posting (event, debit, credit, distributor_id, currency, amount_minor, commission_id, at,
      recorded_at)
    select 'accrual', 'commission_expense', 'pending', distributor_id, currency, commission_amount_minor, commission_id,
      created_at, booked_at
    from commission.commission where commission_id > first_entry order by commission_id;
  insert into commission.balance (distributor_id, currency, pending_minor, available_minor, withdrawing_minor, paid_minor,
      matures_at)
    select distributor_id, 'CNY', sum(commission_amount_minor), 0, 0, 0, min(release_at)
    from commission.commission where commission_id > first_entry group by 1 order by 1
    on conflict (distributor_id, currency) do update
      set pending_minor = balance.pending_minor + excluded.pending_minor,
        matures_at = least(balance.matures_at, excluded.matures_at);
end
$$;
