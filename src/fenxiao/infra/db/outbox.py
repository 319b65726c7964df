"""The outbox: events are rows of the transaction that caused them.

A relay selects what is unpublished (never "seq greater than the last": a late committer would be
skipped), publishes outside any transaction, and marks only after the bus has confirmed.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import UNHURRIED
from fenxiao.kernel.events import Envelope, Event

Emitted = tuple[Event, datetime | None, str | None]
"""An event, the time of the past fact that it tells of, and who did it where that is not the context's actor."""


def insertion(first: int) -> str:
    """The insert of events; its parameters, from number `first` on, are `columns`."""
    kinds = ("uuid", "text", "text", "timestamptz", "text", "text")
    unnested = ", ".join(f"${place}::text::{kind}[]" for place, kind in enumerate(kinds, first))
    return (
        "insert into outbox (event_id, type, subject, time, data, actor)"
        " select event_id, type, subject, time, data::jsonb, actor"
        f" from unnest({unnested}) as t(event_id, type, subject, time, data, actor)"
    )


def columns(events: Sequence[Emitted], *, now: datetime, actor: str) -> list[str]:
    """The events in the order in which they were emitted; `actor` did those that name nobody."""
    return [
        arrays.numbers(_ids(len(events), now)),
        arrays.texts([event.type for event, _, _ in events]),
        arrays.texts([event.subject() for event, _, _ in events]),
        arrays.times([at or now for _, at, _ in events]),
        arrays.texts([msgspec.json.encode(event).decode() for event, _, _ in events]),
        arrays.texts([own or actor for _, _, own in events]),
    ]


def _ids(count: int, now: datetime) -> list[str]:
    """Fresh UUIDs of version 7 (RFC 9562, 5.7), ascending up to 4,096.

    What is written together then stands together in the indexes of every inbox; random ones would touch a page each.
    """
    moment, noise = f"{int(now.timestamp() * 1000):012x}", os.urandom(8 * count).hex()
    head = f"{moment[:8]}-{moment[8:]}-7"
    parts = [noise[start : start + 16] for start in range(0, 16 * count, 16)]
    return [
        f"{head}{place & 0xFFF:03x}-{'89ab'[int(part[0], 16) & 3]}{part[1:4]}-{part[4:]}"
        for place, part in enumerate(parts)
    ]


_INSERT = insertion(1)
_MARK = f"update outbox set published_at = $2 where seq = any($1::bigint[]) and {UNHURRIED}"


async def write(
    connection: asyncpg.Connection, events: Sequence[Emitted], *, now: datetime, actor: str
) -> None:
    """Write a transaction's events."""
    await connection.execute(_INSERT, *columns(events, now=now, actor=actor))


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
    """The bus has confirmed these rows. A mark that a crash takes is made again: every inbox knows its events."""
    await connection.execute(_MARK, rows, now)


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
