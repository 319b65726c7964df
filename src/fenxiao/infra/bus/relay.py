"""The relay: one per schema at a time, it empties the outbox onto the bus.

Whoever holds the schema's relay lock relays; others wait for it, so a process that dies is replaced by
the next. A NOTIFY wakes it at once, a look every second guarantees it.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import asyncpg
import structlog

from fenxiao.infra.db import locks, outbox
from fenxiao.infra.db.connections import GONE, connect
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import Unavailable
from fenxiao.kernel.events import Envelope

log = structlog.get_logger(__name__)
BATCH = 500
POLL = 1.0
"""Seconds between looks when nothing wakes the relay."""


PAUSE = 0.05
"""Seconds between two wake-ups: under load what was committed meanwhile travels together, at a third of the cost."""


class Bus(Protocol):
    """Whatever takes a batch and returns only when it is safe to forget it."""

    async def publish(self, batch: Sequence[Envelope]) -> None:
        """Deliver or store the batch; an exception means: try the same batch again later."""


class Relay:
    """Empties one schema's outbox for as long as it runs."""

    def __init__(self, db: Database, bus: Bus, *, batch: int = BATCH) -> None:
        self._db = db
        self._bus = bus
        self._batch = batch

    async def drain(self) -> int:
        """Publish all that is unpublished now; how many events went out. The caller must be the only relay."""
        count = 0
        while True:
            async with self._db.connection() as connection:
                rows, batch = await outbox.unpublished(connection, self._db.schema, self._batch)
            if not rows:
                return count
            await self._bus.publish(batch)
            async with self._db.connection() as connection:
                await outbox.mark(connection, rows, self._db.clock())
            count += len(rows)
            if len(rows) < self._batch:
                # What has been committed since rings the bell again.
                return count

    async def run(self) -> None:
        """Relay until cancelled; a lost server or a failing bus is waited out."""
        while True:
            try:
                await self._lead()
            except (*GONE, Unavailable) as error:
                log.warning("relay waits", schema=self._db.schema, reason=str(error))
            except Exception:
                log.exception("relay tries again", schema=self._db.schema)
            await asyncio.sleep(POLL)

    async def _lead(self) -> None:
        connection = await connect(self._db.access)
        try:
            # Nothing in this process can say when another one's lock is free.
            while not await locks.try_session(connection, f"relay {self._db.schema}"):  # noqa: ASYNC110
                await asyncio.sleep(POLL)
            wake = asyncio.Event()
            await connection.add_listener(f"outbox_{self._db.schema}", lambda *_: wake.set())
            while not connection.is_closed():
                wake.clear()
                await self.drain()
                await _either(wake)
        finally:
            await _close(connection)


class Waker:
    """Wakes the schema's relay, wherever it runs: one NOTIFY after many commits, never inside one.

    A NOTIFY in the transaction itself would serialise all commits behind one lock.
    """

    def __init__(self, db: Database, *, pause: float = PAUSE) -> None:
        self._db = db
        self._pause = pause
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Notify after commits that emitted, at most once per pause, until cancelled."""
        while True:
            await self._db.emitted.wait()
            self._db.emitted.clear()
            try:
                async with self._db.connection() as connection:
                    await connection.execute(f"notify outbox_{self._db.schema}")
            except Unavailable:
                log.warning("no notice sent", schema=self._db.schema)
            await asyncio.sleep(self._pause)


async def _either(wake: asyncio.Event) -> None:
    """Wait until woken or until it is time to look anyway."""
    try:
        async with asyncio.timeout(POLL):
            await wake.wait()
    except TimeoutError:
        return


async def _close(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=2)
    except (*GONE, TimeoutError):
        connection.terminate()
