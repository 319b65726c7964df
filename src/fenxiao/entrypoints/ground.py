"""The ground a process stands on: its data folder, its PostgreSQL, its keys, its schemas at the newest revision."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import structlog

from fenxiao.entrypoints.compose import CONTEXTS, Place, System, composed
from fenxiao.infra import crypto
from fenxiao.infra.db import embedded, migrate
from fenxiao.infra.settings import Settings

log = structlog.get_logger(__name__)
MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
WATCH = 2.0
"""Seconds between looks whether the embedded PostgreSQL still lives."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a process stands; `server` is None when DATABASE_URL names a PostgreSQL of the owner's own."""

    settings: Settings
    dsn: str
    server: embedded.Handle | None

    async def watch(self) -> None:
        """Start the embedded PostgreSQL again whenever it has died; until cancelled."""
        while self.server is not None:
            await asyncio.sleep(WATCH)
            try:
                await asyncio.to_thread(self.server.ensure)
            except embedded.EmbeddedError as error:
                # Killed once more while it was starting, or the disk is full for a moment: the next look tries again.
                log.warning("PostgreSQL does not start; it is tried again", reason=str(error))


@contextmanager
def ground(settings: Settings) -> Iterator[Ground]:
    """Join or start the PostgreSQL of these settings; the last one out stops an embedded one."""
    if settings.database_url is not None:
        yield Ground(settings, settings.database_url, None)
        return
    server = embedded.join(settings.data_dir)
    try:
        yield Ground(settings, server.dsn, server)
    finally:
        server.leave()


async def prepare(ground: Ground) -> tuple[Place, list[str]]:
    """Bring the schemas up and load the keys; answers the place and the schemas that were migrated."""
    moved, roles = await migrate.migrate(ground.dsn, MIGRATIONS, CONTEXTS)
    cipher = crypto.load_or_create(ground.settings.data_dir)
    return Place(dsn=ground.dsn, roles=roles, settings=ground.settings, cipher=cipher), moved


@asynccontextmanager
async def snapshot(place: Place) -> AsyncIterator[System]:
    """All contexts reading one and the same state of all schemas, whatever is written meanwhile; nothing can be written."""
    holder = await asyncpg.connect(place.dsn)
    try:
        async with holder.transaction(isolation="repeatable_read", readonly=True):
            exported = await holder.fetchval("select pg_export_snapshot()")
            async with composed(replace(place, snapshot=exported)) as system:
                yield system
    finally:
        await holder.close()
