"""From state to state: what happens, what is refused, what is written down."""

import asyncio
from datetime import timedelta

from fenxiao.kernel.errors import Refusal
from fenxiao.orders.api import OrderMissing, Transition, WrongState


async def test_an_order_goes_its_way_and_every_step_is_written_down(shop, client, admin):
    placed = await shop.place((shop.flour, 10))
    path = f"/api/orders/{placed.order_id}"
    for step in ("pay", "ship", "complete"):
        shop.system.clock.advance(timedelta(minutes=1))
        answer = await client.post(f"{path}/{step}", json={}, headers=admin)
        assert answer.status_code == 200, answer.text
    await shop.system.drain()
    history = await shop.history(placed.order_id)
    start = placed.created_at
    assert [history.created_at, history.paid_at, history.shipped_at, history.completed_at] == [
        start + timedelta(minutes=minutes) for minutes in range(4)
    ]
    assert (history.status, history.version, history.rule_id) == ("completed", 4, shop.rule_id)
    assert await shop.stock(shop.flour) == (90, 0)
    told = (await client.get(f"{path}/history", headers=admin)).json()["items"]
    assert [(each["from"], each["to"], each["version"]) for each in told] == [
        (None, "pending", 1),
        ("pending", "paid", 2),
        ("paid", "shipped", 3),
        ("shipped", "completed", 4),
    ]
    assert [each["actor"] for each in told] == ["system"] + [told[1]["actor"]] * 3
    assert told[1]["actor"].startswith("account:")
    events = await shop.owner.fetch(
        "select data->>'status' as status, data->>'previous' as previous, data->>'version' as version"
        " from orders.outbox where type = 'order.status_changed' order by seq"
    )
    assert [tuple(event) for event in events] == [
        ("paid", "pending", "2"),
        ("shipped", "paid", "3"),
        ("completed", "shipped", "4"),
    ]
    assert await shop.findings() == []


async def test_a_cancelled_order_gives_its_stock_back(shop, client, admin):
    placed = await shop.place((shop.flour, 10))
    answer = await client.post(f"/api/orders/{placed.order_id}/cancel", json={}, headers=admin)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.json()["cancelled_at"] is not None
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 0)
    await shop.system.redeliver()
    assert await shop.stock(shop.flour) == (100, 0)
    assert await shop.findings() == []


REFUSED = {
    "pending": {"ship": "shipped", "complete": "completed", "refunds": "refunded"},
    "paid": {"pay": "paid", "complete": "completed", "cancel": "cancelled"},
    "shipped": {"pay": "paid", "ship": "shipped", "cancel": "cancelled"},
    "completed": {"pay": "paid", "ship": "shipped", "complete": "completed", "cancel": "cancelled"},
    "cancelled": {
        "pay": "paid",
        "ship": "shipped",
        "complete": "completed",
        "cancel": "cancelled",
        "refunds": "refunded",
    },
    "refunded": {
        "pay": "paid",
        "ship": "shipped",
        "complete": "completed",
        "cancel": "cancelled",
        "refunds": "refunded",
    },
}


async def test_every_other_transition_names_both_states(shop, client, admin):
    way = {"paid": ["pay"], "shipped": ["pay", "ship"], "completed": ["pay", "ship", "complete"]}
    way |= {"pending": [], "cancelled": ["cancel"], "refunded": ["pay", "refunds"]}
    for status, steps in way.items():
        placed = await shop.place()
        path = f"/api/orders/{placed.order_id}"
        for step in steps:
            body = {"amount": "50.00"} if step == "refunds" else {}
            assert (await client.post(f"{path}/{step}", json=body, headers=admin)).is_success
        assert (await client.get(path, headers=admin)).json()["status"] == status
        before = (await shop.rows(), await shop.history(placed.order_id))
        for step, wanted in REFUSED[status].items():
            body = {"amount": "0.01"} if step == "refunds" else {}
            answer = await client.post(f"{path}/{step}", json=body, headers=admin)
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state"), (status, step)
            expected = f"Order {placed.order_id} is {status}; it cannot become {wanted}."
            assert answer.json()["detail"] == expected
        assert (await shop.rows(), await shop.history(placed.order_id)) == before
    await shop.system.drain()
    assert await shop.findings() == []


async def test_in_one_call_each_order_has_its_own_answer(shop):
    paid, pending = await shop.paid(), await shop.place()
    asked = [
        Transition(order_id=order_id)
        for order_id in (paid.order_id, pending.order_id, 999_999, paid.order_id)
    ]
    shipped = await shop.orders.ship_orders(orders=asked)
    assert [type(answer) for answer in shipped] == [type(None), WrongState, OrderMissing, WrongState]
    assert shipped[3].params == {"order_id": paid.order_id, "status": "shipped", "wanted": "shipped"}
    completed = await shop.orders.complete_orders(orders=asked)
    assert [type(answer) for answer in completed] == [type(None), WrongState, OrderMissing, WrongState]
    await shop.system.drain()
    assert await shop.findings() == []


async def test_the_time_of_a_past_fact_counts(shop):
    then = shop.system.clock.now - timedelta(days=3)
    placed = await shop.paid(at=then)
    for hours, step in ((1, shop.orders.ship_orders), (2, shop.orders.complete_orders)):
        asked = [Transition(order_id=placed.order_id, at=then + timedelta(hours=hours))]
        assert await step(orders=asked) == [None]
    history = await shop.history(placed.order_id)
    assert (history.shipped_at - then, history.completed_at - then) == (
        timedelta(hours=1),
        timedelta(hours=2),
    )


async def test_of_two_contrary_transitions_at_once_one_happens(shop, client, admin):
    for _ in range(4):
        placed = await shop.place()
        path = f"/api/orders/{placed.order_id}"
        answers = await asyncio.gather(
            *(
                client.post(f"{path}/{step}", json={}, headers=admin)
                for step in ("pay", "cancel", "pay", "cancel")
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    await shop.system.drain()
    assert await shop.findings() == []


async def test_shipping_twice_at_once_ships_once(shop):
    placed = await shop.paid((shop.flour, 10))
    answers = await asyncio.gather(*(shop.ship(placed.order_id) for _ in range(4)))
    assert sum(answer is None for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} <= {
        "wrong-state",
        "shipping-under-way",
    }
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (90, 0)
    assert (await shop.rows())["shipping"] == 0
    assert await shop.findings() == []


async def test_a_payments_reference_is_sealed_and_shown_masked(shop, client, admin):
    placed = await shop.place()
    path = f"/api/orders/{placed.order_id}"
    body = {"method": "alipay", "reference": "2026031522001400000001"}
    answer = await client.post(f"{path}/pay", json=body, headers=admin)
    assert answer.json()["payment"] == {"method": "alipay", "reference": "****0001"}
    stored = await shop.owner.fetchval("select payment_reference from orders.orders")
    assert b"2026031522" not in stored
    assert "2026031522001400000001" not in answer.text
