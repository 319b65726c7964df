"""A thousand orders cost as many statements as one."""

import pytest

from fenxiao.catalog.api import HeldStock, NewProduct, Shipped, StockChange
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.transaction import Transaction


@pytest.fixture
def statements(monkeypatch) -> list[str]:
    """Every statement that a unit of work sends, as it is sent."""
    sent: list[str] = []

    def counted(name: str):
        original = getattr(Transaction, name)

        async def call(self, query, *args):
            sent.append(str(query))
            return await original(self, query, *args)

        monkeypatch.setattr(Transaction, name, call)

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        counted(name)
    return sent


async def life_of(shop, orders: range, products: list[int], statements: list[str]) -> dict[str, int]:
    """Hold, confirm, ship, hear of it and take refunds, for all of these orders at once; the statements of each step."""
    steps: dict[str, int] = {}

    def step(name: str) -> None:
        steps[name] = len(statements)
        statements.clear()

    statements.clear()
    (consumer,) = shop.offer.consumers
    baskets = [[(product, 2) for product in products] for _ in orders]
    held = await shop.api.hold_stock(requests=[shop.request(*basket) for basket in baskets])
    assert {type(one) for one in held} == {HeldStock}
    step("hold")
    placed = [shop.created(order, one.hold_id) for order, one in zip(orders, held, strict=True)]
    await consumer.handle(Delivery(consumer.name, tuple(placed)))
    step("confirm")
    shipments = [
        shop.shipment(order, one.hold_id, *basket)
        for order, one, basket in zip(orders, held, baskets, strict=True)
    ]
    assert {type(one) for one in await shop.api.ship(shipments=shipments)} == {Shipped}
    step("ship")
    await consumer.handle(Delivery(consumer.name, tuple(shop.changed(order, "shipped") for order in orders)))
    step("shipped")
    back = tuple(shop.refunded(order, ("S0", 1), restock=True, shipped=True) for order in orders)
    await consumer.handle(Delivery(consumer.name, back))
    step("returned")
    return steps


async def test_statements_do_not_grow_with_orders_and_lines(shop, statements) -> None:
    skus = [f"S{n}" for n in range(30)]
    wanted = [NewProduct(sku=sku, name=sku, currency="GBP", tags=(sku, "all")) for sku in skus]
    products = await shop.api.create_products(products=wanted)
    made = len(statements)
    shop.ids = dict(zip(skus, products, strict=True))
    statements.clear()
    changes = [StockChange(product_id=p, delta=10_000, batch_id="B", reason="import") for p in products]
    await shop.api.change_stock(changes=changes, key="k")
    assert (made, len(statements)) <= (7, 8)
    few = await life_of(shop, range(1, 3), products[:1], statements)
    many = await life_of(shop, range(100, 300), products, statements)
    assert many == few
    assert few["hold"] <= 8
    assert few["ship"] <= 8
    assert (await shop.inventory("S7")) == (10_000 - 400, 0, {"B": 10_000 - 400})
    assert (await shop.inventory("S0")) == (10_000 - 202, 0, {"B": 10_000 - 202})
