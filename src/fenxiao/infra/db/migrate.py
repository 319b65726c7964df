"""Migrations and rights: each context's schema is brought to its newest revision, each role to its own rights.

Revisions live in `migrations/<context>/` and are applied by Alembic under the owner's role. Service roles
may use their own schema only; tables marked append-only give them no UPDATE and no DELETE.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg

from fenxiao.infra.db import locks
from fenxiao.infra.db.tables import APPEND_ONLY

ROLE_PREFIX = "fenxiao_"
_AGAIN = 0.05
"""Seconds between two looks whether another process has finished migrating."""


class MigrationFault(Exception):  # noqa: N818 - said to the operator as it is
    """The schemas cannot be brought to this version; the message says what to do."""


def role_of(schema: str) -> str:
    """The name of a context's database role."""
    return ROLE_PREFIX + schema


def newest(folder: Path) -> str:
    """The last revision in a context's folder; revisions are numbered files `0001_initial.py`."""
    return max(file.name.partition("_")[0] for file in folder.glob("[0-9]*_*.py"))


async def present(connection: asyncpg.Connection, schemas: Sequence[str]) -> dict[str, str]:
    """The revision at which each schema stands; schemas that do not exist yet are left out."""
    rows = await connection.fetch(
        "select n.nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relname = 'alembic_version' and n.nspname = any($1::text[])",
        list(schemas),
    )
    return {
        row["schema"]: await connection.fetchval(f'select version_num from "{row["schema"]}".alembic_version')
        for row in rows
    }


async def migrate(dsn: str, folder: Path, schemas: Sequence[str]) -> tuple[list[str], bool]:
    """Bring every schema up; answers the schemas that moved, and whether each context has a role of its own.

    Safe to call from several processes at once. Where the user may not create roles, one role serves all.
    """
    try:
        owner = await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        message = (
            f"PostgreSQL cannot be reached ({error}): check the address, user and password in DATABASE_URL."
        )
        raise MigrationFault(message) from error
    try:
        # Asked again and again instead of waited for: a statement that waits holds a snapshot, and an index that
        # is built concurrently waits for all snapshots.
        while not await locks.try_session(owner, "fenxiao migrate"):  # noqa: ASYNC110 - another process sets no Event
            await asyncio.sleep(_AGAIN)
        standing = await present(owner, schemas)
        ahead = [schema for schema in schemas if standing.get(schema, "") > newest(folder / schema)]
        if ahead:
            message = (
                f"the data was written by a newer version of Fenxiao (schema {ahead[0]} is at {standing[ahead[0]]}):"
                " start that version, or point FENXIAO_DATA_DIR at another folder."
            )
            raise MigrationFault(message)
        behind = [schema for schema in schemas if standing.get(schema) != newest(folder / schema)]
        may_create = await owner.fetchval(
            "select rolcreaterole or rolsuper from pg_roles where rolname = current_user"
        )
        # Looked at apart: who was killed between the two has the schema and not yet its rights.
        bare = await _without_rights(owner, folder, schemas) if may_create else []
        if behind:
            from fenxiao.infra.db.upgrade import upgrade  # noqa: PLC0415 - Alembic costs every start 0.2 s to import

            for schema in behind:
                await owner.execute(f'create schema if not exists "{schema}"')
            await upgrade(dsn, folder, behind)
        for schema in bare:
            await _create_role(owner, role_of(schema))
            async with owner.transaction():
                await _grant(owner, schema)
                await owner.execute(f"comment on schema \"{schema}\" is '{_mark(folder / schema)}'")
        return behind, bool(may_create)
    finally:
        await owner.close()


def _mark(folder: Path) -> str:
    """What stands on a schema whose role has its rights, written in the transaction that gave them."""
    return f"rights as of revision {newest(folder)}"


async def _without_rights(owner: asyncpg.Connection, folder: Path, schemas: Sequence[str]) -> list[str]:
    """The schemas whose role does not have the rights of the newest revision, or is not there, as after a restore."""
    rows = await owner.fetch(
        "select n.nspname as schema, obj_description(n.oid, 'pg_namespace') as mark"
        " from pg_namespace n join pg_roles r on r.rolname = $2 || n.nspname where n.nspname = any($1::text[])",
        list(schemas),
        ROLE_PREFIX,
    )
    marks = {row["schema"]: row["mark"] for row in rows}
    return [schema for schema in schemas if marks.get(schema) != _mark(folder / schema)]


async def _grant(owner: asyncpg.Connection, schema: str) -> None:
    role = role_of(schema)
    await owner.execute(
        f"""
        revoke all on schema "{schema}" from public;
        grant usage on schema "{schema}" to {role};
        grant select, insert, update, delete on all tables in schema "{schema}" to {role};
        grant usage, select on all sequences in schema "{schema}" to {role};
        grant execute on all functions in schema "{schema}" to {role};
        revoke insert, update, delete on "{schema}".alembic_version from {role};
        """
    )
    for table in await _append_only(owner, schema):
        await owner.execute(f'revoke update, delete, truncate on "{schema}"."{table}" from {role}')


async def _create_role(owner: asyncpg.Connection, role: str) -> None:
    if not await owner.fetchval("select true from pg_roles where rolname = $1", role):
        # Roles belong to the whole server: another database's start may be quicker.
        with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await owner.execute(f"create role {role} nologin")
    superuser: Any = await owner.fetchval("select rolsuper from pg_roles where rolname = current_user")
    if not superuser:
        await owner.execute(f"grant {role} to current_user")


async def _append_only(owner: asyncpg.Connection, schema: str) -> list[str]:
    rows = await owner.fetch(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_description d on d.objoid = c.oid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass"
        " where n.nspname = $1 and c.relkind = 'r' and d.description like $2",
        schema,
        APPEND_ONLY + "%",
    )
    return [row["relname"] for row in rows]
