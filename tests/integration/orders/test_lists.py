"""Lists of orders: every filter finds what it should, in pages, and none of them reads the whole table."""

import json
from datetime import timedelta

import asyncpg
import pytest_asyncio

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.sql import compiled
from fenxiao.kernel.paging import encode_cursor
from fenxiao.orders.api import Transition
from fenxiao.orders.queries import listing
from fenxiao.orders.queries.known import buyer_index
from fenxiao.orders.queries.listing import Filter


@pytest_asyncio.fixture
async def found(client, admin):
    """The ids of the orders that a query finds, over all its pages."""

    async def call(query, limit=2, headers=admin):
        ids, cursor = [], ""
        while True:
            after = f"&cursor={cursor}" if cursor else ""
            answer = await client.get(f"/api/orders?limit={limit}&{query}{after}", headers=headers)
            assert answer.status_code == 200, answer.text
            ids += [order["order_id"] for order in answer.json()["items"]]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return ids

    return call


@pytest_asyncio.fixture
async def placed(shop):
    """Orders of all kinds, an hour apart: pending, paid, shipped, cancelled; each its own amount."""
    start = shop.system.clock.now - timedelta(days=2)

    async def one(hour, *lines, **changes):
        at = start + timedelta(hours=hour)
        return (await shop.place(*lines, may_set_price=True, at=at, **changes)).order_id

    ids = [
        await one(0, (shop.flour, 1), external_id="e0", channel="shop", buyer="Wang Wei"),
        await one(1, (shop.rice, 2), paid=True, external_id="e1", channel="shop"),
        await one(2, (shop.rice, 1), (shop.flour, 2), paid=True, buyer="wang wei "),
        await one(3, (shop.flour, 3), paid=True, distributor_id=shop.sellers[0]),
        await one(4, (shop.flour, 4), external_id="e0"),
    ]
    assert await shop.ship(ids[2]) is None
    (refused,) = await shop.orders._transitions.cancel([Transition(order_id=ids[4])])
    assert refused is None
    return ids


async def test_every_filter(shop, found, placed):
    a, b, c, d, e = placed
    seller, first = shop.sellers[3], shop.sellers[0]
    for query, ids in {
        "": [e, d, c, b, a],
        f"distributor_id={first}": [d],
        f"distributor_id={seller}": [e, c, b, a],
        "status=pending": [a],
        "status=paid": [d, b],
        "status=paid&status=shipped&status=cancelled": [e, d, c, b],
        "status=refunded&status=completed": [],
        "from=2026-03-13T13:00:00Z&to=2026-03-13T15:00:00Z": [c, b],
        "channel=shop": [b, a],
        "channel=nothing": [],
        "external_id=e0": [e, a],
        "external_id=e0&channel=shop": [a],
        f"product_id={shop.rice}": [c, b],
        f"product_id={shop.flour}": [e, d, c, a],
        "buyer=WANG%20WEI": [c, a],
        "buyer=Wang": [],
        "currency=CNY": [e, d, c, b, a],
        "currency=USD": [],
        "total_from=50": [e, d, c, a],
        "total_from=50&total_to=103.33": [c, a],
        "total_to=6.66": [b],
        "total_to=6.66&currency=USD": [],
        "paid_from=2026-03-13T14:00:00Z": [d, c],
        "paid_to=2026-03-13T14:00:00Z": [b],
        "paid_from=2026-03-13&paid_to=2026-03-14": [d, c, b],
        f"ids={a},{d},999999": [d, a],
        f"ids={a},{d}&status=paid": [d],
        f"status=paid&product_id={shop.flour}&total_from=100": [d],
    }.items():
        for limit in (1, 2, 200):
            assert await found(query, limit) == ids, (query, limit)


async def test_a_filter_that_makes_no_sense(client, admin, placed):
    beyond = encode_cursor(10**18, 1)
    for query, field in {
        "status=lost": "status.0",
        "total_from=1.001": "total_from",
        "total_from=x": "total_from",
        "ids=1,a": "ids",
        "channel=A": "channel",
        "currency=cny": "currency",
        "paid_from=yesterday": "paid_from",
        "buyer=": "buyer",
        "bayer=x": "bayer",
        "cursor=x": "cursor",
        f"cursor={beyond}": "cursor",
    }.items():
        answer = await client.get(f"/api/orders?{query}", headers=admin)
        assert answer.status_code == 422, (query, answer.text)
        assert [error["field"] for error in answer.json()["errors"]] == [field], query


async def test_a_distributor_finds_its_own_by_whatever_it_asks(shop, client, admin, login, found, placed):  # noqa: PLR0917
    person = {
        "username": "d1",
        "password": "Pw-long-enough-1",
        "display_name": "D",
        "sponsor_id": shop.sellers[2],
    }
    number = (await client.post("/api/distributors", json=person, headers=admin)).json()["distributor_id"]
    await client.post(f"/api/distributors/{number}/activate", json={}, headers=admin)
    await shop.system.drain()
    headers = await login("d1", "Pw-long-enough-1")
    own = (await shop.place(distributor_id=number, buyer="Wang Wei")).order_id
    for query in ("", "buyer=wang%20wei", f"product_id={shop.flour}", f"ids={own},{placed[0]}"):
        assert await found(query, headers=headers) == [own], query
    assert await found("external_id=e0", headers=headers) == []


ROWS = 200_000
_FACTS = "insert into product_facts (product_id, version, name, currency, tags, category_path, digest) select n, 1, 'p', 'CNY', '{}', '{}', sha256(n::text::bytea) from generate_series(1, 2000) n"
_ORDERS = f"""
insert into orders (distributor_id, product_id, quantity, status, version, currency, total_minor, channel, external_id, buyer,
  buyer_index, hold_id, seller_active, upline_ids, upline_grades, upline_ranks, upline_active, tree_version, created_at, pay_by,
  paid_at, shipped_at, completed_at, seal)
select n % 5000, n % 2000 + 1, 1, s.status, 1, case when n % 1000 = 7 then 'USD' else 'CNY' end, (n * 7919) % 1000003,
  case when n % 500 = 0 then 'shop' else 'api' end, case when n % 10 = 0 then 'e' || n end, null,
  case when n % 3 = 0 then sha256((n % 30000)::text::bytea) end, n, true, '{{}}', '{{}}', '{{}}', '{{}}', 1, t.at,
  case when s.status = 'pending' then t.at + interval '1 day' end,
  case when s.status <> 'pending' then t.at + interval '5 minutes' end,
  case when s.status in ('shipped', 'completed') then t.at + interval '1 hour' end,
  case when s.status = 'completed' then t.at + interval '1 day' end, gen_random_uuid()
from generate_series(1, {ROWS}) n
cross join lateral (select timestamptz '2025-01-01' + n * interval '2 minutes' as at) t
cross join lateral (select case when n % 400 = 1 then 'pending' when n % 400 = 2 then 'paid' when n % 400 = 3 then 'shipped'
  else 'completed' end as status) s
"""
_LINES = """
insert into order_line (order_id, product_id, facts_id, quantity, unit_price_minor, discount_minor, amount_minor, seal)
select order_id, o.product_id, facts_id, 1, total_minor, 0, total_minor, gen_random_uuid()
from orders o join product_facts using (product_id)
"""


def _scans(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _scans(inner)


async def _plan(db: Database, query, *args):
    text, values = compiled(query, args)
    async with db.connection() as connection:
        rows = await connection.fetch(f"explain (analyze, buffers, format json) {text}", *values)
    found = rows[0][0]
    (top,) = json.loads(found) if isinstance(found, str) else found
    nodes = list(_scans(top["Plan"]))
    seq = [
        n["Relation Name"]
        for n in nodes
        if n["Node Type"] == "Seq Scan" and n["Relation Name"] in ("orders", "order_line")
    ]
    indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
    pages = top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"]
    return seq, indexes, pages


async def test_no_list_reads_the_whole_table(system, owner: asyncpg.Connection):
    """Two hundred thousand orders over nine months; the rows are made by hand, because this is about plans alone."""
    await owner.execute("set search_path = orders")
    for statement in (
        _FACTS,
        _ORDERS,
        _LINES,
        "vacuum analyze orders.orders",
        "vacuum analyze orders.order_line",
    ):
        await owner.execute(statement)
    (offer,) = [offer for offer in system.offers if offer.name == "orders"]
    db, cipher = offer.api._db, offer.api._cipher
    whole = await owner.fetchval("select pg_relation_size('orders.orders') / 8192")
    start = await owner.fetchval("select min(created_at) from orders.orders")
    await owner.execute(
        "update orders.orders set buyer_index = $1 where order_id % 20011 = 5", buyer_index(cipher, "Wang")
    )
    hour = timedelta(hours=1)
    for name, wanted in {
        "all": Filter(),
        "distributor": Filter(distributor_id=77),
        "state": Filter(statuses=frozenset({"pending"})),
        "states": Filter(statuses=frozenset({"pending", "paid", "shipped"})),
        "common state": Filter(statuses=frozenset({"completed"})),
        "created": Filter(start=start + 100 * hour, end=start + 101 * hour),
        "rare channel": Filter(channel="shop"),
        "common channel": Filter(channel="api"),
        "no channel": Filter(channel="nothing"),
        "external id": Filter(external_id="e5000"),
        "external id of a channel": Filter(channel="api", external_id="e5010"),
        "product": Filter(product_id=42),
        "no product": Filter(product_id=999_999),
        "buyer": Filter(buyer="Wang"),
        "rare currency": Filter(currency="USD"),
        "common currency": Filter(currency="CNY"),
        "no currency": Filter(currency="JPY"),
        "narrow total": Filter(currency="CNY", total_from_minor=500_000, total_to_minor=500_050),
        "wide total": Filter(currency="CNY", total_from_minor=1000),
        "paid": Filter(paid_from=start + 200 * hour, paid_to=start + 201 * hour),
        "paid long ago": Filter(paid_to=start + 2 * hour),
        "paid lately": Filter(paid_from=start + 6600 * hour),
        "ids": Filter(ids=(1, 5, 100_000)),
        "state and product": Filter(statuses=frozenset({"pending", "paid"}), product_id=2),
    }.items():
        # What was paid lately is not among what was placed long ago; the planner does not know, and that page is empty.
        for cursor in (None,) if name == "paid lately" else (None, _middle(start)):
            query = listing.statement(wanted, cipher, limit=51, cursor=cursor)
            seq, indexes, pages = await _plan(db, query)
            assert seq == [], (name, seq)
            assert indexes, name
            assert pages < whole // 3, (name, pages, whole, indexes)
    due = "select order_id from orders where status = 'pending' and pay_by is not null and pay_by <= $1 order by pay_by, order_id limit $2"
    seq, indexes, pages = await _plan(db, due, start + 100 * hour, 500)
    assert (seq, indexes) == ([], {"ix_orders_pay_by"})
    assert pages < 50


def _middle(start):
    since = (start + timedelta(days=139)).timestamp()
    return encode_cursor(int(since) * 1_000_000, 100_000)
