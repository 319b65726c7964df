"""Forgetting what every schema keeps for a while: delivered events with their marks, and answers of idempotency keys.

Each is deleted a few rows at a time, in transactions of their own; a run that was killed leaves less to the next one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from fenxiao.infra.db.database import Database

CHUNK = 2000
"""Rows of one transaction, so that nobody waits for long."""
LATE = timedelta(days=1)
"""A mark stays so much longer than its event: the event must be gone before."""


async def forget(
    db: Database, name: str, *, consumers: Iterable[str], events_days: int, keys_days: int
) -> int:
    """Delete what schema `name` has kept for long enough; how many rows. What waits, or was set aside, is never deleted."""
    now = db.clock()
    old = now - timedelta(days=events_days)
    gone = {
        "events": await _events(db, old),
        "marks": sum([await _marks(db, one, old - LATE) for one in consumers]),
        "keys": await _keys(db, now - timedelta(days=keys_days)),
    }
    count = sum(gone.values())
    if count:
        async with db.begin() as tx:
            tx.audit("retention.applied", name, after=gone)
    return count


async def _events(db: Database, before: datetime) -> int:
    return await _in_chunks(
        db,
        "delete from outbox where seq in (select seq from outbox where published_at < $2"
        " order by published_at limit $1)",
        before,
    )


async def _marks(db: Database, consumer: str, before: datetime) -> int:
    # Event ids begin with the time at which they were made, so the old ones stand together in the primary key.
    first = UUID(int=int(before.timestamp() * 1000) << 80)
    return await _in_chunks(
        db,
        "delete from inbox where consumer = $2 and event_id in (select event_id from inbox where consumer = $2"
        " and event_id < $3 and state = 'done' and received_at < $4 order by event_id limit $1)",
        consumer,
        first,
        before,
    )


async def _in_chunks(db: Database, statement: str, *args: object) -> int:
    """Run a deletion of at most $1 rows until there are no more; how many rows there were."""
    total = 0
    while True:
        async with db.begin() as tx:
            tag = await tx.execute(statement, CHUNK, *args)
        total += (count := int(tag.rsplit(" ", 1)[1]))
        if count < CHUNK:
            return total


async def _keys(db: Database, before: datetime) -> int:
    """Keys are walked in the order of their primary key: an index by time would cost every order that is placed."""
    total, last = 0, ("", "")
    while True:
        async with db.begin() as tx:
            rows = await tx.fetch(
                "select account, key, created_at < $3 as old from idempotency where (account, key) > ($1, $2)"
                " order by account, key limit $4",
                *last,
                before,
                CHUNK,
            )
            old = [row for row in rows if row["old"]]
            await tx.execute(
                "delete from idempotency where (account, key) in (select * from unnest($1::text[], $2::text[]))",
                [row["account"] for row in old],
                [row["key"] for row in old],
            )
        total += len(old)
        if len(rows) < CHUNK:
            return total
        last = (rows[-1]["account"], rows[-1]["key"])
