"""Whatever way events take, an order's entries depend on its history alone."""

import asyncio
import random
from datetime import timedelta

import asyncpg
import pytest
from tests.integration.commission.scene import NOON, A, B, C, D, Scene, locked

from fenxiao.commission.service.plans import UnknownRuleError

FULL = [
    (0, C, 5000, "pending"),
    (0, B, 2500, "pending"),
    (1, C, -2000, "pending"),
    (1, B, -1000, "pending"),
    (2, C, -3000, "pending"),
    (2, B, -1500, "pending"),
]
"""Case 1, a refund of 200.00, a refund of the rest."""


def lived(scene: Scene, order_id: int = 1) -> None:
    """A whole life: sold, completed, refunded twice."""
    scene.now = NOON
    scene.sale(order_id)
    scene.advance(hours=1)
    scene.complete(order_id)
    scene.advance(days=1)
    scene.refund(20000, order_id)
    scene.advance(days=1)
    scene.refund(10000, order_id)
    scene.refund(20000, order_id, line=1)


async def test_events_one_by_one_as_they_happen(scene: Scene) -> None:
    scene.plan()
    scene.sale()
    await scene.deliver()
    assert await scene.entries() == []
    scene.advance(hours=1)
    scene.complete()
    await scene.deliver()
    assert await scene.entries() == FULL[:2]
    scene.advance(days=1)
    scene.refund(20000)
    # Events may come late: the time of the fact counts.
    scene.advance(days=5)
    await scene.deliver()
    assert await scene.entries() == FULL[:4]
    assert await scene.balances() == {C: (3000, 0), B: (1500, 0)}
    assert await scene.events() == [
        ("commission.accrued", "orders/1", NOON + timedelta(hours=1), 7500),
        ("commission.clawed_back", "orders/1", NOON + timedelta(days=1, hours=1), -3000),
    ]


async def test_all_in_one_batch_comes_to_the_same(scene: Scene) -> None:
    scene.plan()
    lived(scene)
    lived(scene, 2)
    one, two = scene.sent[:5], scene.sent[5:]
    scene.sent = []
    await scene.deliver(*one)
    for envelope in two:
        await scene.deliver(envelope)
    entries = await scene.entries()
    assert entries[:4] == FULL[:4]
    assert entries == await scene.entries(2)
    assert sum(amount for _, _, amount, _ in entries) == 0
    at = [row[0] for row in await scene.db.fetch("select distinct created_at from commission order by 1")]
    assert at == [
        NOON + timedelta(hours=1),
        NOON + timedelta(days=1, hours=1),
        NOON + timedelta(days=2, hours=1),
    ]


async def test_order_and_number_of_events_do_not_matter(scene: Scene) -> None:
    scene.plan()
    for order_id in range(1, 13):
        lived(scene, order_id)
    chance = random.Random(4)
    events = scene.sent * 3
    chance.shuffle(events)
    scene.sent = []
    while events:
        size = chance.randint(1, 9)
        await scene.deliver(*events[:size], worker=chance.randint(0, 1))
        events = events[size:]
    first = await scene.entries(1)
    assert first[:4] == FULL[:4]
    for order_id in range(2, 13):
        assert await scene.entries(order_id) == first


async def test_workers_at_once_book_once(scene: Scene) -> None:
    scene.plan()
    for order_id in range(1, 41):
        lived(scene, order_id)
    events, scene.sent = scene.sent, []
    shuffled = events[:]
    random.Random(5).shuffle(shuffled)
    halves = [events[:100], events[100:], shuffled[:100], shuffled[100:], events[::-1]]
    await asyncio.gather(*(scene.deliver(*half, worker=n % 2) for n, half in enumerate(halves)))
    first = await scene.entries(1)
    assert first[:4] == FULL[:4]
    for order_id in range(2, 41):
        assert await scene.entries(order_id) == first
    assert await scene.balances() == {C: (0, 0), B: (0, 0)}


async def test_a_worker_with_an_older_history_changes_nothing(scene: Scene) -> None:
    scene.plan()
    scene.sale()
    scene.complete()
    slow, scene.sent = tuple(scene.sent), []
    scene.orders.pause = asyncio.Event()
    late = asyncio.create_task(scene.deliver(*slow))
    while not scene.orders.asked:
        await asyncio.sleep(0)
    held, scene.orders.pause = scene.orders.pause, None
    scene.advance(days=1)
    scene.refund(20000)
    await scene.deliver(worker=1)
    assert await scene.entries() == FULL[:4]
    held.set()
    await late
    assert await scene.entries() == FULL[:4]


async def test_a_worker_that_dies_half_way_leaves_nothing(scene: Scene, owner: asyncpg.Connection) -> None:
    scene.plan()
    lived(scene)
    lived(scene, 2)
    events, scene.sent = tuple(scene.sent), []
    # Somebody holds a balance, so the worker has written everything else when it is stopped.
    async with owner.transaction():
        await owner.execute("insert into commission.balance values ($1, 'CNY', 0, 0, 0, 0)", B)
        work = asyncio.create_task(scene.deliver(*events))
        async with owner.transaction():
            await locked(owner, 1)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await owner.execute("delete from commission.balance")
    assert await scene.entries() == []
    assert await scene.events() == []
    assert await scene.db.fetchval("select count(*) from inbox") == 0
    await scene.deliver(*events)
    assert (await scene.entries())[:4] == FULL[:4]


async def test_an_order_without_a_plan_never_earns(scene: Scene) -> None:
    scene.sale(rule_id=None)
    scene.complete()
    scene.plan()
    scene.refund(100)
    await scene.deliver()
    assert await scene.entries() == []
    assert await scene.db.fetchval("select count(*) from order_book") == 0


async def test_an_unknown_rule_version_is_a_fault_of_that_order_and_changes_nothing(scene: Scene) -> None:
    scene.sale()
    scene.complete()
    with pytest.raises(UnknownRuleError):
        await scene.deliver()
    assert await scene.entries() == []
    assert await scene.db.fetchval("select count(*) from inbox") == 0
    scene.plan()
    scene.complete()
    await scene.deliver()
    assert await scene.entries() == FULL[:2]


async def test_a_refund_before_completion_only_lowers_the_base(scene: Scene) -> None:
    scene.plan()
    scene.sale()
    scene.advance(hours=1)
    scene.refund(20000)
    await scene.deliver()
    assert await scene.entries() == []
    scene.advance(hours=1)
    scene.complete()
    await scene.deliver()
    assert await scene.entries() == [(0, C, 3000, "pending"), (0, B, 1500, "pending")]


async def test_a_suspended_upline_and_breakage(scene: Scene) -> None:
    scene.plan()
    scene.plan(
        2, components=[{"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"], "compress": True}]
    )
    scene.sale(1, suspended=[C])
    scene.sale(2, rule_id=2, suspended=[C])
    scene.complete(1)
    scene.complete(2)
    await scene.deliver()
    assert await scene.entries(1) == [(0, B, 2500, "pending")]
    assert await scene.entries(2) == [(0, B, 5000, "pending"), (0, A, 2500, "pending")]
    assert D not in await scene.balances()


async def test_payments_are_asked_about_only_under_plans_that_pay_on_them(scene: Scene) -> None:
    scene.plan()
    scene.plan(2, accrue_on="paid")
    scene.sale(1)
    scene.sale(2, rule_id=2)
    await scene.deliver()
    assert scene.orders.asked == [[2]]
    # Where the event does not say which rule counts, the history must.
    scene.sale(3, rule_id=2)
    del scene.sent[-1].data["rule_id"]
    await scene.deliver()
    assert scene.orders.asked == [[2], [3]]
    assert [await scene.entries(one) for one in (1, 2, 3)] == [[], FULL[:2], FULL[:2]]
    assert {row[0] for row in await scene.db.fetch("select release_at from commission")} == {None}


async def test_paid_commission_matures_after_completion(scene: Scene) -> None:
    scene.plan(accrue_on="paid", hold_days=7)
    scene.sale()
    await scene.deliver()
    scene.advance(days=30)
    scene.refund(20000)
    await scene.deliver()
    await scene.settle()
    assert await scene.entries() == FULL[:4]
    scene.complete()
    await scene.deliver()
    assert await scene.entries() == FULL[:4]
    matures = scene.now + timedelta(days=7)
    assert {row[0] for row in await scene.db.fetch("select release_at from commission")} == {matures}
    scene.now = matures - timedelta(seconds=1)
    await scene.settle()
    assert await scene.balances() == {C: (3000, 0), B: (1500, 0)}
    scene.now = matures
    await scene.settle()
    assert await scene.balances() == {C: (0, 3000), B: (0, 1500)}
