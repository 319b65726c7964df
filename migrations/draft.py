"""Writes the next revision of a context from the difference between its tables and its migrations.

    .venv/bin/python migrations/draft.py catalog "batch recall"

The result is a draft: read it, add what Alembic cannot see (functions, triggers, data), and commit it. With the
name `initial` the first revision is written anew, which is allowed only while no release holds it.
"""

import argparse
import asyncio
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, MetaData, pool
from sqlalchemy.ext.asyncio import create_async_engine

from fenxiao.infra.db import embedded, migrate

FOLDER = Path(__file__).resolve().parent
HEAD = '''"""{title}."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "{revision}"
down_revision = {down}


def upgrade() -> None:
    {body}
'''


def differences(connection: Connection, metadata: MetaData) -> list[str]:
    """The operations, as Python, that would bring the database to the tables of `metadata`."""

    def ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "schema" or name == metadata.schema

    def wanted(_: object, name: str | None, kind: str, *__: object) -> bool:
        return not (kind == "table" and name == "alembic_version")

    context = MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "include_name": ours,
            "include_object": wanted,
            "compare_type": True,
            "compare_server_default": False,
            "version_table_schema": metadata.schema,
            "target_metadata": metadata,
        },
    )
    script = produce_migrations(context, metadata)
    if script.upgrade_ops is None or script.upgrade_ops.is_empty():
        return []
    return render_python_code(script.upgrade_ops, migration_context=context).splitlines()


def lift_checks(metadata: MetaData) -> None:
    """Make the checks of columns checks of their tables: Alembic writes only those."""
    for table in metadata.tables.values():
        for column in table.columns:
            for check in [c for c in column.constraints if isinstance(c, CheckConstraint)]:
                column.constraints.remove(check)
                table.append_constraint(CheckConstraint(check.sqltext, name=check.name))


async def compare(dsn: str, context: str) -> list[str]:
    """Migrate an empty database for one context, then compare it with the context's tables."""
    folder = FOLDER / context
    connection = await asyncpg.connect(dsn)
    await connection.execute(f'create schema if not exists "{context}"')
    await connection.close()
    if list(folder.glob("[0-9]*_*.py")):
        await migrate.migrate(dsn, FOLDER, [context])
    metadata = importlib.import_module(f"fenxiao.{context}.tables").METADATA
    lift_checks(metadata)

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(dsn)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=pool.NullPool)
    try:
        async with engine.begin() as sync:
            return await sync.run_sync(differences, metadata)
    finally:
        await engine.dispose()


def main() -> None:
    """Compare, and write the revision if there is a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("context")
    parser.add_argument("name")
    given = parser.parse_args()
    folder = FOLDER / given.context
    folder.mkdir(exist_ok=True)
    if given.name == "initial":
        for old in folder.glob("0001_*.py"):
            old.unlink()
    with (
        tempfile.TemporaryDirectory() as scratch,
        embedded.running(Path(scratch), options={"fsync": "off"}) as dsn,
    ):
        body = asyncio.run(compare(dsn, given.context))
    if not body:
        print("no difference")  # noqa: T201 - a tool for people
        return
    last = migrate.newest(folder) if list(folder.glob("[0-9]*_*.py")) else None
    revision = f"{int(last or 0) + 1:04d}"
    path = folder / f"{revision}_{given.name.replace(' ', '_')}.py"
    path.write_text(
        HEAD.format(
            title=f"{given.context}: {given.name}",
            revision=revision,
            down=repr(last),
            body="\n".join(body).strip(),
        )
    )
    for tidy in (("check", "--fix", "--quiet"), ("format", "--quiet")):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, path], check=True)
    print(f"wrote {path.relative_to(FOLDER.parent)}")  # noqa: T201


if __name__ == "__main__":
    main()
