"""Settlements of some: who is in them, what they would release, how they stop, and what waits for its refund."""

from datetime import timedelta

from tests.integration.commission.scene import NOON, B, C, Scene

from fenxiao.commission.queries.maturing import Selection
from fenxiao.commission.service.settlement import Preview
from fenxiao.infra.db import runs


async def sold(scene: Scene, *order_ids: int) -> None:
    scene.plan()
    for order_id in order_ids:
        scene.sale(order_id)
        scene.complete(order_id)
    await scene.deliver()


async def told(preview: Preview) -> tuple:
    amounts = [(one.currency, one.amount_minor, one.entries, one.distributors) for one in preview.amounts]
    return (preview.distributors, preview.waiting, amounts)


async def test_a_selection_is_settled_alone_and_a_preview_changes_nothing(scene: Scene) -> None:
    await sold(scene, 1)
    settlements = scene.settlements()
    everybody, one = Selection(), Selection(distributor_ids=(C, 999))
    assert await told(await settlements.preview(cutoff=None)) == (2, 0, [("CNY", 7500, 2, 2)])
    assert await told(await settlements.preview(cutoff=NOON - timedelta(1))) == (0, 0, [])
    assert await told(await settlements.preview(cutoff=None, selection=one)) == (1, 0, [("CNY", 5000, 1, 1)])
    assert await scene.db.fetchval("select count(*) from settlement") == 0
    queued = await settlements.settle_all(cutoff=None, once=None, selection=one)
    assert (queued.selected, queued.grade, queued.total) == (2, None, 1)
    await runs.work(scene.db, scene.offers[0].runs)
    assert await scene.balances() == {C: (0, 5000), B: (2500, 0)}
    assert await told(await settlements.preview(cutoff=None, selection=everybody)) == (
        1,
        0,
        [("CNY", 2500, 1, 1)],
    )
    assert (await settlements.find(queued.settlement_id)).status == "done"
    page = await settlements.page(limit=1, cursor=None)
    assert [one.settlement_id for one in page.items] == [queued.settlement_id]


async def test_a_grade_is_that_of_the_moment_at_which_ones_turn_comes(scene: Scene) -> None:
    await sold(scene, 1)
    settlements, gold = scene.settlements(), Selection(grade="gold")
    scene.people.grades = {C: "gold", B: "silver"}
    assert await told(await settlements.preview(cutoff=None, selection=gold)) == (1, 0, [("CNY", 5000, 1, 1)])
    queued = await settlements.settle_all(cutoff=None, once=None, selection=gold)
    assert (queued.total, queued.grade) == (None, "gold")
    scene.people.grades = {C: "silver", B: "gold"}
    await runs.work(scene.db, scene.offers[0].runs)
    assert await scene.balances() == {C: (5000, 0), B: (0, 2500)}
    done = await settlements.find(queued.settlement_id)
    assert (done.status, done.done, done.total) == ("done", 1, 1)
    both = Selection(grade="gold", distributor_ids=(C,))
    assert await told(await settlements.preview(cutoff=None, selection=both)) == (0, 0, [])
    await settlements.settle_all(cutoff=None, once=None, selection=both)
    await runs.work(scene.db, scene.offers[0].runs)
    assert await scene.balances() == {C: (5000, 0), B: (0, 2500)}


async def test_a_cancelled_settlement_releases_no_more(scene: Scene) -> None:
    await sold(scene, 1)
    settlements = scene.settlements()
    queued = await settlements.settle_all(cutoff=None, once=None)
    await settlements.cancel(queued.settlement_id)
    await runs.work(scene.db, scene.offers[0].runs)
    assert (await settlements.find(queued.settlement_id)).status == "cancelled"
    assert await scene.balances() == {C: (5000, 0), B: (2500, 0)}
    alone = await settlements.settle_distributor(C, once=None)
    assert (await settlements.cancel(alone.settlement_id)).status == "done"
    await scene.settle()
    assert await scene.balances() == {C: (0, 5000), B: (0, 2500)}


async def test_what_a_refund_has_yet_to_correct_is_not_released(scene: Scene) -> None:
    await sold(scene, 1, 2)
    scene.advance(days=1)
    # Its event is on the way, and so is another of order 2 that changes nothing any more.
    scene.refund(20000, 1)
    scene.orders.flying = [1, 2, 77]
    settlements = scene.settlements()
    assert await told(await settlements.preview(cutoff=None)) == (2, 1, [("CNY", 7500, 2, 2)])
    await scene.settle()
    assert {(row[0], row[3]) for row in await scene.entries(1)} == {(0, "pending")}
    assert {(row[0], row[3]) for row in await scene.entries(2)} == {(0, "released")}
    await settlements.settle_distributor(C, once=None)
    assert await scene.balances() == {C: (5000, 5000), B: (2500, 2500)}
    await scene.deliver()
    await scene.settle()
    scene.orders.flying = []
    assert await scene.balances() == {C: (0, 8000), B: (0, 4000)}
    rows = await scene.db.fetch(
        "select distinct step, settlement_id is null from commission where order_id = 1 order by 1"
    )
    assert [tuple(row) for row in rows] == [(0, False), (1, False)]
