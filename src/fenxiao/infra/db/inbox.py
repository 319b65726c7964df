"""The inbox: which consumer has dealt with which event, written in the consumer's own transaction.

An event that a consumer cannot digest is parked here with its error; it is counted, alarmed and
replayed, never dropped, and the events behind it go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import UNHURRIED
from fenxiao.kernel.events import Envelope

MAX_ATTEMPTS = 12
"""After so many replays an event waits for a person."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch of events for one consumer; `begin(once=delivery)` makes it happen once."""

    consumer: str
    envelopes: tuple[Envelope, ...]


_TAKE = """
insert into inbox as i (consumer, event_id, state, received_at)
select $1, e, 'done', $3 from unnest($2::text::uuid[]) as e where {} order by e
on conflict (consumer, event_id) do update set state = 'done', received_at = $3, error = null
  where i.state = 'parked'
returning event_id
"""


async def take(
    connection: asyncpg.Connection, delivery: Delivery, now: datetime, *, one_server: bool
) -> tuple[Envelope, ...]:
    """Mark the batch as dealt with; answers only the events that were not dealt with before.

    With `one_server`, where the outbox that these come from is on the same server, the transaction does not wait for
    the disk: a crash that takes it takes the mark in that outbox, which is made later, too, and they come again.
    """
    rows = await connection.fetch(
        _TAKE.format(UNHURRIED if one_server else "true"),
        delivery.consumer,
        arrays.numbers(envelope.id for envelope in delivery.envelopes),
        now,
    )
    if len(rows) == len(delivery.envelopes):
        return delivery.envelopes
    new = {row["event_id"] for row in rows}
    return tuple(envelope for envelope in delivery.envelopes if envelope.id in new)


async def park(
    connection: asyncpg.Connection, consumer: str, envelope: Envelope, error: str, now: datetime
) -> None:
    """Set an event aside with the reason; the next attempt comes later each time (2ⁿ seconds, at most an hour)."""
    # One statement: a kill between a mark and its next attempt would leave an event that never comes up again.
    await connection.execute(
        """
        insert into inbox as i (consumer, event_id, state, received_at, error, envelope, attempts, next_attempt_at)
        values ($1, $2, 'parked', $3, $4, $5, 1, $3::timestamptz + interval '2 seconds')
        on conflict (consumer, event_id) do update set error = $4, received_at = $3, attempts = i.attempts + 1,
          next_attempt_at = $3::timestamptz + least(2 ^ (i.attempts + 1), 3600) * interval '1 second'
          where i.state = 'parked'
        """,
        consumer,
        envelope.id,
        now,
        error[:2000],
        msgspec.to_builtins(envelope),
    )


async def due(
    connection: asyncpg.Connection, now: datetime, limit: int = 100
) -> Sequence[tuple[str, Envelope]]:
    """Parked events whose next attempt has come."""
    rows = await connection.fetch(
        "select consumer, envelope from inbox where state = 'parked' and next_attempt_at <= $1 and attempts < $2"
        " order by next_attempt_at limit $3",
        now,
        MAX_ATTEMPTS,
        limit,
    )
    return [(row["consumer"], msgspec.convert(row["envelope"], Envelope)) for row in rows]


async def parked(connection: asyncpg.Connection) -> int:
    """How many events wait for another attempt or for a person."""
    count: int = await connection.fetchval("select count(*) from inbox where state = 'parked'")
    return count
