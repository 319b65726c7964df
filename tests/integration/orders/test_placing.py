"""Placing orders through the api: prices, stock, frozen facts, repetition, refusals."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from fenxiao.catalog.api import NewProduct, OutOfStock, ProductMissing
from fenxiao.kernel.errors import Forbidden, Invalid, KeyReused, Refusal
from fenxiao.network.api import DistributorMissing, NewMember
from fenxiao.orders.api import (
    DistributorSuspended,
    ExternalOrderTaken,
    MixedCurrencies,
    NewLine,
    PlacedOrder,
    PriceMismatch,
    PriceMissing,
)
from fenxiao.orders.service.attempt import Answered, Asked
from fenxiao.orders.store import placement


async def test_an_order_takes_stock_and_freezes_what_counts(shop):
    placed = await shop.place((shop.flour, 10), (shop.rice, 3))
    assert (placed.status, placed.currency, placed.total_minor) == ("pending", "CNY", 50_999)
    assert [(line.product_id, line.quantity, line.amount_minor) for line in placed.lines] == [
        (shop.flour, 10, 50_000),
        (shop.rice, 3, 999),
    ]
    assert await shop.stock(shop.flour) == (100, 10)
    history = await shop.history(placed.order_id)
    assert [member.distributor_id for member in history.upline] == shop.sellers[2::-1]
    assert all(member.active for member in history.upline)
    assert history.seller.distributor_id == shop.sellers[3]
    assert (history.rule_id, history.paid_at, history.refunds) == (None, None, ())
    flour, rice = history.lines
    assert (flour.unit_list_minor, flour.unit_cost_minor, flour.tags) == (5000, 3000, ("热销",))
    assert (rice.unit_list_minor, rice.unit_cost_minor) == (333, 100)
    assert [flour.line_id, rice.line_id] == [line.line_id for line in placed.lines]
    await shop.system.drain()
    assert await shop.findings() == []


async def test_one_product_on_two_lines_stays_two_lines(shop):
    placed = await shop.place((shop.flour, 2), (shop.rice, 1), (shop.flour, 3))
    assert [(line.product_id, line.quantity) for line in placed.lines] == [
        (shop.flour, 2),
        (shop.rice, 1),
        (shop.flour, 3),
    ]
    assert [line.line_id for line in placed.lines] == sorted(line.line_id for line in placed.lines)
    assert await shop.stock(shop.flour) == (100, 5)


async def test_an_order_of_one_line_fills_the_columns_of_the_original(shop):
    one = await shop.place((shop.flour, 4))
    two = await shop.place((shop.flour, 1), (shop.rice, 1))
    rows = await shop.owner.fetch(
        "select product_id, quantity, status, total_minor from orders.orders order by order_id"
    )
    assert [tuple(row) for row in rows] == [
        (shop.flour, 4, "pending", 20_000),
        (None, None, "pending", 5_333),
    ]
    assert one.order_id < two.order_id


async def test_an_order_that_arrives_paid_is_stamped_with_the_rule_of_its_moment(shop):
    then = shop.system.clock.now - timedelta(days=2)
    placed = await shop.paid((shop.flour, 2), at=then)
    history = await shop.history(placed.order_id)
    assert (placed.status, history.status, history.version) == ("paid", "paid", 2)
    assert (history.created_at, history.paid_at, history.rule_id) == (then, then, shop.rule_id)
    before_any_plan = await shop.paid((shop.flour, 1), at=then - timedelta(days=300))
    assert (await shop.history(before_any_plan.order_id)).rule_id is None
    events = await shop.owner.fetch(
        "select type, time, data->>'version' as version from orders.outbox where subject = $1 order by seq",
        f"orders/{placed.order_id}",
    )
    assert [tuple(event) for event in events] == [
        ("order.created", then, "1"),
        ("order.status_changed", then, "2"),
    ]
    await shop.system.drain()
    assert await shop.findings() == []


async def test_who_stands_above_and_at_what_grade_is_that_of_the_sale(shop, client, admin):
    before = await shop.place()
    await client.post("/api/grades", json={"grade": "gold", "rank": 3}, headers=admin)
    answer = await client.put(
        f"/api/distributors/{shop.sellers[2]}/grade", json={"grade": "gold"}, headers=admin
    )
    assert answer.is_success, answer.text
    answer = await client.post(f"/api/distributors/{shop.sellers[1]}/suspend", json={}, headers=admin)
    assert answer.is_success, answer.text
    after = await shop.place()
    was, is_ = await shop.history(before.order_id), await shop.history(after.order_id)
    assert [(member.grade, member.rank, member.active) for member in was.upline] == [(None, None, True)] * 3
    assert [(member.grade, member.rank, member.active) for member in is_.upline] == [
        ("gold", 3, True),
        (None, None, False),
        (None, None, True),
    ]
    assert is_.tree_version > was.tree_version
    await shop.system.drain()
    assert await shop.findings() == []


async def test_one_who_only_stands_for_direct_sales_sells_and_is_never_active(shop):
    (direct,) = await shop.system.apis.network.register_members(
        members=[
            NewMember(external_id="shop", display_name="shop", joined_at=shop.system.clock.now, earns=False)
        ]
    )
    placed = await shop.place(distributor_id=direct)
    history = await shop.history(placed.order_id)
    assert (history.seller.active, history.upline) == (False, ())


# Refusals: nothing changes


REFUSED = [
    ({"lines": ()}, Invalid),
    ({"lines": "zero"}, Invalid),
    ({"total_minor": -1}, Invalid),
    ({"paid": True}, Forbidden),
    ({"distributor_id": 999_999}, DistributorMissing),
    ({"lines": "too many"}, OutOfStock),
    ({"lines": "unknown"}, ProductMissing),
    ({"lines": "priced"}, PriceMismatch),
    ({"total_minor": 4_999}, PriceMismatch),
    ({"currency": "USD"}, MixedCurrencies),
]


async def test_a_refusal_changes_nothing(shop):
    lines = {
        "zero": (NewLine(product_id=shop.flour, quantity=0),),
        "too many": (NewLine(product_id=shop.rice, quantity=1), NewLine(product_id=shop.flour, quantity=101)),
        "unknown": (NewLine(product_id=shop.rice, quantity=1), NewLine(product_id=999_999, quantity=1)),
        "priced": (NewLine(product_id=shop.flour, quantity=1, unit_price_minor=4_999),),
    }
    before = await shop.rows()
    for changes, refusal in REFUSED:
        asked = (
            changes | {"lines": lines[changes["lines"]]} if isinstance(changes.get("lines"), str) else changes
        )
        with pytest.raises(refusal):
            await shop.place(**asked)
        assert await shop.rows() == before, changes
        assert (await shop.stock(shop.flour), await shop.stock(shop.rice)) == ((100, 0), (100, 0)), changes


async def test_a_product_that_does_not_exist_is_named_by_its_field(shop):
    with pytest.raises(ProductMissing) as refused:
        await shop.place((shop.flour, 1), (999_999, 1))
    assert [error.field for error in refused.value.errors] == ["lines.1.product_id"]


async def test_a_suspended_seller_cannot_sell(shop, client, admin):
    await client.post(f"/api/distributors/{shop.sellers[3]}/suspend", json={}, headers=admin)
    before = await shop.rows()
    with pytest.raises(DistributorSuspended) as refused:
        await shop.place()
    assert refused.value.params == {"distributor_id": shop.sellers[3], "status": "suspended"}
    assert await shop.rows() == before


async def test_products_of_two_currencies(shop):
    (foreign,) = await shop.system.apis.catalog.create_products(
        products=[NewProduct(sku="us", name="us", currency="USD", price_minor=100)]
    )
    with pytest.raises((MixedCurrencies, OutOfStock)):
        await shop.place((shop.flour, 1), (foreign, 1))
    assert await shop.stock(shop.flour) == (100, 0)


async def test_a_product_without_a_price_is_sold_by_a_trusted_channel_alone(shop):
    from fenxiao.catalog.api import StockChange

    catalog = shop.system.apis.catalog
    (bare,) = await catalog.create_products(products=[NewProduct(sku="bare", name="bare", currency="CNY")])
    await catalog.change_stock(
        changes=[StockChange(product_id=bare, delta=10, batch_id="B", reason="opening")], key="bare"
    )
    with pytest.raises(PriceMissing):
        await shop.place((bare, 3), total_minor=1000)
    assert await shop.stock(bare) == (10, 0)
    placed = await shop.place((bare, 3), total_minor=1000, may_set_price=True)
    assert (placed.total_minor, placed.lines[0].unit_price_minor) == (1000, 334)
    await shop.system.drain()
    assert await shop.findings() == []


async def test_in_one_call_each_order_has_its_own_answer(shop):
    answers = await shop.orders.place_orders(
        orders=[
            shop.new((shop.flour, 60)),
            shop.new((shop.flour, 60)),
            shop.new((shop.flour, 40)),
            shop.new(distributor_id=999_999),
            shop.new((shop.rice, 1)),
        ]
    )
    assert [type(answer) for answer in answers] == [
        PlacedOrder,
        OutOfStock,
        PlacedOrder,
        DistributorMissing,
        PlacedOrder,
    ]
    assert await shop.stock(shop.flour) == (100, 100)


# The same again


async def test_the_same_attempt_again_is_answered_as_it_is(shop):
    order = shop.new((shop.flour, 3))
    first, again = await shop.orders.place_orders(orders=[order, order])
    assert first == again
    await shop.system.drain()
    assert await shop.orders.place_orders(orders=[order]) == [first]
    (other,) = await shop.orders.place_orders(orders=[replace(order, buyer="somebody")])
    assert isinstance(other, KeyReused)
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 3)
    assert (await shop.rows())["orders"] == 1


async def test_the_same_external_id_again_is_answered_as_it_is(shop):
    order = shop.new((shop.flour, 3), external_id="W-1", channel="web", buyer="Wang")
    (first,) = await shop.orders.place_orders(orders=[order])
    again, other, elsewhere = await shop.orders.place_orders(
        orders=[
            replace(order, key="another", buyer=" wang ", total_minor=15_000),
            replace(order, key="third", lines=(NewLine(product_id=shop.flour, quantity=4),)),
            replace(order, key="fourth", channel="app"),
        ]
    )
    assert again == first
    assert isinstance(other, ExternalOrderTaken)
    assert elsewhere.order_id != first.order_id
    assert await shop.orders.known_external_ids(channel="web", external_ids=["W-1", "W-2"]) == {
        "W-1": first.order_id
    }
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 6)


async def test_another_order_under_a_known_external_id(shop):
    same = {"external_id": "W-1", "buyer": "Wang"}
    await shop.place(**same)
    before = await shop.rows()
    for change in (
        {"buyer": "Li"},
        {"buyer": None},
        {"distributor_id": shop.sellers[0]},
        {"total_minor": 1},
        {"currency": "USD"},
    ):
        with pytest.raises(ExternalOrderTaken):
            await shop.place(**(same | change))
        assert await shop.rows() == before, change
    assert await shop.stock(shop.flour) == (100, 1)


async def test_the_buyer_is_not_readable_in_the_database(shop):
    await shop.place(external_id="W-1", buyer="Wang Xiaoming 13800138000")
    row = await shop.owner.fetchrow("select orders::text as all from orders.orders")
    assert "Wang" not in row["all"]
    assert b"Wang Xiaoming".hex() not in row["all"]


# At the same time


async def test_many_at_once_never_sell_more_than_there_is(shop):
    async def one() -> PlacedOrder | Refusal:
        (answer,) = await shop.orders.place_orders(orders=[shop.new((shop.flour, 7))])
        return answer

    answers = await asyncio.gather(*(one() for _ in range(20)))
    placed = [answer for answer in answers if isinstance(answer, PlacedOrder)]
    assert len(placed) == 14
    assert {type(answer) for answer in answers if answer not in placed} == {OutOfStock}
    assert await shop.stock(shop.flour) == (100, 98)
    await shop.system.drain()
    assert await shop.findings() == []


@pytest.mark.parametrize("external_id", [None, "W-1"])
async def test_the_same_order_many_times_at_once_is_one_order(shop, external_id):
    order = shop.new((shop.flour, 5), external_id=external_id)
    answers = await asyncio.gather(*(shop.orders.place_orders(orders=[order]) for _ in range(8)))
    placed = {answer.order_id for (answer,) in answers if isinstance(answer, PlacedOrder)}
    assert len(placed) == 1
    assert {answer.code for (answer,) in answers if isinstance(answer, Refusal)} <= {
        "idempotency-key-busy",
        "too-busy",
    }
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 5)
    assert (await shop.rows())["orders"] == 1
    assert await shop.findings() == []


async def test_two_ways_to_the_same_external_id_at_once(shop):
    order = shop.new((shop.flour, 5), external_id="W-1")
    orders = [replace(order, key=f"way {number}") for number in range(6)]
    answers = await asyncio.gather(*(shop.orders.place_orders(orders=[one]) for one in orders))
    assert len({answer.order_id for (answer,) in answers}) == 1
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 5)
    assert await shop.findings() == []


async def test_what_cannot_be_digested_fails_alone(shop):
    orders = [shop.new(), shop.new(external_id="half a \ud800 pair"), shop.new()]
    answers = await shop.orders.place_asked([Asked(order=order, actor="test") for order in orders])
    assert [type(answer) for answer in answers] == [Answered, asyncpg.DataError, Answered]
    assert (await shop.rows())["orders"] == 2
    assert await shop.stock(shop.flour) == (100, 2)


async def test_facts_that_a_crash_took_before_their_order_came_are_written_again(shop, monkeypatch):
    write, lost = placement.intern_facts, []

    async def and_lose_them(db, facts):
        ids = await write(db, facts)
        if not lost:
            lost.extend(ids)
            await shop.owner.execute("delete from orders.product_facts where facts_id = any($1)", ids)
        return ids

    before = await shop.rows()
    monkeypatch.setattr(placement, "intern_facts", and_lose_them)
    order = await shop.place((shop.flour, 2))
    assert lost
    assert (await shop.rows())["orders"] == before["orders"] + 1
    # The stock of the first try is back.
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 2)
    assert (await shop.history(order.order_id)).lines[0].unit_list_minor == 5000
    assert await shop.findings() == []
