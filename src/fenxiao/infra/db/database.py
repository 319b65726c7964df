"""A context's database: its own pool, under its own role, with its own schema in the search path."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from fenxiao.infra import context
from fenxiao.infra.db import idempotency, inbox, outbox, patience
from fenxiao.infra.db.connections import GONE, Access, lost, prepare, session
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.kept import Kept
from fenxiao.infra.db.sql import Query, Record, compiled
from fenxiao.infra.db.transaction import Transaction, in_transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import Refusal, Unavailable


class _Connection(asyncpg.Connection):
    """A pooled connection that is not reset between uses: nothing here leaves session state behind."""

    def get_reset_query(self) -> str:
        return ""


class _SnapshotConnection(_Connection):
    """A pooled connection that stays in the one transaction that reads the snapshot."""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own signature
        """Nothing: asyncpg would roll the transaction back, and with it the view on the snapshot."""


JOBS_AT_ONCE = 2
"""Jobs of one context that run in one process at the same time; the others wait for their turn."""


class Database:
    """A pool, and one for work that can wait. Reads take a connection per question; writes go through `begin`."""

    def __init__(self, pool: asyncpg.Pool, patient: asyncpg.Pool, access: Access, clock: Clock) -> None:
        self._pool, self._patient = pool, patient
        self._kept = Kept(access)
        self.access = access
        self.clock = clock
        # A job holds a connection for its lock and needs another for its work. With the relay's and the waker's, as many
        # jobs as there are connections would wait for each other for ever.
        self.turns = asyncio.Semaphore(JOBS_AT_ONCE)
        self.emitted = asyncio.Event()
        """Set when a transaction with events has committed; the schema's waker waits for it."""

    @property
    def schema(self) -> str:
        """The name of the schema, which is the context's."""
        return self.access.schema

    async def close(self) -> None:
        """Give all connections back to the server."""
        await self._kept.close()
        await self._pool.close()
        await self._patient.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A raw connection, for infra only; a lost server becomes `Unavailable`."""
        pool = self._patient if patience.patient() else self._pool
        try:
            async with pool.acquire() as connection:
                try:
                    yield cast("asyncpg.Connection", connection)
                except asyncpg.InternalClientError as error:
                    # The server's last word was a fatal error, and the rollback that followed found no one to talk to.
                    connection.terminate()
                    raise Unavailable from error
                except asyncpg.InterfaceError as error:
                    # The same class says "the connection is closed" and "this call is wrong"; only the first will pass.
                    if lost(connection):
                        raise Unavailable from error
                    raise
        except GONE as error:
            raise Unavailable from error

    async def fetch(self, query: Query, *args: Any) -> list[Record]:
        """All rows of a query on a connection of its own."""
        text, values = compiled(query, args)
        async with self.connection() as connection:
            if type(query) is str:
                return await connection.fetch(text, *values)
            return await (await _unnamed(connection, text)).fetch(*values)

    async def fetchrow(self, query: Query, *args: Any) -> Record | None:
        """The first row, if any."""
        text, values = compiled(query, args)
        async with self.connection() as connection:
            if type(query) is str:
                return await connection.fetchrow(text, *values)
            return await (await _unnamed(connection, text)).fetchrow(*values)

    async def fetchval(self, query: Query, *args: Any) -> Any:
        """The first column of the first row."""
        text, values = compiled(query, args)
        async with self.connection() as connection:
            if type(query) is str:
                return await connection.fetchval(text, *values)
            return await (await _unnamed(connection, text)).fetchval(*values)

    async def often(self, statement: str, *args: Any) -> list[Record]:
        """All rows of a plain statement that comes with every order: on a kept connection, by one plan for all arguments."""
        if self._kept.busy or self.access.snapshot is not None or patience.patient():
            return await self.fetch(statement, *args)
        return await self._kept.fetch(statement, *args)

    async def alone(self, statement: str, *args: Any, emits: bool = False) -> list[Record]:
        """A unit of work that is one plain statement: committed, with all that it writes, when this returns.

        One journey to the server instead of three, made as `often`. The statement writes its events itself
        (`outbox.insertion`) and the caller says so by `emits`.
        """
        _refuse_nesting()
        rows = await self.often(statement, *args)
        if emits:
            self.emitted.set()
        return rows

    @asynccontextmanager
    async def begin(self, *, once: Once | Delivery | None = None) -> AsyncIterator[Transaction]:
        """The unit of work: commits when the block ends, rolls back if it raises.

        With an idempotency key, `tx.prior` carries the earlier answer if there is one (then write nothing
        and return `tx.prior.load(…)`); otherwise finish with `tx.keep(answer)`. With a delivery, `tx.fresh`
        holds the events that this consumer has not dealt with yet. Nesting and port calls inside raise.
        """
        _refuse_nesting()
        async with self.connection() as connection:
            token = in_transaction.set(True)
            try:
                async with connection.transaction():
                    tx = Transaction(connection)
                    await self._open(tx, connection, once)
                    yield tx
                    await self._finish(tx, connection, once)
            finally:
                in_transaction.reset(token)
        if tx.pending.events:
            self.emitted.set()

    async def _open(
        self, tx: Transaction, connection: asyncpg.Connection, once: Once | Delivery | None
    ) -> None:
        if isinstance(once, Delivery):
            tx.fresh = await inbox.take(connection, once, self.clock(), one_server=self.access.one_server)
        elif once is not None:
            (claim,) = await idempotency.claim(connection, [once])
            if isinstance(claim, Refusal):
                raise claim
            tx.prior = claim
            context.current().replayed |= claim is not None

    async def _finish(
        self, tx: Transaction, connection: asyncpg.Connection, once: Once | Delivery | None
    ) -> None:
        pending = tx.pending
        if isinstance(once, Once) and tx.prior is None and pending.answers:
            await idempotency.keep(connection, [(once, pending.answers[-1])])
        if pending.events:
            await outbox.write(connection, pending.events, now=self.clock(), actor=context.current().actor)


def _refuse_nesting() -> None:
    if in_transaction.get():
        message = "a transaction inside a transaction: a use case has one transaction"
        raise RuntimeError(message)


async def _unnamed(connection: asyncpg.Connection, text: str) -> PreparedStatement:
    """A statement with filters that vary: it is planned for its arguments each time and kept by nobody.

    A plan for whatever arguments come, as PostgreSQL makes of what stays prepared, is wrong for a list where some
    values are rare and others common; and each combination of filters would push a hot statement out of the cache.
    """
    return await connection.prepare(text, name="")


async def open_database(access: Access, *, clock: Clock = lambda: datetime.now(UTC)) -> Database:
    """Open a context's pools."""
    try:
        pool, patient = await _pool(access, patient=False), await _pool(access, patient=True)
    except GONE as error:
        raise Unavailable from error
    return Database(pool, patient, access, clock)


async def _pool(access: Access, *, patient: bool) -> asyncpg.Pool:
    async def init(connection: asyncpg.Connection) -> None:
        await prepare(connection)
        if patient and access.embedded:
            patience.lower(connection)
        if access.snapshot is not None:
            await connection.execute("begin isolation level repeatable read read only")
            await connection.execute(f"set transaction snapshot '{access.snapshot}'")

    return await asyncpg.create_pool(
        access.dsn,
        # The first connection is made when somebody asks: a process, and a test, that leaves a context alone
        # does not connect for it.
        min_size=0,
        max_size=access.max_connections,
        server_settings=session(access),
        init=init,
        connection_class=_SnapshotConnection if access.snapshot else _Connection,
        max_inactive_connection_lifetime=0 if access.snapshot else 30 if patient else 300,
    )
