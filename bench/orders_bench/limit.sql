-- The limit: what one order costs this PostgreSQL at the very least. One call and one commit per order: the stock row
-- is locked, checked and taken from, and an order, its line with the frozen upline, an idempotency mark and an event
-- are written. No foreign keys, no secondary indexes, no rights, no events delivered.
create schema bench_limit;

create table bench_limit.stock (
  product_id int primary key,
  on_hand bigint not null check (on_hand >= 0),
  price_minor bigint not null
) with (fillfactor = 50);

create table bench_limit.seller (
  distributor_id int primary key,
  upline int[] not null,
  grades smallint[] not null
);

create table bench_limit.orders (
  order_id bigint generated always as identity primary key,
  distributor_id int not null,
  status text not null,
  currency text not null,
  total_minor bigint not null,
  created_at timestamptz not null
);

create table bench_limit.order_line (
  order_id bigint primary key,
  product_id int not null,
  quantity int not null,
  unit_price_minor bigint not null,
  amount_minor bigint not null,
  upline int[] not null,
  grades smallint[] not null
);

create table bench_limit.idempotency (
  account text not null,
  key text not null,
  order_id bigint not null,
  created_at timestamptz not null,
  primary key (account, key)
);

create table bench_limit.outbox (
  seq bigint generated always as identity primary key,
  type text not null,
  subject text not null,
  data jsonb not null,
  time timestamptz not null,
  published_at timestamptz
);

create function bench_limit.place(product int, distributor int, units int, round int, client int, number int)
returns bigint language plpgsql as $$
declare
  price bigint;
  placed bigint;
begin
  update bench_limit.stock set on_hand = on_hand - units
  where product_id = product and on_hand >= units returning price_minor into price;
  if not found then
    raise exception 'product % is out of stock', product;
  end if;
  insert into bench_limit.orders (distributor_id, status, currency, total_minor, created_at)
  values (distributor, 'pending', 'CNY', price * units, now()) returning order_id into placed;
  insert into bench_limit.order_line
  select placed, product, units, price, price * units, s.upline, s.grades
  from bench_limit.seller s where s.distributor_id = distributor;
  if not found then
    raise exception 'there is no distributor %', distributor;
  end if;
  insert into bench_limit.idempotency (account, key, order_id, created_at)
  values ('account:1', format('%s-%s-%s', round, client, number), placed, now());
  insert into bench_limit.outbox (type, subject, data, time)
  values ('order.created', 'orders/' || placed,
    jsonb_build_object('order_id', placed, 'distributor_id', distributor, 'total_minor', price * units), now());
  return placed;
end
$$;
