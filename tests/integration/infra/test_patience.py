"""Long work gives way: its backends have a lower priority, and nobody else's have."""

import asyncio
import os
from dataclasses import replace

from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database, open_database
from fenxiao.infra.db.patience import NICENESS, patiently
from fenxiao.infra.db.runs import Run

_BACKEND = "select pg_backend_pid()"


async def niceness(db: Database) -> list[int]:
    """Of the backends that a question, an often asked one, and a transaction get."""
    asked = [await db.fetchval(_BACKEND), (await db.often(_BACKEND))[0][0]]
    async with db.begin() as tx:
        asked.append(await tx.fetchval(_BACKEND))
    return [os.getpriority(os.PRIO_PROCESS, pid) for pid in asked]


async def test_what_is_asked_patiently_comes_last(db: Database) -> None:
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert await niceness(db) == [usual] * 3
    with patiently():
        assert await niceness(db) == [NICENESS] * 3
        # Whatever it starts is as patient, and leaves others as they are.
        assert await asyncio.create_task(niceness(db)) == [NICENESS] * 3
    assert await niceness(db) == [usual] * 3


async def test_runs_are_patient(db: Database) -> None:
    seen: list[int] = []

    async def step(run: Run) -> None:
        seen.extend(await niceness(db))
        async with db.begin() as tx:
            await runs.finish(tx, run, result=None, now=db.clock())

    async with db.begin() as tx:
        await runs.create(tx, "count", {})
    assert await runs.work(db, {"count": step}) == 1
    assert seen == [NICENESS] * 3


async def test_processes_of_another_machine_are_not_ours_to_slow_down(db: Database) -> None:
    far = await open_database(replace(db.access, embedded=False))
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with patiently():
        assert await niceness(far) == [usual] * 3
    await far.close()
