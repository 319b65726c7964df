"""Kept connections: for the few statements that every order makes.

Taking a connection from a pool and giving it back costs the server's process about as much as such a statement, and
planning it anew for its arguments, which PostgreSQL does for as long as it believes that to be cheaper, costs the
database more than running it. So these have connections of their own, each with one plan for whatever arguments come.
"""

from typing import Any

import asyncpg

from fenxiao.infra.db.connections import GONE, Access, connect
from fenxiao.infra.db.sql import Record
from fenxiao.kernel.errors import Unavailable

MOST = 4
"""How many statements are under way at a time; whoever comes behind them takes a connection from the pool."""

_SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    # One plan for whatever comes is made when the tables may still be empty, and it stays while they fill. Each of these
    # statements (and each check of a foreign key behind them) finds its rows by a key, so a plan that reads a whole table
    # is wrong for all of them, however small the table was.
    "enable_seqscan": "off",
}


class Kept:
    """A few connections that are opened when they are first needed and stay."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._free: list[asyncpg.Connection] = []
        self._under_way = 0

    @property
    def busy(self) -> bool:
        """Whether there is no room for another statement."""
        return self._under_way >= MOST

    async def fetch(self, statement: str, *args: Any) -> list[Record]:
        """All rows of one plain statement, which is a transaction of its own; `Unavailable` without a server."""
        self._under_way += 1
        try:
            connection = await self._connection()
            try:
                rows: list[Record] = await connection.fetch(statement, *args)
            except (*GONE, asyncpg.InternalClientError) as error:
                connection.terminate()
                raise Unavailable from error
            except asyncpg.PostgresError:
                self._free.append(connection)
                raise
            except BaseException as error:
                lost = connection.is_closed()
                # Nobody knows what is still under way on it.
                connection.terminate()
                if lost and isinstance(error, asyncpg.InterfaceError):
                    raise Unavailable from error
                raise
            self._free.append(connection)
            return rows
        finally:
            self._under_way -= 1

    async def _connection(self) -> asyncpg.Connection:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return await connect(self._access, **_SETTINGS)

    async def close(self) -> None:
        """Give the connections back to the server."""
        while self._free:
            await self._free.pop().close(timeout=2)
