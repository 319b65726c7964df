"""What must hold of the rows, as questions that answer what does not."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A delivery whose state and whose log of attempts do not go together."""

    delivery_id: int
    state: str
    attempts: int
    successes: int


async def contradictions_after(
    reader: Reader, delivery_id: int, limit: int
) -> tuple[int | None, list[Contradiction]]:
    """Looks at the next deliveries: the last one looked at (None at the end), and those that contradict themselves."""
    rows = await reader.fetch(
        "select d.delivery_id, d.state, count(a.attempt_id) as attempts,"
        "  count(*) filter (where a.attempt_id is not null and a.fault is null) as successes"
        " from (select delivery_id, state from delivery where delivery_id > $1 order by delivery_id limit $2) d"
        " left join attempt a using (delivery_id) group by d.delivery_id, d.state order by d.delivery_id",
        delivery_id,
        limit,
    )
    wrong = [
        Contradiction(**row) for row in rows if not _fits(row["state"], row["attempts"], row["successes"])
    ]
    return (rows[-1]["delivery_id"] if len(rows) == limit else None), wrong


def _fits(state: str, attempts: int, successes: int) -> bool:
    """A delivered one has arrived, a dead one was tried; what is pending may have arrived before, if sent again."""
    if state == "delivered":
        return successes > 0
    return state == "pending" or attempts > 0


async def overdue(reader: Reader, before: datetime, limit: int) -> list[tuple[int, datetime]]:
    """Deliveries of enabled webhooks that nobody has tried although they were due long ago, oldest first."""
    rows = await reader.fetch(
        "select d.delivery_id, d.due_at from delivery d join webhook w using (webhook_id)"
        " where d.state = 'pending' and d.due_at < $1 and w.state = 'enabled' order by d.due_at, d.delivery_id limit $2",
        before,
        limit,
    )
    return [(row["delivery_id"], row["due_at"]) for row in rows]


async def secrets(reader: Reader) -> list[tuple[int, int | None, bytes | None]]:
    """Each webhook with each of its secrets; one without a present secret stands there with None."""
    rows = await reader.fetch(
        "select w.webhook_id, s.webhook_secret_id, s.secret_sealed from webhook w"
        " left join webhook_secret s on s.webhook_id = w.webhook_id and s.expires_at is null"
        " where w.state <> 'deleted' union all"
        " select w.webhook_id, s.webhook_secret_id, s.secret_sealed from webhook w join webhook_secret s using (webhook_id)"
        " where w.state <> 'deleted' and s.expires_at is not null order by 1, 2"
    )
    return [(row["webhook_id"], row["webhook_secret_id"], row["secret_sealed"]) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What has not gone out: deliveries of enabled webhooks, the oldest due time among them, e-mails."""

    deliveries: int
    due_since: datetime | None
    mails: int


async def waiting(reader: Reader) -> Waiting:
    """Counts what waits; the partial indexes hold nothing else."""
    row = await reader.fetchrow(
        "select count(*) as deliveries, min(d.due_at) as due_since,"
        " (select count(*) from mail where state = 'pending') as mails"
        " from delivery d join webhook w using (webhook_id) where d.state = 'pending' and w.state = 'enabled'"
    )
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return Waiting(**row)
