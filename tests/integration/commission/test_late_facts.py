"""A fact that is written late: an order's history never goes back in time, so nothing booked is left behind."""

from datetime import timedelta

from tests.conftest import TestedSystem

from fenxiao.catalog.api import NewProduct, StockChange
from fenxiao.network.api import NewMember
from fenxiao.orders.api import NewLine, NewOrder, NewRefund, Transition

PLAN = {
    "name": "up",
    "currency": "CNY",
    "components": [{"type": "unilevel", "name": "up", "levels": ["0.10"]}],
}


async def test_a_refund_that_names_a_time_before_completion_still_claws_back(system: TestedSystem) -> None:
    apis, now = system.apis, system.clock.now
    people = [
        NewMember(external_id="A", display_name="A", joined_at=now),
        NewMember(external_id="B", display_name="B", joined_at=now, sponsor_external_id="A"),
    ]
    _, seller = await apis.network.register_members(members=people)
    (flour,) = await apis.catalog.create_products(products=[NewProduct(sku="F", name="F", currency="CNY")])
    opening = StockChange(product_id=flour, delta=10, batch_id="B", reason="opening stock")
    await apis.catalog.change_stock(changes=[opening], key="opening")
    await apis.rules.publish_once(document=PLAN, effective_from=now - timedelta(days=1))
    line = NewLine(product_id=flour, quantity=10, unit_price_minor=5000)
    new = NewOrder(caller="t", key="k", distributor_id=seller, lines=(line,), may_set_price=True, paid=True)
    (order,) = await apis.orders.place_orders(orders=[new])
    step = [Transition(order_id=order.order_id)]
    assert await apis.orders.ship_orders(orders=step) == [None]
    assert await apis.orders.complete_orders(orders=step) == [None]
    await system.drain()
    assert await apis.commission.total_minor(currency="CNY") == 5000
    late = NewRefund(order_id=order.order_id, amount_minor=20000, at=now - timedelta(minutes=1))
    (refund,) = await apis.orders.refund_orders(refunds=[late])
    assert refund.at == now, "the history of an order does not go back in time"
    await system.drain()
    assert await apis.commission.total_minor(currency="CNY") == 3000
    checks = [check for offer in system.offers for check in offer.checks]
    assert [finding for check in checks async for finding in check.findings()] == []
