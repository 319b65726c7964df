"""The outbox: events are rows of the transaction that caused them.

A relay selects what is unpublished (never "seq greater than the last": a late committer would be
skipped), publishes outside any transaction, and marks only after the bus has confirmed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from fenxiao.kernel.events import Envelope, Event

_INSERT = """
insert into outbox (event_id, type, subject, time, data, actor)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[], $6::text[])
"""


async def write(
    connection: asyncpg.Connection,
    events: Sequence[tuple[Event, datetime | None]],
    *,
    now: datetime,
    actor: str,
) -> None:
    """Write a transaction's events in the order in which they were emitted."""
    await connection.execute(
        _INSERT,
        [uuid4() for _ in events],
        [event.type for event, _ in events],
        [event.subject() for event, _ in events],
        [at or now for _, at in events],
        [msgspec.to_builtins(event) for event, _ in events],
        [actor] * len(events),
    )


async def unpublished(
    connection: asyncpg.Connection, source: str, limit: int
) -> tuple[list[int], list[Envelope]]:
    """The oldest events that no bus has confirmed yet, with their row numbers."""
    rows = await connection.fetch(
        "select seq, event_id, type, subject, time, data, actor from outbox"
        " where published_at is null order by seq limit $1",
        limit,
    )
    return [row["seq"] for row in rows], [_envelope(row, source) for row in rows]


async def mark(connection: asyncpg.Connection, rows: Sequence[int], now: datetime) -> None:
    """The bus has confirmed these rows."""
    await connection.execute("update outbox set published_at = $2 where seq = any($1::bigint[])", rows, now)


async def forget(connection: asyncpg.Connection, before: datetime) -> int:
    """Delete published rows older than a moment; the number of rows deleted."""
    tag = await connection.execute("delete from outbox where published_at < $1", before)
    return int(tag.rsplit(" ", 1)[1])


def _envelope(row: Any, source: str) -> Envelope:
    event_id: UUID = row["event_id"]
    return Envelope(
        id=event_id,
        source=source,
        type=row["type"],
        subject=row["subject"],
        time=row["time"],
        data=row["data"],
        actor=row["actor"],
    )
