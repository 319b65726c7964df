"""Conditions on what an earner has sold himself: gathered when an order earns, kept with it, told, and proven."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest_asyncio
from tests.integration.commission.scene import A, B, C, D, Scene
from tests.integration.commission.test_cases import DONE, Shop

from fenxiao.kernel.ids import DistributorId
from fenxiao.orders.api import ActivityQuestion, NewLine, NewOrder

Login = Callable[[str, str], Awaitable[dict[str, str]]]
SALES = {"field": "personal_sales", "within_days": 30, "value": "300.00"}
ORDERS = {"field": "paid_orders", "value": 2}
DAYS = {"field": "days_registered", "value": 40}
PLAN = (
    {"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"], "compress": True, "when": SALES},
    {"type": "fixed", "name": "loyal", "amounts": ["1.00"], "when": {"any": [ORDERS, DAYS]}},
)
ACTIVE = {
    "type": "unilevel",
    "name": "direct",
    "levels": ["0.10", "0.05"],
    "when": {"field": "active", "within_days": 7},
}


@pytest_asyncio.fixture
async def shop(
    system: Any, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> AsyncIterator[Shop]:
    shop = Shop(system, client, login, admin)
    await shop.open()
    yield shop
    await shop.verified()


async def test_what_somebody_sold_decides_what_he_earns(shop: Shop, owner: asyncpg.Connection) -> None:
    own = {
        name: await shop.sell(*DONE, quantity=units, seller=name)
        for name, units in zip("CBA", (8, 5, 6), strict=True)
    }
    await shop.publish(*PLAN)
    first = await shop.sell(*DONE)
    assert await shop.amounts() == {"A": ["25.00"], "B": [], "C": ["50.00"], "D": []}

    # C has sold for 250.00 only when the next order is paid; what was decided before stays as it was.
    await shop.refund(own["C"], {"amount": 150})
    second = await shop.sell(*DONE)
    assert await shop.amounts() == {"A": ["25.00", "50.00"], "B": [], "C": ["50.00"], "D": []}
    await shop.refund(first, {"amount": 200})
    assert await shop.amounts() == {
        "A": ["25.00", "50.00", "-10.00"],
        "B": [],
        "C": ["50.00", "-20.00"],
        "D": [],
    }
    await told(shop, first, second)

    # After the window the sales are gone; a second order ever makes C loyal.
    await shop.later(days=31)
    await shop.sell("pay", quantity=1, seller="C")
    third = await shop.sell(*DONE)
    assert await shop.amounts(f"?order_id={third['order_id']}") == {"A": [], "B": [], "C": ["10.00"], "D": []}
    assert (await shop.settle("C"))["released"][0]["amount"] == "40.00"
    await shop.refund(second, {"amount": 500})
    assert (await shop.account("A"))["pending"] == "15.00"
    await planted(shop, owner)


async def told(shop: Shop, first: dict[str, Any], second: dict[str, Any]) -> None:
    """The entry names the condition with the figures that met it, its absence those that did not."""
    clawback, accrual = (await shop.account("C"))["items"]
    for entry, after in ((accrual, "50.00"), (clawback, "30.00")):
        path = f"/api/commission/entries/{entry['commission_id']}/explanation"
        one = await shop.call("GET", path)
        assert one["after"] == after
        assert "personal sales of the last 30 days: 400.00 CNY" in one["text"]
        assert (
            "最近 30 天的个人销售额：400.00 CNY"
            in (await shop.call("GET", path, **{"Accept-Language": "zh"}))["text"]
        )
    for order, name, figure in ((first, "B", "250.00"), (second, "C", "250.00"), (second, "B", "250.00")):
        why = await shop.call(
            "GET", f"/api/commission/{shop.chain[name]}/explanation?order_id={order['order_id']}"
        )
        assert why["amount"] == "0.00"
        assert "personal sales of the last 30 days at least 300.00 CNY" in why["text"]
        assert f"personal sales of the last 30 days: {figure} CNY" in why["text"]


async def planted(shop: Shop, owner: asyncpg.Connection) -> None:
    """A figure that was changed by hand is found, and so is one that is gone."""
    checks = [check for offer in shop.system.offers if offer.name == "commission" for check in offer.checks]
    row = await owner.fetchrow("update commission.order_fact set value = value + 1 where ctid = (select min(ctid) from"
                               " commission.order_fact where fact = 'personal_sales/30') returning *")  # fmt: skip
    (found,) = [finding for check in checks async for finding in check.findings()]
    assert found.subject == f"order_fact ({row['order_id']}, {row['distributor_id']}, personal_sales/30)"
    assert (found.expected, found.found) == (str(row["value"] - 1), str(row["value"]))
    await owner.execute("delete from commission.order_fact where value = $1 and fact = 'personal_sales/30' and order_id = $2"
                        " and distributor_id = $3", row["value"], row["order_id"], row["distributor_id"])  # fmt: skip
    (found,) = [finding for check in checks async for finding in check.findings()]
    assert found.found == "no such row"
    await owner.execute("insert into commission.order_fact values ($1, $2, $3, $4)", row["order_id"], row["distributor_id"],
                        row["fact"], row["value"] - 1)  # fmt: skip


async def test_what_is_recorded_late_changes_nothing_that_was_decided(shop: Shop) -> None:
    await shop.publish(ACTIVE, accrue_on="paid")
    before = shop.system.clock.now
    await shop.later(hours=1)
    order = await shop.sell("pay")
    assert await shop.amounts() == {"A": [], "B": [], "C": [], "D": []}
    line = NewLine(product_id=shop.product_id, quantity=1, unit_price_minor=5000)
    past = NewOrder(
        caller="t", key="k", distributor_id=DistributorId(shop.chain["C"]), lines=(line,), may_set_price=True, paid=True,
        at=before,
    )  # fmt: skip
    (late,) = await shop.system.apis.orders.place_orders(orders=[past])
    assert late.created_at == before
    await shop.refund(order, {"amount": 100})
    assert await shop.amounts() == {"A": [], "B": [], "C": [], "D": []}
    asked = [
        ActivityQuestion(order_id=order["order_id"], distributor_id=DistributorId(shop.chain["C"]), within_days=days,
                         earned_when=when)
        for days in (None, 7) for when in ("paid", "completed")
    ]  # fmt: skip
    found = await shop.system.apis.orders.activity(asked=asked)
    # The order has not come to completion: until then all that is recorded counts.
    assert [(one.paid_orders, one.sales_minor) for one in found] == [(0, 0), (1, 5000)] * 2
    # What is sold afterwards finds it.
    await shop.later(hours=1)
    await shop.sell("pay")
    assert await shop.amounts() == {"A": [], "B": [], "C": ["50.00"], "D": []}


async def test_two_workers_keep_the_figures_once_and_plain_plans_ask_nothing(scene: Scene) -> None:
    scene.plan()
    scene.sale()
    scene.complete()
    await scene.deliver()
    assert scene.orders.questions == []
    scene.plan(2, components=[ACTIVE])
    scene.orders.sold = {C: 1}
    scene.sale(2, rule_id=2)
    scene.complete(2)
    scene.refund(20000, 2)
    _, *others = scene.sent
    await asyncio.gather(scene.deliver(*others), scene.deliver(*others, worker=1))
    # Sold later, it changes nothing: the figures are kept, and nobody is asked again.
    asked = len(scene.orders.questions)
    scene.refund(10000, 2)
    await scene.deliver()
    assert len(scene.orders.questions) == asked
    assert await scene.entries(2) == [
        (0, C, 5000, "pending"),
        (1, C, -2000, "pending"),
        (2, C, -1000, "pending"),
    ]
    rows = await scene.db.fetch("select distributor_id, value from order_fact where order_id = 2 order by 1")
    assert [tuple(row) for row in rows] == [(A, 0), (B, 0), (C, 1), (D, 0)]
