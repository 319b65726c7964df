"""The order policy, the time that an order waits for its payment, and what happens when it is over."""

import asyncio
from datetime import timedelta

import pytest
from tests.conftest import ADMIN_PASSWORD

from fenxiao.orders.service import Orders
from fenxiao.orders.service.transitions import PaymentNote

DAY = timedelta(days=1)


@pytest.fixture
def put(client, admin):
    async def call(body, **headers):
        return await client.put("/api/orders/policy", json=body, headers=admin | headers)

    return call


@pytest.fixture
def later(client, login):
    """Calls by an administrator whose token is of this moment: that of the beginning lasts fifteen minutes."""

    async def call(method, path, body=None):
        headers = await login("admin", ADMIN_PASSWORD)
        return await client.request(method, path, json=body, headers=headers)

    return call


async def states(shop, *order_ids):
    rows = await shop.owner.fetch(
        "select status from orders.orders where order_id = any($1::bigint[]) order by order_id",
        list(order_ids),
    )
    return [row["status"] for row in rows]


async def test_a_new_installation_waits_a_day(shop, client, admin):
    answer = await client.get("/api/orders/policy", headers=admin)
    assert answer.json() | {"policy_id": 0} == {
        "policy_id": 0,
        "payment_minutes": 1440,
        "effective_from": "1970-01-01T00:00:00Z",
        "ahead": [],
    }
    placed = await shop.place()
    assert placed.pay_by == shop.system.clock.now + DAY
    shown = (await client.get(f"/api/orders/{placed.order_id}", headers=admin)).json()
    assert shown["pay_by"] == "2026-03-16T12:00:00Z"


async def test_each_order_keeps_the_limit_it_was_placed_under(shop, put, later):
    clock = shop.system.clock
    first = await shop.place()
    then = clock.now + timedelta(hours=1)
    announced = await put({"payment_minutes": None, "effective_from": then.isoformat()})
    assert announced.json()["payment_minutes"] == 1440
    answer = await put({"payment_minutes": 10})
    assert answer.json()["payment_minutes"] == 10
    assert [version["payment_minutes"] for version in answer.json()["ahead"]] == [None]
    second = await shop.place()
    clock.now = then
    third = await shop.place()
    assert [order.pay_by for order in (first, second, third)] == [
        then - timedelta(hours=1) + DAY,
        then - timedelta(minutes=50),
        None,
    ]
    assert (await later("GET", "/api/orders/policy")).json()["payment_minutes"] is None
    assert await shop.findings() == []


async def test_orders_of_the_past_and_orders_that_arrive_paid_have_no_limit(shop):
    past = await shop.place(at=shop.system.clock.now - timedelta(days=3))
    paid = await shop.paid()
    assert (past.pay_by, paid.pay_by) == (None, None)
    shop.system.clock.advance(timedelta(days=400))
    assert await shop.orders.cancel_unpaid() == 0
    assert await states(shop, past.order_id, paid.order_id) == ["pending", "paid"]


async def test_a_version_is_refused_where_it_makes_no_sense(shop, client, admin, put, login):
    ahead = (shop.system.clock.now - timedelta(seconds=1)).isoformat()
    before = await shop.rows()
    for body, fields in (
        ({}, ["payment_minutes"]),
        ({"payment_minutes": 0}, ["payment_minutes"]),
        ({"payment_minutes": 525_601}, ["payment_minutes"]),
        ({"payment_minutes": "5"}, ["payment_minutes"]),
        ({"payment_minutes": 5, "effective_from": ahead}, ["effective_from"]),
    ):
        answer = await put(body)
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == fields
    assert await shop.rows() == before


async def test_a_lost_update_is_refused(shop, client, admin, put):
    tag = (await client.get("/api/orders/policy", headers=admin)).headers["etag"]
    first = await put({"payment_minutes": 5}, **{"If-Match": tag})
    assert first.status_code == 200
    before = await shop.rows()
    second = await put({"payment_minutes": 6}, **{"If-Match": tag})
    assert (second.status_code, second.json()["code"]) == (412, "stale-version")
    assert await shop.rows() == before
    assert (await put({"payment_minutes": 6}, **{"If-Match": first.headers["etag"]})).status_code == 200


async def test_who_changed_the_policy_stands_in_the_audit_log(shop, client, admin, put):
    await put({"payment_minutes": 30})
    await shop.system.drain()
    log = (await client.get("/api/audit-log", headers=admin)).json()["items"]
    (entry,) = [entry for entry in log if entry["action"] == "order-policy.changed"]
    assert entry["before"] == {"payment_minutes": 1440}
    assert entry["after"]["payment_minutes"] == 30
    assert entry["actor"].startswith("account:")


async def test_the_policy_is_not_a_distributors_to_change(shop, client, admin, login):
    person = {
        "username": "someone",
        "password": "Pw-long-enough-1",
        "display_name": "D",
        "sponsor_id": shop.sellers[0],
    }
    await client.post("/api/distributors", json=person, headers=admin)
    await shop.system.drain()
    headers = await login("someone", "Pw-long-enough-1")
    before = await shop.rows()
    answer = await client.put("/api/orders/policy", json={"payment_minutes": 1}, headers=headers)
    assert answer.status_code == 403
    assert "orders:policy" in answer.json()["detail"]
    assert await shop.rows() == before
    assert (await client.get("/api/orders/policy", headers=headers)).status_code == 200


async def test_what_is_not_paid_in_time_is_cancelled_and_its_stock_returns(shop, later):
    placed = await shop.place((shop.flour, 7))
    await shop.system.drain()
    shop.system.clock.advance(DAY - timedelta(seconds=1))
    assert await shop.orders.cancel_unpaid() == 0
    assert await shop.stock(shop.flour) == (100, 7)
    shop.system.clock.advance(timedelta(seconds=1))
    assert await shop.orders.cancel_unpaid() == 1
    assert await shop.orders.cancel_unpaid() == 0
    await shop.system.drain()
    await shop.system.redeliver()
    assert await states(shop, placed.order_id) == ["cancelled"]
    assert await shop.stock(shop.flour) == (100, 0)
    last = (await later("GET", f"/api/orders/{placed.order_id}/history")).json()["items"][-1]
    assert (last["from"], last["to"], last["actor"], last["reason"]) == (
        "pending",
        "cancelled",
        "system",
        "payment-limit",
    )
    event = await shop.owner.fetchrow(
        "select actor, data from orders.outbox where type = 'order.status_changed' order by seq desc limit 1"
    )
    assert event["actor"] == "system"
    assert await shop.findings() == []


async def test_a_payment_after_the_limit_and_before_the_sweep_counts(shop, later):
    placed = await shop.place()
    shop.system.clock.advance(2 * DAY)
    answer = await later("POST", f"/api/orders/{placed.order_id}/pay", {})
    assert answer.json()["status"] == "paid"
    assert await shop.orders.cancel_unpaid() == 0
    assert await states(shop, placed.order_id) == ["paid"]


async def test_payment_after_the_sweep_is_refused(shop, later):
    placed = await shop.place()
    shop.system.clock.advance(2 * DAY)
    assert await shop.orders.cancel_unpaid() == 1
    answer = await later("POST", f"/api/orders/{placed.order_id}/pay", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state")
    assert await states(shop, placed.order_id) == ["cancelled"]


async def test_of_payment_and_sweep_exactly_one_wins(shop):
    placed = [(await shop.place()).order_id for _ in range(12)]
    shop.system.clock.advance(2 * DAY)
    orders: Orders = shop.orders

    async def pay(order_id):
        try:
            await orders.pay_order(order_id=order_id, note=PaymentNote())
        except Exception as refused:  # noqa: BLE001 - told apart below
            return refused
        return None

    sweeps = [orders.cancel_unpaid() for _ in range(2)]
    outcomes = await asyncio.gather(*(pay(order_id) for order_id in placed), *sweeps)
    found = await states(shop, *placed)
    paid, cancelled = found.count("paid"), found.count("cancelled")
    assert paid + cancelled == len(placed)
    assert cancelled == sum(outcomes[len(placed) :])
    refused = [outcome for outcome in outcomes[: len(placed)] if outcome is not None]
    assert len(refused) == cancelled
    assert {refusal.code for refusal in refused} <= {"wrong-state"}
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, paid)
    assert await shop.findings() == []


async def test_many_are_cancelled_in_batches(shop, monkeypatch):
    monkeypatch.setattr("fenxiao.orders.service.transitions.UNPAID_AT_ONCE", 2)
    placed = [(await shop.place()).order_id for _ in range(5)]
    shop.system.clock.advance(2 * DAY)
    assert await shop.orders.cancel_unpaid() == 5
    assert await states(shop, *placed) == ["cancelled"] * 5


async def test_the_sweep_is_a_job(shop):
    (offer,) = [offer for offer in shop.system.offers if offer.name == "orders"]
    (job,) = [job for job in offer.jobs if job.name == "orders unpaid"]
    placed = await shop.place()
    shop.system.clock.advance(2 * DAY)
    await job.work()
    assert await states(shop, placed.order_id) == ["cancelled"]
