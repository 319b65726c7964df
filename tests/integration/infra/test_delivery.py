"""Outbox, relay, bus, inbox: every event reaches every consumer, once, whatever fails on the way."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest

from fenxiao.infra.bus.consumer import Consumer, decode
from fenxiao.infra.bus.local import LocalBus
from fenxiao.infra.bus.relay import Relay, Waker
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.transaction import AuditRecorded
from fenxiao.kernel.errors import Unavailable
from fenxiao.kernel.events import Envelope


class Listener:
    """A consumer that remembers, and fails where it is told to."""

    def __init__(self, db: Database, name: str = "listener") -> None:
        self.db = db
        self.seen: list[str] = []
        self.calls = 0
        self.poison: set[str] = set()
        self.away = False
        self.consumer = Consumer(name, (AuditRecorded,), self.handle, db)

    async def handle(self, delivery: Delivery) -> None:
        self.calls += 1
        if self.away:
            raise Unavailable
        async with self.db.begin(once=delivery) as tx:
            actions = [decode(envelope, AuditRecorded).action for envelope in tx.fresh]
            if self.poison & set(actions):
                raise ValueError("cannot digest this")
        self.seen += actions


@pytest.fixture
def listener(db: Database) -> Listener:
    return Listener(db)


async def emit(db: Database, *actions: str) -> None:
    async with db.begin() as tx:
        for action in actions:
            tx.audit(action, f"thing/{action}")


async def waiting(db: Database) -> int:
    return await db.fetchval("select count(*) from outbox where published_at is null")


async def test_events_arrive_in_order_and_once(db: Database, listener: Listener) -> None:
    await emit(db, "a", "b")
    await emit(db, "c")
    relay = Relay(db, LocalBus([listener.consumer]))
    assert await relay.drain() == 3
    assert await relay.drain() == 0
    assert listener.seen == ["a", "b", "c"]


async def test_an_event_delivered_again_is_not_dealt_with_again(db: Database, listener: Listener) -> None:
    await emit(db, "a")
    relay = Relay(db, LocalBus([listener.consumer]))
    await relay.drain()
    await db.fetchval("update outbox set published_at = null returning 1")
    await relay.drain()
    assert listener.calls == 2
    assert listener.seen == ["a"]


async def test_a_late_committer_is_not_skipped(
    db: Database, listener: Listener, owner: asyncpg.Connection
) -> None:
    late = owner.transaction()
    await late.start()
    row = "insert into analytics.outbox (event_id, type, subject, time, data, actor) values (gen_random_uuid(), 'audit.recorded', 'x', now(), $1, 'x')"
    await owner.execute(row, '{"action": "late", "about": "x", "before": null, "after": null}')
    await emit(db, "early")
    relay = Relay(db, LocalBus([listener.consumer]))
    await relay.drain()
    await late.commit()
    await relay.drain()
    assert listener.seen == ["early", "late"]


async def test_nothing_is_marked_before_the_bus_has_confirmed(db: Database) -> None:
    class Broken:
        async def publish(self, batch: Sequence[Envelope]) -> None:
            raise ConnectionError("no broker")

    await emit(db, "a")
    with pytest.raises(ConnectionError):
        await Relay(db, Broken()).drain()
    assert await waiting(db) == 1


async def test_one_bad_event_is_parked_and_the_rest_go_on(db: Database, listener: Listener) -> None:
    other = Listener(db, "other")
    listener.poison = {"bad"}
    names = [f"e{n}" for n in range(20)]
    await emit(db, *names[:10], "bad", *names[10:])
    bus = LocalBus([listener.consumer, other.consumer])
    await Relay(db, bus).drain()
    assert sorted(listener.seen) == sorted(names)
    assert sorted(other.seen) == sorted([*names, "bad"]), "what one cannot digest is no matter of the other's"
    row = await db.fetchrow("select error, attempts from inbox where state = 'parked'")
    assert row is not None
    assert (row["attempts"], "cannot digest" in row["error"]) == (1, True)
    assert await waiting(db) == 0


async def test_a_parked_event_is_replayed_when_its_time_has_come(db: Database, listener: Listener) -> None:
    listener.poison = {"bad"}
    await emit(db, "bad")
    bus = LocalBus([listener.consumer])
    await Relay(db, bus).drain()
    assert await bus.replay() == 0, "not yet"
    db.clock.advance(timedelta(seconds=5))
    assert await bus.replay() == 1
    assert await db.fetchval("select attempts from inbox") == 2
    listener.poison = set()
    db.clock.advance(timedelta(hours=1))
    assert await bus.replay() == 1
    assert listener.seen == ["bad"]
    assert await db.fetchval("select state from inbox") == "done"
    assert await bus.replay() == 0


async def test_an_outage_parks_nothing(db: Database, listener: Listener) -> None:
    listener.away = True
    await emit(db, "a")
    relay = Relay(db, LocalBus([listener.consumer]))
    with pytest.raises(Unavailable):
        await relay.drain()
    assert await db.fetchval("select count(*) from inbox") == 0
    listener.away = False
    await relay.drain()
    assert listener.seen == ["a"]


async def test_one_relay_leads_and_another_takes_over(db: Database, listener: Listener) -> None:
    bus = LocalBus([listener.consumer])
    first, second = (asyncio.create_task(Relay(db, bus).run()) for _ in range(2))
    waker = asyncio.create_task(Waker(db).run())
    try:
        await _until(lambda: _leaders(db), 1)
        await emit(db, "a")
        await _until_seen(listener, ["a"])
        first.cancel()
        await emit(db, "b")
        await _until_seen(listener, ["a", "b"])
        second.cancel()
        await asyncio.sleep(0.05)
        await emit(db, "c")
        await asyncio.sleep(0.3)
        assert listener.seen == ["a", "b"], "with the relay stopped nothing has any effect"
    finally:
        for task in (first, second, waker):
            task.cancel()


async def _leaders(db: Database) -> int:
    return await db.fetchval(
        "select count(*) from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())"
    )


async def _until(question: object, least: int) -> None:
    async with asyncio.timeout(5):
        while await question() < least:
            await asyncio.sleep(0.02)


async def _until_seen(listener: Listener, wanted: list[str]) -> None:
    async with asyncio.timeout(5):
        while listener.seen != wanted:
            await asyncio.sleep(0.02)
