"""A chunk of a settlement in parts side by side: they end in order, or not at all."""

import asyncio

import asyncpg
import pytest
from tests.integration.commission.scene import B, C, Scene, locked

from fenxiao.commission.queries import maturing
from fenxiao.infra.db import runs

BOTH = [(B, 5000, 2), (C, 10000, 2)]


@pytest.fixture
async def queued(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Two orders that have matured for two people, each of whom is a part by himself, and a settlement of all."""
    monkeypatch.setattr(maturing, "_DISTRIBUTORS", 1)
    scene.plan()
    for order_id in (1, 2):
        scene.sale(order_id)
        scene.complete(order_id)
    await scene.deliver()
    scene.advance(days=1)
    await scene.settlements().settle_all(cutoff=None, once=None)
    return scene


async def written(scene: Scene) -> list[tuple]:
    rows = await scene.db.fetch(
        "select distributor_id, released_minor, entries from statement order by settlement_id, 1"
    )
    return [tuple(row) for row in rows]


async def test_the_next_part_takes_no_lock_before_the_one_ahead_has_its_own(
    queued: Scene, owner: asyncpg.Connection
) -> None:
    async with owner.transaction():
        await owner.execute("select from commission.balance where distributor_id = $1 for update", B)
        working = asyncio.create_task(runs.work(queued.db, queued.offers[0].runs))
        await locked(owner, 1)
        # Would wait for ever if the next part had it: that one waits for the commit of the part that waits for us.
        await owner.execute("select from commission.balance where distributor_id = $1 for update nowait", C)
    assert await working == 2
    assert await written(queued) == BOTH
    assert await queued.findings() == []


async def test_two_workers_release_every_part_once(queued: Scene) -> None:
    await asyncio.gather(*(runs.work(queued.db, queued.offers[n].runs) for n in (0, 1)))
    found = await queued.settlements().find(1)
    assert (found.status, found.done, found.total) == ("done", 2, 2)
    assert await written(queued) == BOTH
    assert await queued.findings() == []


@pytest.mark.parametrize(("spoilt", "kept"), [(B, []), (C, BOTH[:1])])
async def test_nothing_is_kept_of_what_comes_behind_a_part_that_failed(
    queued: Scene, owner: asyncpg.Connection, spoilt: int, kept: list[tuple]
) -> None:
    await owner.execute(
        f"alter table commission.statement add constraint spoilt check (distributor_id <> {spoilt})"
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await runs.work(queued.db, queued.offers[0].runs)
    await owner.execute("alter table commission.statement drop constraint spoilt")
    found = await queued.settlements().find(1)
    assert (found.status, found.done) == ("failed", len(kept))
    assert await written(queued) == kept
    assert await queued.findings() == []
    await queued.settle()
    assert await written(queued) == BOTH
    assert await queued.findings() == []
