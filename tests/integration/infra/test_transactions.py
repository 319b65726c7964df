"""The unit of work: rows and events together or not at all, idempotency keys, holds."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from fenxiao.infra import context
from fenxiao.infra.db import holds, idempotency
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import Moved, TooBusy, starts_over
from fenxiao.kernel.errors import KeyBusy, KeyFenced, KeyReused, Unavailable
from fenxiao.kernel.ids import HoldId

KEY = Once("7", "key-1", b"a")


async def count(db: Database, table: str) -> int:
    return await db.fetchval(f"select count(*) from {table}")


async def test_rows_and_events_commit_together(db: Database) -> None:
    before = await count(db, "outbox")
    async with db.begin() as tx:
        await holds.commit(tx, "test", [HoldId(1)])
        tx.audit("made", "thing/1", after={"name": "x"})
    assert await count(db, "hold_outcome") == 1
    assert await count(db, "outbox") == before + 1


async def test_an_exception_rolls_rows_and_events_back(db: Database) -> None:
    before = await count(db, "outbox")
    with pytest.raises(ValueError, match="stop"):
        async with db.begin() as tx:
            await holds.commit(tx, "test", [HoldId(1)])
            tx.audit("made", "thing/1")
            raise ValueError("stop")
    assert await count(db, "hold_outcome") == 0
    assert await count(db, "outbox") == before


async def test_a_transaction_inside_a_transaction_is_refused(db: Database) -> None:
    with pytest.raises(RuntimeError, match="one transaction"):
        async with db.begin(), db.begin():
            pass


async def test_a_statement_alone_is_a_transaction_of_its_own(db: Database) -> None:
    statement = f"with outcome as ({holds.insertion(1)} returning hold_id) select count(*) from outcome"
    db.emitted.clear()
    ((written,),) = await db.alone(statement, *holds.columns("test", [HoldId(7), HoldId(8)]))
    assert written == await count(db, "hold_outcome") == 2
    assert not db.emitted.is_set()
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.alone(statement, *holds.columns("test", [HoldId(9), HoldId(8)]))
    assert await count(db, "hold_outcome") == 2
    async with db.begin():
        with pytest.raises(RuntimeError, match="one transaction"):
            await db.alone(statement, *holds.columns("test", [HoldId(9)]))
    await db.alone(statement, *holds.columns("test", [HoldId(9)]), emits=True)
    assert db.emitted.is_set()


async def answer(db: Database, once: Once, value: list[int]) -> list[int]:
    async with db.begin(once=once) as tx:
        if tx.prior is not None:
            return tx.prior.load(list[int])
        await holds.commit(tx, "work", [HoldId(value[0])])
        return tx.keep(value)


async def test_the_same_key_and_body_get_the_first_answer(db: Database) -> None:
    with context.use(context.RequestContext()) as first:
        assert await answer(db, KEY, [1]) == [1]
    with context.use(context.RequestContext()) as second:
        assert await answer(db, KEY, [2]) == [1]
    assert (first.replayed, second.replayed) == (False, True)
    assert await count(db, "hold_outcome") == 1


async def test_the_same_key_with_another_body_is_refused(db: Database) -> None:
    await answer(db, KEY, [1])
    with pytest.raises(KeyReused):
        await answer(db, Once("7", "key-1", b"other"), [2])
    assert await answer(db, Once("8", "key-1", b"other"), [3]) == [3], "keys belong to the account"


async def test_a_refusal_frees_the_key(db: Database) -> None:
    with pytest.raises(ValueError, match="refused"):
        async with db.begin(once=KEY) as tx:
            tx.keep([1])
            raise ValueError("refused")
    assert await answer(db, KEY, [2]) == [2]


async def test_a_key_in_use_is_busy_and_two_at_once_do_the_work_once(db: Database) -> None:
    async with db.begin(once=KEY) as tx:
        tx.keep([1])
        with pytest.raises(KeyBusy):
            await asyncio.create_task(answer(db, KEY, [2]), context=_outside())
    outcomes = await asyncio.gather(
        *(answer(db, Once("7", "k2", b""), [n]) for n in range(2, 9)), return_exceptions=True
    )
    answers = {tuple(outcome) for outcome in outcomes if isinstance(outcome, list)}
    assert len(answers) == 1
    assert all(isinstance(outcome, list | KeyBusy) for outcome in outcomes)


def _outside() -> object:
    """A context in which no transaction has begun: another request."""
    import contextvars

    from fenxiao.infra.db.transaction import in_transaction

    fresh = contextvars.copy_context()
    fresh.run(in_transaction.set, False)
    return fresh


async def test_a_key_twice_in_one_batch_is_claimed_once(db: Database) -> None:
    async with db.connection() as connection, connection.transaction():
        first, none, second = await idempotency.claim(connection, [KEY, None, KEY])
    assert (first, none) == (None, None)
    assert isinstance(second, KeyBusy)


async def test_a_fence_and_a_commit_exclude_each_other(db: Database) -> None:
    async with db.begin() as tx:
        assert await holds.commit(tx, "orders", [HoldId(1), HoldId(2)]) == set()
    async with db.begin() as tx:
        assert await holds.fence(tx, "orders", [HoldId(2), HoldId(3)]) == {2: "committed", 3: "fenced"}
    with pytest.raises(KeyFenced):
        async with db.begin() as tx:
            await holds.commit_one(tx, "orders", HoldId(3))
    async with db.begin() as tx:
        assert await holds.commit(tx, "others", [HoldId(3)]) == set(), "each holder numbers its own holds"


async def test_a_wrong_call_is_no_outage(db: Database) -> None:
    with pytest.raises(asyncpg.InterfaceError):
        await db.fetchval("select $1::int", 1, 2)


async def test_a_lost_connection_is_an_outage_and_the_next_one_works(
    db: Database, owner: asyncpg.Connection
) -> None:
    with pytest.raises(Unavailable):
        async with db.begin() as tx:
            pid = await tx.fetchval("select pg_backend_pid()")
            await owner.fetchval("select pg_terminate_backend($1)", pid)
            await tx.fetchval("select pg_sleep(5)")
    assert await db.fetchval("select 1") == 1


async def test_a_use_case_starts_over_while_its_ground_moves() -> None:
    tries: list[int] = []

    @starts_over
    async def decide(*, until: int) -> int:
        tries.append(1)
        if len(tries) < until:
            raise Moved
        return len(tries)

    assert await decide(until=3) == 3
    tries.clear()
    with pytest.raises(TooBusy):
        await decide(until=100)
    assert len(tries) == 8


async def test_the_clock_of_the_transaction_stamps_its_events(db: Database) -> None:
    past = db.clock() - timedelta(days=400)
    from fenxiao.infra.db.transaction import AuditRecorded

    async with db.begin() as tx:
        tx.emit(AuditRecorded(action="a", about="x/1", before=None, after=None), at=past)
        tx.emit(AuditRecorded(action="b", about="x/1", before=None, after=None))
    rows = await db.fetch("select time from outbox order by seq desc limit 2")
    assert [row["time"] for row in rows] == [db.clock(), past]


async def test_events_get_ids_that_ascend(db: Database) -> None:
    async with db.begin() as tx:
        for number in range(50):
            tx.audit("made", f"thing/{number}")
    ids = [row["event_id"] for row in await db.fetch("select event_id from outbox order by seq")][-50:]
    assert {each.version for each in ids} == {7}
    assert ids == sorted(set(ids))
