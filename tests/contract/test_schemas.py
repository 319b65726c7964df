"""The database as it is promised: migrations make exactly our tables, and each context's role sees its own schema only."""

import asyncio
import importlib
import re
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import MIGRATIONS, Server

from fenxiao.entrypoints.compose import CONTEXTS
from fenxiao.infra.db import migrate
from fenxiao.infra.db.connections import Access, connect
from fenxiao.infra.db.tables import APPEND_ONLY

sys.path.insert(0, str(MIGRATIONS))
draft = importlib.import_module("draft")


@pytest.mark.parametrize("context", CONTEXTS)
async def test_the_migrations_make_exactly_the_tables_of_the_code(context: str, dsn: str) -> None:
    assert await draft.compare(dsn, context) == []


@pytest.mark.parametrize("context", CONTEXTS)
async def test_a_role_reads_its_own_schema_and_is_refused_every_other(context: str, dsn: str) -> None:
    connection = await connect(Access(dsn=dsn, schema=context, role=migrate.role_of(context)))
    try:
        for other in CONTEXTS:
            tables = [
                table.name
                for table in importlib.import_module(f"fenxiao.{other}.tables").METADATA.sorted_tables
            ]
            assert tables
            for table in tables:
                question = connection.fetchval(f'select count(*) from "{other}"."{table}"')
                if other == context:
                    await question
                else:
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await question
    finally:
        await connection.close()


@pytest.mark.parametrize("context", CONTEXTS)
async def test_a_role_can_neither_make_tables_nor_become_the_owner(context: str, dsn: str) -> None:
    connection = await connect(Access(dsn=dsn, schema=context, role=migrate.role_of(context)))
    try:
        for statement in (
            f"create table {context}.mine (id int)",
            "create schema mine",
            "create table public.mine (id int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


APPEND_ONLY_TABLES = [
    (context, table.name)
    for context in CONTEXTS
    for table in importlib.import_module(f"fenxiao.{context}.tables").METADATA.sorted_tables
    if (table.comment or "").startswith(APPEND_ONLY)
]


def test_the_books_are_among_the_append_only_tables() -> None:
    assert {("commission", "posting"), ("catalog", "stock_movement"), ("identity", "audit_log")} <= set(
        APPEND_ONLY_TABLES
    )


@pytest.mark.parametrize(("context", "table"), APPEND_ONLY_TABLES)
async def test_an_append_only_table_cannot_be_changed_by_its_service(
    context: str, table: str, dsn: str
) -> None:
    connection = await connect(Access(dsn=dsn, schema=context, role=migrate.role_of(context)))
    try:
        column = await connection.fetchval(
            "select attname from pg_attribute where attrelid = $1::text::regclass and attnum = 1",
            f"{context}.{table}",
        )
        for statement in (
            f"delete from {table}",
            f"update {table} set {column} = {column}",
            f"truncate {table}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_migrating_twice_or_from_two_processes_at_once_does_it_once(server: Server) -> None:
    owner = await asyncpg.connect(server.dsn)
    await owner.execute("create database migrated_twice")
    try:
        dsn = server.database("migrated_twice")
        outcomes = await asyncio.gather(*(migrate.migrate(dsn, MIGRATIONS, CONTEXTS) for _ in range(3)))
        assert sorted(outcomes, key=lambda outcome: len(outcome[0])) == [
            ([], True),
            ([], True),
            (list(CONTEXTS), True),
        ]
    finally:
        await owner.execute("drop database migrated_twice with (force)")
        await owner.close()


async def test_whoever_was_killed_between_the_tables_and_their_rights_is_followed_by_one_who_gives_them(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    async def killed(_: asyncpg.Connection, schema: str) -> list[str]:
        # In the middle of the rights of the third: what everybody may is granted, what nobody may not yet taken back.
        if schema == CONTEXTS[2]:
            raise Killed
        return []

    owner = await asyncpg.connect(server.dsn)
    await owner.execute("create database bare")
    dsn = server.database("bare")
    there = await asyncpg.connect(dsn)
    may = "select has_schema_privilege($1, $2, 'usage')"
    try:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(migrate, "_append_only", killed)
            await migrate.migrate(dsn, MIGRATIONS, CONTEXTS)
        usable = [schema for schema in CONTEXTS if await there.fetchval(may, migrate.role_of(schema), schema)]
        assert usable == list(CONTEXTS[:2])
        assert await migrate.migrate(dsn, MIGRATIONS, CONTEXTS) == ([], True)
        for schema in CONTEXTS:
            assert await there.fetchval(may, migrate.role_of(schema), schema)
        update = "select has_table_privilege('fenxiao_commission', 'commission.posting', $1)"
        assert [await there.fetchval(update, right) for right in ("insert", "update", "delete")] == [
            True,
            False,
            False,
        ]
    finally:
        await there.close()
        await owner.execute("drop database bare with (force)")
        await owner.close()


async def test_data_of_a_newer_version_is_left_alone(dsn: str, owner: asyncpg.Connection) -> None:
    await owner.execute("update rules.alembic_version set version_num = '9999'")
    with pytest.raises(migrate.MigrationFault, match="newer version"):
        await migrate.migrate(dsn, MIGRATIONS, CONTEXTS)


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_statements_of_a_migration_pass_the_linter(context: str, tmp_path: Path) -> None:
    """Later revisions must not lock a table that is in use; a first one makes tables that nobody uses yet."""
    later = [
        file
        for file in sorted((MIGRATIONS / context).glob("[0-9]*_*.py"))
        if not file.name.startswith("0001")
    ]
    for file in later:
        statements = tmp_path / f"{file.stem}.sql"
        statements.write_text(
            "\n".join(re.findall(r'op\.execute\(\s*"""(.*?)"""', file.read_text(), re.DOTALL))
        )
        subprocess.run([Path(sys.executable).with_name("squawk"), statements], check=True)
