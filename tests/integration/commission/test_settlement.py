"""Settlement: what matures becomes available, once, whatever races with it."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import asyncpg
from tests.integration.commission.scene import NOON, B, C, Scene, locked

from fenxiao.commission.service.balances import Balances
from fenxiao.commission.service.proof import Proof
from fenxiao.infra.db import runs
from fenxiao.infra.db.idempotency import Once


async def sold(scene: Scene, order_id: int = 1, **plan: object) -> None:
    scene.plan(**plan)
    scene.sale(order_id)
    scene.complete(order_id)
    await scene.deliver()


async def statements(scene: Scene) -> list[tuple]:
    rows = await scene.db.fetch(
        "select distributor_id, opening_minor, released_minor, closing_minor, entries from statement order by settlement_id, 1"
    )
    return [tuple(row) for row in rows]


async def test_what_has_matured_is_released_once(scene: Scene) -> None:
    await sold(scene, hold_days=7)
    scene.now = NOON + timedelta(days=7, seconds=-1)
    await scene.settle()
    assert await scene.balances() == {C: (5000, 0), B: (2500, 0)}
    assert await statements(scene) == []
    scene.now = NOON + timedelta(days=7)
    await scene.settle()
    assert await scene.balances() == {C: (0, 5000), B: (0, 2500)}
    assert await statements(scene) == [(B, 0, 2500, 2500, 1), (C, 0, 5000, 5000, 1)]
    assert {
        (row[0], row[1]) for row in await scene.db.fetch("select status, released_at from commission")
    } == {("released", scene.now)}
    await scene.settle()
    assert await statements(scene) == [(B, 0, 2500, 2500, 1), (C, 0, 5000, 5000, 1)]
    assert [event for event in await scene.events() if event[0] == "commission.released"] == [
        ("commission.released", f"distributors/{B}", scene.now, 2500),
        ("commission.released", f"distributors/{C}", scene.now, 5000),
    ]


async def test_one_distributor_alone(scene: Scene) -> None:
    await sold(scene)
    once = Once("7", "key", b"digest")
    first = await scene.settlements().settle_distributor(C, once=once)
    assert await scene.balances() == {C: (0, 5000), B: (2500, 0)}
    assert await scene.settlements().settle_distributor(C, once=once) == first
    assert await scene.settlements().settle_distributor(C, once=None) != first
    assert await statements(scene) == [(C, 0, 5000, 5000, 1)]


async def test_a_correction_of_something_pending_is_released_with_it(scene: Scene) -> None:
    await sold(scene, hold_days=7)
    scene.advance(days=1)
    scene.refund(20000)
    await scene.deliver()
    scene.advance(days=7)
    await scene.settle()
    assert await statements(scene) == [(B, 0, 1500, 1500, 2), (C, 0, 3000, 3000, 2)]
    assert {row[0] for row in await scene.db.fetch("select release_at from commission")} == {
        NOON + timedelta(days=7)
    }


async def test_a_correction_of_something_released_takes_from_available(
    scene: Scene,
) -> None:
    await sold(scene)
    await scene.settle()
    scene.advance(days=1)
    scene.refund(20000)
    await scene.deliver()
    assert await scene.entries() == [
        (0, C, 5000, "released"),
        (0, B, 2500, "released"),
        (1, C, -2000, "released"),
        (1, B, -1000, "released"),
    ]
    assert await scene.balances() == {C: (0, 3000), B: (0, 1500)}
    scene.refund(10000)
    scene.refund(20000, line=1)
    await scene.deliver()
    assert await scene.balances() == {C: (0, 0), B: (0, 0)}


async def test_a_settlement_goes_on_where_a_killed_one_stopped(scene: Scene) -> None:
    await sold(scene)
    settlement = await scene.settlements().settle_all(cutoff=None, once=None)
    step = scene.offers[0].runs["settlement"]

    async def killed(run: runs.Run) -> None:
        await step(run)
        raise asyncio.CancelledError

    with suppress(asyncio.CancelledError):
        await runs.work(scene.db, {"settlement": killed})
    assert await scene.balances() == {C: (0, 5000), B: (0, 2500)}
    await runs.work(scene.db, scene.offers[1].runs)
    row = await scene.db.fetchrow(
        "select state, done, total from run join settlement using (run_id) where settlement_id = $1",
        settlement.settlement_id,
    )
    assert tuple(row) == ("done", 2, 2)
    assert await statements(scene) == [(B, 0, 2500, 2500, 1), (C, 0, 5000, 5000, 1)]


async def test_the_day_has_one_scheduled_settlement(scene: Scene) -> None:
    await sold(scene)
    assert await scene.settlements().settle_daily() is not None
    assert await scene.settlements().settle_daily() is None
    await runs.work(scene.db, scene.offers[0].runs)
    # What was completed today had not matured when the day began.
    assert await scene.balances() == {C: (5000, 0), B: (2500, 0)}
    scene.advance(days=1)
    assert await scene.settlements().settle_daily() is not None
    await runs.work(scene.db, scene.offers[0].runs)
    assert await scene.balances() == {C: (0, 5000), B: (0, 2500)}


async def test_a_refund_just_before_a_settlement_is_released_by_it(
    scene: Scene, owner: asyncpg.Connection
) -> None:
    await race(scene, owner, refund_first=True)
    assert {row[0] for row in await scene.db.fetch("select settlement_id is null from commission")} == {False}
    assert await statements(scene) == [(B, 0, 1500, 1500, 2), (C, 0, 3000, 3000, 2)]


async def test_a_refund_just_after_a_settlement_takes_from_available(
    scene: Scene, owner: asyncpg.Connection
) -> None:
    await race(scene, owner, refund_first=False)
    rows = await scene.db.fetch("select settlement_id is null from commission order by commission_id")
    assert [row[0] for row in rows] == [False, False, True, True]
    assert await statements(scene) == [(B, 0, 2500, 2500, 1), (C, 0, 5000, 5000, 1)]


async def race(scene: Scene, owner: asyncpg.Connection, *, refund_first: bool) -> None:
    """Let a refund and a settlement queue for the same balances, in this order."""
    await sold(scene)
    scene.advance(days=1)
    scene.refund(20000)
    await scene.settlements().settle_all(cutoff=None, once=None)
    runners = [scene.deliver, lambda: runs.work(scene.db, scene.offers[1].runs)]
    tasks = []
    async with owner.transaction():
        await owner.execute("select from commission.balance for update")
        for waiting, runner in enumerate(runners if refund_first else runners[::-1], 1):
            tasks.append(asyncio.create_task(runner()))
            await locked(owner, waiting)
    await asyncio.gather(*tasks)
    assert {row[3] for row in await scene.entries()} == {"released"}
    assert [row[:3] for row in await scene.entries()] == [
        (0, C, 5000),
        (0, B, 2500),
        (1, C, -2000),
        (1, B, -1000),
    ]
    assert await scene.balances() == {C: (0, 3000), B: (0, 1500)}


async def test_many_refunds_and_settlements_at_once(scene: Scene) -> None:
    scene.plan()
    for order_id in range(1, 31):
        scene.sale(order_id)
        scene.complete(order_id)
    await scene.deliver()
    scene.advance(days=1)
    batches = []
    for order_id in range(1, 31):
        scene.refund(order_id * 100, order_id)
        batches.append(scene.sent.pop())
    work = [scene.deliver(*batches[n::6], worker=n % 2) for n in range(6)]
    work += [scene.settlements().settle_distributor(who, once=None) for who in (B, C, B, C)]
    await asyncio.gather(*work)
    await scene.settle()
    taken = sum(range(1, 31)) * 100
    assert await scene.balances() == {C: (0, 30 * 5000 - taken // 10), B: (0, 30 * 2500 - taken // 20)}


async def test_a_statement_opens_with_what_others_have_just_booked(
    scene: Scene, owner: asyncpg.Connection
) -> None:
    await sold(scene)
    scene.spoiled = True  # the balance is moved by hand, without a posting
    async with owner.transaction():
        await owner.execute(
            "update commission.balance set available_minor = available_minor - 700 where distributor_id = $1",
            C,
        )
        settled = asyncio.create_task(scene.settlements().settle_distributor(C, once=None))
        await locked(owner, 1)
    await settled
    assert await statements(scene) == [(C, -700, 5000, 4300, 1)]


async def test_a_repeated_request_gets_the_first_answer(scene: Scene) -> None:
    await sold(scene)
    once = Once("7", "key", b"digest")
    first = await scene.settlements().settle_all(cutoff=None, once=once)
    await runs.work(scene.db, scene.offers[0].runs)
    assert (first.status, (await scene.settlements().find(first.settlement_id)).status) == ("queued", "done")
    assert await scene.settlements().settle_all(cutoff=None, once=once) == first
    assert await scene.db.fetchval("select count(*) from settlement") == 1


async def test_currencies_are_never_mixed(scene: Scene) -> None:
    scene.plan()
    scene.plan(2, currency="JPY")
    scene.sale(1)
    scene.sale(2, rule_id=2, currency="JPY")
    scene.complete(1)
    scene.complete(2)
    await scene.deliver()
    balances = Balances(scene.db, "CNY")

    async def account(currency: str | None, order_id: int | None = None) -> tuple[str, int, list[int]]:
        found = await balances.account(C, currency=currency, order_id=order_id, limit=50, cursor=None)
        assert [one.currency for one in found.balances] == ["CNY", "JPY"]
        return found.balance.currency, found.balance.pending_minor, [one.order_id for one in found.page.items]

    assert await account(None) == ("CNY", 5000, [1])
    assert await account("JPY") == ("JPY", 5000, [2])
    assert await account("USD") == ("USD", 0, [])
    assert await account(None, order_id=2) == ("JPY", 5000, [2])
    await scene.settle()
    rows = await scene.db.fetch(
        "select distributor_id, currency, released_minor from statement order by 1, 2"
    )
    assert [tuple(row) for row in rows] == [
        (B, "CNY", 2500),
        (B, "JPY", 2500),
        (C, "CNY", 5000),
        (C, "JPY", 5000),
    ]


async def test_the_hashes_of_a_settlement_are_those_of_what_it_released(
    scene: Scene, owner: asyncpg.Connection
) -> None:
    for order_id in (1, 2, 3):
        await sold(scene, order_id)
    await scene.settle()
    found = await scene.settlements().find(1)
    assert found.input_hash != found.output_hash
    assert await scene.findings() == []
    scene.spoiled = True
    for change, faulty in (
        (
            "commission set commission_amount_minor = commission_amount_minor + 1 where commission_id = 2",
            "input_hash",
        ),
        ("commission set engine_version = '0' where commission_id = 3", "input_hash"),
        ("statement set entries = entries + 1 where distributor_id = 20", "output_hash"),
    ):
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(f"update commission.{change}")
        await owner.execute("set local search_path to commission")
        assert [fault.subject async for fault in Proof(owner).hashes()] == [f"settlement 1.{faulty}"]
        await transaction.rollback()
    assert [fault async for fault in Proof(scene.db).hashes()] == []
