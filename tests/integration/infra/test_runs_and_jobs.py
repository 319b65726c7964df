"""Long work as a row, resumed after a kill; jobs that one process does at a time."""

import asyncio
from datetime import timedelta

import pytest

from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.runs import LEASE, Run
from fenxiao.infra.jobs import Job, run_once
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.ids import RunId


class Counting:
    """A run that counts to five, a number a chunk."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.chunks: list[int] = []
        self.die_at: int | None = None

    async def step(self, run: Run) -> None:
        number = (run.cursor or 0) + 1
        if number == self.die_at:
            raise asyncio.CancelledError
        async with self.db.begin() as tx:
            if number > 5:
                await runs.finish(tx, run, result={"counted": 5}, now=self.db.clock())
            else:
                await runs.advance(tx, run, cursor=number, done=1, now=self.db.clock())
        self.chunks.append(number)


async def begin(db: Database) -> RunId:
    async with db.begin() as tx:
        return await runs.create(tx, "count", {"to": 5}, total=5)


async def test_a_run_is_done_chunk_by_chunk(db: Database) -> None:
    run_id = await begin(db)
    counting = Counting(db)
    await runs.work(db, {"count": counting.step})
    run = await runs.find(db, run_id, "count")
    assert (run.state, run.done, run.total, run.result) == ("done", 5, 5, {"counted": 5})
    assert counting.chunks == [1, 2, 3, 4, 5, 6]
    with pytest.raises(NotFound):
        await runs.find(db, run_id, "another kind")


async def test_a_killed_run_goes_on_where_it_was(db: Database) -> None:
    run_id = await begin(db)
    counting = Counting(db)
    counting.die_at = 3
    with pytest.raises(asyncio.CancelledError):
        await runs.work(db, {"count": counting.step})
    counting.die_at = None
    assert await runs.work(db, {"count": counting.step}) == 0, "the lease of the one that died still stands"
    db.clock.advance(LEASE + timedelta(seconds=1))
    await runs.work(db, {"count": counting.step})
    assert counting.chunks == [1, 2, 3, 4, 5, 6]
    assert (await runs.find(db, run_id, "count")).state == "done"


async def test_two_workers_never_do_a_chunk_twice(db: Database) -> None:
    run_id = await begin(db)
    counting = Counting(db)
    await asyncio.gather(*(runs.work(db, {"count": counting.step}) for _ in range(4)))
    assert sorted(counting.chunks) == [1, 2, 3, 4, 5, 6]
    assert (await runs.find(db, run_id, "count")).done == 5


async def test_one_that_outlived_its_lease_does_not_count_twice(db: Database) -> None:
    run_id = await begin(db)
    counting = Counting(db)
    stale = await runs.find(db, run_id, "count")
    await runs.work(db, {"count": counting.step})
    from fenxiao.infra.db.starts_over import Moved

    with pytest.raises(Moved):
        await counting.step(stale)
    assert (await runs.find(db, run_id, "count")).done == 5


async def test_a_cancelled_run_stops(db: Database) -> None:
    run_id = await begin(db)
    async with db.begin() as tx:
        await runs.cancel(tx, run_id)
    counting = Counting(db)
    await runs.work(db, {"count": counting.step})
    assert counting.chunks == []
    assert (await runs.find(db, run_id, "count")).state == "cancelled"


async def test_a_failing_run_says_why(db: Database) -> None:
    run_id = await begin(db)

    async def fail(_: Run) -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        await runs.work(db, {"count": fail})
    run = await runs.find(db, run_id, "count")
    assert (run.state, run.error) == ("failed", "ValueError: no such thing")


async def test_a_job_runs_in_one_place_at_a_time(db: Database) -> None:
    running = most = times = 0

    async def work() -> None:
        nonlocal running, most, times
        running += 1
        times += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1

    job = Job("test", timedelta(seconds=1), work, db)
    ran = await asyncio.gather(*(run_once(job) for _ in range(4)))
    assert (sum(ran), times, most) == (1, 1, 1)
    assert await run_once(job), "the lock is free again"


async def test_more_jobs_than_connections_do_not_wait_for_each_other(db: Database) -> None:
    """Each holds a connection for its lock and asks for another one."""

    async def work() -> int:
        await asyncio.sleep(0.02)
        found: int = await db.fetchval("select 1")
        return found

    jobs = [Job(f"job {n}", timedelta(seconds=1), work, db) for n in range(2 * db.access.max_connections)]
    async with asyncio.timeout(20):
        assert all(await asyncio.gather(*(run_once(job) for job in jobs)))
