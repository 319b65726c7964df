"""A kill in the middle of an upgrade: what was committed without its mark is met again by the next start."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from alembic.runtime.migration import MigrationContext
from tests.conftest import MIGRATIONS, Server

from fenxiao.entrypoints.compose import CONTEXTS
from fenxiao.infra.db import migrate

BLOCK = "autocommit_block()"
STRUCTURE = """
select 'column', a.attrelid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
  from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind = 'r'
 where c.relnamespace::regnamespace::text = any($1) and a.attnum > 0 and not a.attisdropped
union all
select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated
  from pg_constraint where connamespace::regnamespace::text = any($1)
union all
select 'index', i.indrelid::regclass::text, c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid
  from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace::regnamespace::text = any($1)
order by 1, 2, 3
"""


class Killed(Exception):
    """The process is gone, and its connection with it."""


@pytest_asyncio.fixture
async def empty(server: Server) -> AsyncIterator[str]:
    """The address of a database with nothing in it."""
    name = f"t_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f"create database {name}")
    yield server.database(name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets the process die behind each block that commits by itself, the first time it gets there; the revisions before."""
    before: list[str] = []
    whole = MigrationContext.autocommit_block

    @contextmanager
    def deadly(context: MigrationContext) -> Iterator[None]:
        place = f"{context.version_table_schema} {context.get_current_heads()}"
        with whole(context):
            yield
        if place not in before:
            before.append(place)
            raise Killed

    monkeypatch.setattr(MigrationContext, "autocommit_block", deadly)
    return before


async def structure(dsn: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(STRUCTURE, list(CONTEXTS))]
    finally:
        await connection.close()


async def test_an_upgrade_that_was_killed_anywhere_ends_like_one_that_was_not(
    empty: str, dsn: str, killed: list[str]
) -> None:
    deaths = 0
    while True:
        try:
            await migrate.migrate(empty, MIGRATIONS, CONTEXTS)
            break
        except Killed:
            deaths += 1
    blocks = sum(
        file.read_text().count(BLOCK) for file in MIGRATIONS.glob("*/*.py") if file.parent.name in CONTEXTS
    )
    assert deaths == len(killed) == blocks > 10
    assert await structure(empty) == await structure(dsn)
