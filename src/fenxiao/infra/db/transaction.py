"""The unit of work: one transaction with its events, its audit lines and its idempotency mark.

Rows, events and marks are written together or not at all. Nothing calls another context inside it:
`in_transaction` is set, and every guarded port refuses.
"""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
import msgspec

from fenxiao.infra.db.outbox import Emitted
from fenxiao.infra.db.sql import Query, Record, compiled
from fenxiao.kernel.events import Envelope, Event

in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prior:
    """The answer that the same key got before."""

    answer: bytes

    def load(self, kind: type[T]) -> T:
        """The stored answer as what the use case returns."""
        return msgspec.json.decode(self.answer, type=kind)


@dataclass(slots=True)
class Pending:
    """What a transaction will write in one go just before it commits."""

    events: list[Emitted] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)


class Transaction:
    """What a use case holds while it writes. Made by `Database.begin`, never directly."""

    __slots__ = ("_connection", "fresh", "pending", "prior")

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.pending = Pending()
        self.prior: Prior | None = None
        self.fresh: Sequence[Envelope] = ()

    async def fetch(self, query: Query, *args: Any) -> list[Record]:
        """All rows of a query."""
        text, values = compiled(query, args)
        return await self._connection.fetch(text, *values)

    async def fetchrow(self, query: Query, *args: Any) -> Record | None:
        """The first row, if any."""
        text, values = compiled(query, args)
        return await self._connection.fetchrow(text, *values)

    async def fetchval(self, query: Query, *args: Any) -> Any:
        """The first column of the first row."""
        text, values = compiled(query, args)
        return await self._connection.fetchval(text, *values)

    async def execute(self, query: Query, *args: Any) -> str:
        """Run a statement; answers PostgreSQL's command tag."""
        text, values = compiled(query, args)
        return await self._connection.execute(text, *values)

    async def executemany(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one plain statement for many rows in one round trip; prefer `unnest` for large sets."""
        await self._connection.executemany(query, rows)

    def emit(self, *events: Event, at: datetime | None = None, actor: str | None = None) -> None:
        """Publish what has happened; the events leave through the outbox of this transaction.

        `at` is the time of a past fact; without it the transaction's time counts. `actor` is who did it where the
        transaction does the work of several; without it the context's counts.
        """
        self.pending.events.extend((event, at, actor) for event in events)

    def audit(self, action: str, subject: str, *, before: Any = None, after: Any = None) -> None:
        """Record who changed what; values must already be masked. `identity` alone appends it to the log."""
        self.emit(AuditRecorded(action=action, about=subject, before=before, after=after))

    def keep(self, answer: T) -> T:
        """Keep the answer under the idempotency key that `begin` was given, and hand it on."""
        self.pending.answers.append(msgspec.json.encode(answer))
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecorded(Event):
    """审计: somebody changed something; before and after carry masked values only."""

    type = "audit.recorded"
    action: str
    about: str
    before: Any
    after: Any

    def subject(self) -> str:
        """The thing that was changed."""
        return self.about
