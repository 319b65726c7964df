-- Orders of the past with their commission, as the system would have written them under the plan of two levels: some
-- hundred thousand a second would be needed to place them one by one. Each has one line; its book has two entries where
-- two people stand above the seller. Parameters: how many, from when on, one every ten seconds, and how many must stand
-- above each seller. What is written here is proved by the simulation, which has to arrive at the same for everybody.
create function pg_temp.past(many int, since timestamptz, above int) returns void language plpgsql as $$
declare
  plan bigint := (select min(rule_id) from rules.rules where state = 'published');
  people int[] := (select array_agg(distributor_id order by distributor_id) from bench_limit.seller
    where cardinality(upline) >= above);
  first bigint := (select coalesce(max(order_id), 0) from orders.orders);
begin
  create temp table ware on commit drop as
    select row_number() over (order by product_id) as n, product_id, price_minor from bench_limit.stock;
  insert into orders.product_facts (product_id, version, name, currency, list_minor, category_path, tags, digest)
    select product_id, 1, 'Product ' || n, 'CNY', price_minor, '{}', '{}', sha256(('bench ' || product_id)::bytea)
    from ware on conflict (digest) do nothing;
  insert into orders.orders (order_id, distributor_id, product_id, quantity, status, version, currency, total_minor,
      channel, hold_id, seller_active, upline_ids, upline_grades, upline_ranks, upline_active, tree_version, rule_id,
      created_at, paid_at, seal)
    overriding system value
    select first + i, s.distributor_id, w.product_id, 1 + i % 3, 'paid', 2, 'CNY', w.price_minor * (1 + i % 3), 'api',
      1000000000 + first + i, true, s.upline, array_fill(null::text, array[cardinality(s.upline)]),
      array_fill(null::int, array[cardinality(s.upline)]), array_fill(true, array[cardinality(s.upline)]), 1, plan,
      since + i * interval '10 seconds', since + i * interval '10 seconds', md5(i::text)::uuid
    from generate_series(1, many) i
    join bench_limit.seller s on s.distributor_id = people[1 + (i * 7919::bigint) % cardinality(people)]
    join ware w on w.n = 1 + (i * 31::bigint) % (select count(*) from ware)
    order by i;
  insert into orders.order_line (order_id, line_id, product_id, facts_id, quantity, unit_price_minor, discount_minor,
      amount_minor, seal)
    overriding system value
    select o.order_id, 1000000000 + o.order_id, o.product_id, f.facts_id, o.quantity, o.total_minor / o.quantity, 0,
      o.total_minor, o.seal
    from orders.orders o join orders.product_facts f on f.digest = sha256(('bench ' || o.product_id)::bytea)
    where o.order_id > first order by 1;
  insert into commission.order_book (order_id, rule_id, currency, steps)
    select order_id, plan, 'CNY', 1 from orders.orders where order_id > first order by 1;
  insert into commission.commission (order_id, distributor_id, rule_id, engine_version, component, level, kind,
      commission_amount_minor, currency, step, status, created_at, booked_at)
    select o.order_id, o.upline_ids[n], plan, '1', 'upline', n, 'accrual', (o.total_minor + 5 * n) / (10 * n), 'CNY', 0,
      'pending', o.paid_at, o.paid_at
    from orders.orders o cross join generate_series(1, 2) n
    where o.order_id > first and cardinality(o.upline_ids) >= n order by o.order_id, n;
  perform setval(pg_get_serial_sequence('orders.orders', 'order_id'), first + many);
end
$$;
