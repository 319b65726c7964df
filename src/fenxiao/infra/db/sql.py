"""One way to run both plain SQL and SQLAlchemy Core statements on an asyncpg connection.

Hot statements are plain text with `$1` and stay prepared; statements with optional filters are built
with Core and compiled here. Both travel on the same connection and so in the same transaction.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as dialect_module
from sqlalchemy.sql import ClauseElement


class Varying(str):
    """Plain SQL put together from filters: planned for its arguments each time, as statements of Core are."""

    __slots__ = ()


Query = str | ClauseElement
Record = asyncpg.Record
_DIALECT = dialect_module.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


UNHURRIED = "(select set_config('synchronous_commit', 'off', true)) = 'off'"
"""A condition that always holds and lets the statement's transaction commit without waiting for the disk.

For what would only be done again if a crash took it. Nothing that was committed before it, on the same server, can be
lost without it, and whoever commits behind it and waits for the disk has it there too.
"""


class Reader(Protocol):
    """Whatever can answer a query: a database (a connection per question) or a transaction."""

    async def fetch(self, query: Query, *args: Any) -> list[Record]:
        """All rows."""

    async def fetchrow(self, query: Query, *args: Any) -> Record | None:
        """The first row, if any."""

    async def fetchval(self, query: Query, *args: Any) -> Any:
        """The first column of the first row, None if there is no row."""


class Session(Protocol):
    """Whatever runs plain statements on one connection: a transaction, or a raw connection of infra's own."""

    async def fetch(self, query: str, *args: Any) -> list[Record]:
        """All rows."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; answers PostgreSQL's command tag."""


def compiled(query: Query, args: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """The text and the positional arguments that asyncpg wants."""
    if isinstance(query, str):
        # asyncpg wants a str itself, no descendant.
        return str(query), args
    statement = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    # The only way to the dialect's own conversions; SQLAlchemy's connections take the same.
    processors = statement._bind_processors  # type: ignore[attr-defined]  # noqa: SLF001
    params = statement.params
    values = []
    for name in statement.positiontup or ():  # type: ignore[attr-defined]
        value = params[name]
        process = processors.get(name)
        values.append(process(value) if process else value)
    return str(statement), values
