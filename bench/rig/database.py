"""The PostgreSQL that all contenders share: the project's own embedded one with its durable defaults."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from fenxiao.infra.db import embedded

SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "shared_buffers",
    "min_wal_size",
    "max_wal_size",
    "checkpoint_timeout",
    "wal_buffers",
    "wal_compression",
    "commit_delay",
    "autovacuum",
    "data_checksums",
    "max_connections",
)
"""Those that decide how quick a durable commit is; printed in every round."""

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
PATIENCE = 120.0
"""Seconds that what follows the orders gets to be done before the next turn."""


class Ground:
    """A running PostgreSQL and one connection to look at it."""

    def __init__(self, server: embedded.Handle, connection: asyncpg.Connection) -> None:
        self.dsn = server.dsn
        self._bin_dir = server.bin_dir
        self.connection = connection

    def program(self, name: str) -> str | None:
        """A program beside the server, such as pgbench; None where its package leaves it out."""
        beside = self._bin_dir / name
        return str(beside) if beside.exists() else None

    async def settings(self) -> dict[str, str]:
        """The settings that stand beside each round."""
        rows = await self.connection.fetch(
            "select name, current_setting(name) as value from pg_settings where name = any($1::text[])",
            list(SETTINGS),
        )
        found = {row["name"]: row["value"] for row in rows}
        return {name: found[name] for name in SETTINGS if name in found}

    async def count(self, statements: Mapping[str, str]) -> dict[str, int]:
        """What each statement counts, all in one snapshot."""
        names = list(statements)
        row: Any = await self.connection.fetchrow("select " + ", ".join(f"({statements[n]})" for n in names))
        return {name: int(value or 0) for name, value in zip(names, row, strict=True)}

    async def checkpoint(self) -> None:
        """Write everything down, so that no turn pays for the one before and each pays alike for its first writes."""
        await self.connection.execute("checkpoint")

    async def tend(self) -> None:
        """Vacuum and analyze every table that has rows, as autovacuum would some minutes later: not in a turn's middle.

        An empty table is left alone, as autovacuum leaves it: plans made on one that is known to be empty read it
        through, and sessions keep them (those of foreign keys too) while it fills.
        """
        tables = await self.connection.fetch(
            "select oid::regclass::text as name from pg_class"
            " where relkind = 'r' and relnamespace > 16384 and pg_relation_size(oid) > 0"
        )
        await self.connection.execute("vacuum analyze " + ", ".join(table["name"] for table in tables))

    async def quiet(self, statement: str) -> float:
        """Wait until a statement counts nothing; how many seconds that took. TimeoutError after two minutes."""
        started = time.monotonic()
        while await self.connection.fetchval(statement):
            if time.monotonic() - started > PATIENCE:
                message = f"after {PATIENCE:.0f} s there still is something: {statement}"
                raise TimeoutError(message)
            await asyncio.sleep(0.05)
        return time.monotonic() - started


def not_durable(settings: Mapping[str, str]) -> list[str]:
    """Settings that would make the figures worthless."""
    return [
        f"{name} is {settings.get(name)}, not {value}"
        for name, value in DURABLE.items()
        if settings.get(name) != value
    ]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Ground]:
    """The PostgreSQL of a data folder, with the settings that `./run` gives it; stopped at the end of the block."""
    server = await asyncio.to_thread(embedded.join, folder)
    try:
        connection = await asyncpg.connect(server.dsn)
        try:
            yield Ground(server, connection)
        finally:
            await connection.close()
    finally:
        await asyncio.to_thread(server.leave)
