"""Many orders in one call: as many statements as for a few, and every one of them right."""

import random
from contextlib import contextmanager
from datetime import timedelta

import pytest_asyncio

from fenxiao.catalog.api import NewProduct, StockChange
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction
from fenxiao.orders.api import NewRefund, PlacedOrder, RefundUnits, Transition

LINES = 12


@pytest_asyncio.fixture
async def goods(shop):
    """Two hundred products with plenty of stock."""
    catalog = shop.system.apis.catalog
    products = await catalog.create_products(
        products=[
            NewProduct(
                sku=f"s{number}",
                name=f"s{number}",
                currency="CNY",
                price_minor=number,
                cost_minor=number // 2,
            )
            for number in range(200)
        ]
    )
    changes = [
        StockChange(product_id=product, delta=10**6, batch_id="B", reason="opening") for product in products
    ]
    await catalog.change_stock(changes=changes, key="opening")
    return products


@contextmanager
def counted():
    """How many statements run in transactions or beside them."""
    statements = []

    def counting(kind, name):
        plain = getattr(kind, name)

        async def call(self, query, *args, **more):
            # Numbers are drawn ahead of many batches, at one moment or another.
            if "nextval" not in str(query):
                statements.append(str(query))
            return await plain(self, query, *args, **more)

        setattr(kind, name, call)
        return kind, name, plain

    names = ("fetch", "fetchrow", "fetchval")
    patched = [counting(kind, name) for kind in (Database, Transaction) for name in names]
    patched += [counting(Transaction, "execute"), counting(Database, "alone")]
    try:
        yield statements
    finally:
        for kind, name, plain in patched:
            setattr(kind, name, plain)


async def whole_life(shop, goods, count, start):
    """Place, ship, complete and refund so many orders; answers them and how many statements each step took."""
    chance = random.Random(count)
    new = [
        shop.new(
            *[(chance.choice(goods), chance.randint(1, 20)) for _ in range(LINES)],
            external_id=f"{count}-{number}",
            channel="import",
            paid=True,
            may_set_price=True,
            distributor_id=chance.choice(shop.sellers),
            at=start + timedelta(seconds=number),
        )
        for number in range(count)
    ]
    sizes = {}
    with counted() as statements:
        placed = await shop.orders.place_orders(orders=new)
        sizes["place"] = len(statements)
        assert {type(answer) for answer in placed} == {PlacedOrder}
        later = [Transition(order_id=order.order_id, at=start + timedelta(days=1)) for order in placed]
        assert set(await shop.orders.ship_orders(orders=later)) == {None}
        sizes["ship"] = len(statements)
        assert set(await shop.orders.complete_orders(orders=later)) == {None}
        sizes["complete"] = len(statements)
        refunds = await shop.orders.refund_orders(
            refunds=[
                NewRefund(
                    order_id=order.order_id,
                    lines=tuple(RefundUnits(line_id=line.line_id, quantity=1) for line in order.lines[:3]),
                    key="credit",
                    at=start + timedelta(days=2),
                )
                for order in placed
            ]
        )
        sizes["refund"] = len(statements)
        histories = await shop.orders.histories(order_ids=[order.order_id for order in placed])
        sizes["histories"] = len(statements)
    return new, placed, refunds, histories, sizes


async def test_a_call_takes_as_many_statements_for_many_orders_as_for_a_few(shop, goods):
    start = shop.system.clock.now - timedelta(days=5)
    await whole_life(shop, goods, 60, start)
    few = (await whole_life(shop, goods, 5, start))[-1]
    many = (await whole_life(shop, goods, 120, start))[-1]
    assert many == few
    assert few["histories"] < 60


async def test_every_order_of_a_large_call_is_as_it_was_asked(shop, goods):
    start = shop.system.clock.now - timedelta(days=5)
    new, placed, refunds, histories, _ = await whole_life(shop, goods, 150, start)
    assert [order.external_id for order in placed] == [order.external_id for order in new]
    assert [history.order_id for history in histories] == [order.order_id for order in placed]
    for asked, order, refund, history in zip(new, placed, refunds, histories, strict=True):
        assert [(line.product_id, line.quantity) for line in order.lines] == [
            (line.product_id, line.quantity) for line in asked.lines
        ]
        assert [line.line_id for line in history.lines] == [line.line_id for line in order.lines]
        assert [line.amount_minor for line in history.lines] == [
            line.unit_list_minor * line.quantity for line in history.lines
        ]
        assert history.refunds == (refund,)
        assert history.seller.distributor_id == asked.distributor_id
        assert (history.status, history.version, history.created_at) == ("completed", 5, asked.at)
    pages, cursor = [], 0
    while page := await shop.orders.orders_after(cursor=cursor, limit=40):
        pages += page
        cursor = page[-1].order_id
    assert pages == histories
    assert await shop.orders.in_flight() == [order.order_id for order in placed]
    await shop.system.drain()
    assert await shop.orders.in_flight() == []
    assert await shop.findings() == []
