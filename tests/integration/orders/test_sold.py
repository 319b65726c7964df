"""What was sold in a stretch of time is what the engine makes of the same orders; what was known when stays so."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from fenxiao.catalog.api import NewProduct, StockChange
from fenxiao.commission.service.histories import facts
from fenxiao.engine.evaluate import tally_after
from fenxiao.engine.plan import parse_plan
from fenxiao.kernel.errors import Unavailable
from fenxiao.network.api import NewMember
from fenxiao.orders.api import (
    ActivityBefore,
    NewLine,
    NewOrder,
    NewRefund,
    RefundUnits,
    SoldQuestion,
    Transition,
)
from fenxiao.orders.queries import activity

START = datetime(2026, 3, 1, tzinfo=UTC)
BASES = ("paid_amount", "profit", "list_price")


async def shop(system: Any) -> tuple[Sequence[int], Sequence[int]]:
    people = [
        NewMember(external_id=name, display_name=name, joined_at=START, sponsor_external_id=sponsor)
        for name, sponsor in (("A", None), ("B", "A"), ("C", "B"))
    ]
    members = await system.apis.network.register_members(members=people)
    goods = [
        NewProduct(sku="1", name="1", currency="CNY", price_minor=5000, cost_minor=3000),
        NewProduct(sku="2", name="2", currency="CNY", price_minor=700, cost_minor=None),
        NewProduct(sku="3", name="3", currency="CNY", price_minor=100, cost_minor=900),
    ]
    products = await system.apis.catalog.create_products(products=goods)
    changes = [
        StockChange(product_id=one, delta=1000, batch_id="B", reason="opening stock") for one in products
    ]
    await system.apis.catalog.change_stock(changes=changes, key="opening")
    return members, products


async def sell(system: Any, seller: int, products: Sequence[int], at: datetime, *quantities: int) -> Any:
    lines = tuple(
        NewLine(product_id=product, quantity=quantity, unit_price_minor=price)
        for product, quantity, price in zip(products, quantities, (4500, 700, 100), strict=True)
    )
    orders = system.apis.orders
    (order,) = await orders.place_orders(
        orders=[NewOrder(caller="t", key=f"{seller} {at}", distributor_id=seller, lines=lines, may_set_price=True,
                         paid=True, at=at, shipping_minor=900)]
    )  # fmt: skip
    step = [Transition(order_id=order.order_id, at=at)]
    assert await orders.ship_orders(orders=step) == await orders.complete_orders(orders=step) == [None]
    return order


async def test_the_sum_is_that_of_the_engine_by_every_base_and_never_changes_for_what_was_known(
    system: Any,
) -> None:
    members, products = await shop(system)
    orders, day = system.apis.orders, timedelta(days=1)
    sold = [await sell(system, members[2], products, START + n * day, 4, 3, 2 + n) for n in range(3)]
    sold.append(await sell(system, members[1], products, START + 20 * day, 1, 1, 1))
    first, second, third, _ = sold
    await orders.refund_orders(refunds=[
        NewRefund(order_id=first.order_id, lines=(RefundUnits(line_id=first.lines[0].line_id, quantity=1),)),
        NewRefund(order_id=second.order_id, amount_minor=5001),
        NewRefund(order_id=third.order_id, full=True),
    ])  # fmt: skip
    known = await orders.recorded_until()
    plans = {
        base: parse_plan({"name": "p", "currency": "CNY", "base": base, "components": [
            {"type": "unilevel", "name": "d", "levels": ["0.1"]}]})
        for base in BASES
    }  # fmt: skip
    within = [one.order_id for one in sold[:3]]
    histories = await orders.histories(order_ids=within)
    expected = {
        base: sum(tally_after(plan, facts(one), len(one.refunds)).base_minor for one in histories)
        for base, plan in plans.items()
    }
    for reached in ("paid", "completed"):
        for base in BASES:
            asked = SoldQuestion(
                currency="CNY",
                reached=reached,
                since=START,
                until=START + 10 * day,
                base=base,
                recorded_until=known,
            )
            found = await orders.sold(asked=asked, distributor_ids=list(members))
            assert found.total_minor == expected[base]
            assert [(one.distributor_id, one.personal_minor, one.team_minor) for one in found.by] == [
                (members[0], 0, expected[base]), (members[1], 0, expected[base]), (members[2], expected[base], expected[base]),
            ]  # fmt: skip
            assert await orders.sold_anew(asked=[(asked, known)]) == [False]
    assert len(set(expected.values())) == 3
    assert min(expected.values()) > 0

    # A refund, and an order of those days that comes later, are new; what was known is as it was.
    await orders.refund_orders(refunds=[NewRefund(order_id=first.order_id, amount_minor=100)])
    after_refund = await orders.recorded_until()
    await sell(system, members[2], products, START + 5 * day, 1, 1, 1)
    now = await orders.recorded_until()
    asked = SoldQuestion(currency="CNY", reached="completed", since=START, until=START + 10 * day, base="paid_amount",
                         recorded_until=known)  # fmt: skip
    assert (await orders.sold(asked=asked, distributor_ids=[])).total_minor == expected["paid_amount"]
    totals = []
    for until, since in ((after_refund, known), (now, after_refund), (now, now)):
        later = SoldQuestion(currency="CNY", reached="completed", since=START, until=START + 10 * day,
                             base="paid_amount", recorded_until=until)  # fmt: skip
        totals.append((await orders.sold(asked=later, distributor_ids=[])).total_minor)
        assert await orders.sold_anew(asked=[(later, since)]) == [since != now]
    assert totals == [expected["paid_amount"] - 100, *[expected["paid_amount"] - 100 + 5300] * 2]
    own = ActivityBefore(
        distributor_id=members[2], currency="CNY", before=START + 10 * day, within_days=6, recorded_until=now
    )
    answers = await orders.activity_before(asked=[own])
    assert [(one.paid_orders, one.sales_minor) for one in answers] == [(1, 5300)]


async def test_whoever_is_writing_is_waited_for(
    system: Any, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = system.apis.orders
    async with owner.transaction():
        await owner.execute("lock table orders.refund in row exclusive mode")
        waiting = asyncio.create_task(orders.recorded_until())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        monkeypatch.setattr(activity, "_PATIENCE", 2)
        with pytest.raises(Unavailable):
            await orders.recorded_until()
    assert await waiting <= await orders.recorded_until()
