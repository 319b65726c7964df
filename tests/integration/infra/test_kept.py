"""Statements that come with every order: kept connections, one plan, and commits that need not wait for the disk."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.kept import MOST, Kept
from fenxiao.kernel.errors import Unavailable
from fenxiao.kernel.events import Envelope

_SERVED_BY = "select pg_backend_pid()"


async def test_a_statement_finds_its_connection_and_its_plan_again(db: Database) -> None:
    first, second = [(await db.often(_SERVED_BY))[0][0] for _ in range(2)]
    assert first == second
    ((mode,),) = await db.often("show plan_cache_mode")
    assert mode == "force_generic_plan"
    # Questions with filters that vary keep theirs.
    assert await db.fetchval("show plan_cache_mode") == "auto"


async def test_whoever_finds_all_of_them_busy_takes_one_of_the_pool(db: Database) -> None:
    modes = "select current_setting('plan_cache_mode'), pg_sleep(0.05)"
    answers = await asyncio.gather(*(db.often(modes) for _ in range(MOST + 2)))
    assert sorted(mode for ((mode, _),) in answers) == ["auto"] * 2 + ["force_generic_plan"] * MOST


async def test_a_lost_connection_is_an_outage_and_the_next_statement_works(
    db: Database, owner: asyncpg.Connection
) -> None:
    ((pid,),) = await db.often(_SERVED_BY)
    waiting = asyncio.create_task(db.often("select pg_sleep(5)"))
    while not await owner.fetchval("select state = 'active' from pg_stat_activity where pid = $1", pid):
        await asyncio.sleep(0)
    await owner.fetchval("select pg_terminate_backend($1)", pid)
    with pytest.raises(Unavailable):
        await waiting
    # One that is lost while nobody uses it is not noticed by anybody.
    for _ in range(2):
        ((other,),) = await db.often(_SERVED_BY)
        assert other != pid
        pid = other
        await owner.fetchval("select pg_terminate_backend($1, 5000)", pid)
        await asyncio.sleep(0.05)


async def test_a_refused_or_an_abandoned_statement_leaves_nothing_behind(db: Database) -> None:
    ((pid,),) = await db.often(_SERVED_BY)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await db.often("select 1 / 0")
    assert (await db.often(_SERVED_BY))[0][0] == pid
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await db.often("select pg_sleep(5)")
    assert (await db.often(_SERVED_BY))[0][0] != pid


@pytest.mark.parametrize(("one_server", "waits"), [(True, "off"), (False, "on")])
async def test_only_what_would_be_done_again_does_not_wait_for_the_disk(
    db: Database, one_server: bool, waits: str
) -> None:
    # With a server for each context, an outbox may keep a mark that outlives what it stands for.
    db.access = replace(db.access, one_server=one_server)
    async with db.connection() as connection:
        await connection.execute("set synchronous_commit to on")
    event = Envelope(
        id=uuid4(),
        source="orders",
        type="order.created",
        subject="orders/1",
        time=db.clock(),
        data={},
        actor="somebody",
    )
    async with db.begin(once=Delivery("listener", (event,))) as tx:
        assert await tx.fetchval("show synchronous_commit") == waits
    async with db.begin() as tx:
        assert await tx.fetchval("show synchronous_commit") == "on"


async def test_without_a_server_a_statement_is_refused(db: Database) -> None:
    nowhere = Kept(replace(db.access, dsn="postgresql://nobody@127.0.0.1:1/none"))
    with pytest.raises(Unavailable):
        await nowhere.fetch("select 1")
    assert not nowhere.busy
