"""How a context reaches its schema, and how a server that has gone away shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from fenxiao.kernel.errors import Unavailable

GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)
"""What a connection raises when the server has gone away or is not up yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a context reaches its schema: server, schema, the role to act as (None: the server's own user)."""

    dsn: str
    schema: str
    role: str | None = None
    max_connections: int = 6
    snapshot: str | None = None
    """An exported snapshot: every connection then reads that one state and can write nothing."""
    embedded: bool = False
    """Whether the server's processes are of this machine, started by us."""
    one_server: bool = False
    """Whether all contexts have the same server. What one commits is then on the disk before what another commits
    later, so whatever would be done again after a crash need not wait for the disk itself."""


async def connect(access: Access, **settings: str) -> asyncpg.Connection:
    """One connection outside any pool (a relay's lock, a listener), under the context's role."""
    try:
        connection = await asyncpg.connect(access.dsn, server_settings=session(access) | settings, timeout=10)
    except GONE as error:
        raise Unavailable from error
    await prepare(connection)
    return connection


def session(access: Access) -> dict[str, str]:
    """The settings of a session under the context's role, in its schema."""
    settings = {
        "search_path": access.schema,
        "timezone": "UTC",
        "application_name": f"fenxiao {access.schema}",
    }
    return settings if access.role is None else settings | {"role": access.role}


async def prepare(connection: asyncpg.Connection) -> None:
    """Read and write JSON as values."""
    encode: Callable[[Any], str] = lambda value: msgspec.json.encode(value).decode()  # noqa: E731
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, encoder=encode, decoder=msgspec.json.decode, schema="pg_catalog"
        )


def lost(connection: Any) -> bool:
    """Whether the server has gone away under a pooled connection."""
    try:
        closed: bool = connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool takes a dead connection back by itself; what we hold is then an empty shell.
        return True
    return closed
