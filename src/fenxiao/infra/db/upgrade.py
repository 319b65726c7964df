"""Alembic, applied to one context's revisions after another."""

from collections.abc import Sequence
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine


async def upgrade(dsn: str, folder: Path, schemas: Sequence[str]) -> None:
    """Apply what is missing of each schema's revisions, each revision in a transaction of its own.

    What must not run in one, such as an index that is built while others write, stands in
    `with op.get_context().autocommit_block():` and can be repeated: a kill may leave it half done and not noted. So can
    what the same revision does before such a block, which begins by committing it.
    """

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(dsn)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=pool.NullPool)
    try:
        for schema in schemas:
            # Alembic begins and commits: a transaction begun here could not be left for such a block.
            async with engine.connect() as connection:
                await connection.run_sync(_run, folder / schema, schema)
    finally:
        await engine.dispose()


def _run(connection: Connection, folder: Path, schema: str) -> None:
    script = _script(folder)
    upgrade = script._upgrade_revs  # noqa: SLF001 - as Alembic's own command does
    environment = EnvironmentContext(Config(), script, fn=lambda revision, _: upgrade("head", revision))
    with environment:
        environment.configure(
            connection=connection,
            version_table_schema=schema,
            transactional_ddl=True,
            transaction_per_migration=True,
        )
        with environment.begin_transaction():
            environment.run_migrations()


def _script(folder: Path) -> ScriptDirectory:
    return ScriptDirectory(str(folder), version_locations=[str(folder)])
