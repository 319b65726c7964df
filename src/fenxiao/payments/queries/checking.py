"""What must hold of the rows, as questions that answer what does not."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A transfer whose status does not rest on what was said, with the words that were."""

    payout_number: str
    status: str
    words: tuple[str, ...]


async def contradictions_after(
    reader: Reader, transfer_id: int, limit: int
) -> tuple[int | None, list[Contradiction]]:
    """Looks at the next transfers: the last one looked at (None at the end), and those that contradict themselves."""
    rows = await reader.fetch(
        "select t.transfer_id, t.payout_number, t.status,"
        " array_agg(distinct a.word) filter (where a.contradiction is null and a.word is not null) as words"
        " from (select transfer_id, payout_number, status from transfer where transfer_id > $1"
        "  order by transfer_id limit $2) t"
        " left join attempt a using (transfer_id) group by t.transfer_id, t.payout_number, t.status"
        " order by t.transfer_id",
        transfer_id,
        limit,
    )
    wrong = [
        Contradiction(
            payout_number=row["payout_number"], status=row["status"], words=tuple(row["words"] or ())
        )
        for row in rows
        if not _fits(row["status"], set(row["words"] or ()))
    ]
    return (rows[-1]["transfer_id"] if len(rows) == limit else None), wrong


def _fits(status: str, words: set[str]) -> bool:
    """A status is a word that was said; what nobody was told to send has none that ends it."""
    ends = words & {"paid", "failed"}
    if status in {"queued", "cancelled"}:
        return not ends
    return status in words and (status in {"paid", "failed"} or not ends)


async def paid_twice_after(
    reader: Reader, transfer_id: int, limit: int
) -> tuple[int | None, list[tuple[str, list[str]]]]:
    """Looks at the next transfers: the last one looked at, and those that the channel paid under several references."""
    rows = await reader.fetch(
        "select t.transfer_id, t.payout_number, a.names"
        " from (select transfer_id, payout_number from transfer where transfer_id > $1"
        "  order by transfer_id limit $2) t cross join lateral (select array_agg(distinct reference) as names"
        "  from attempt where transfer_id = t.transfer_id and word = 'paid' and reference is not null) a"
        " order by t.transfer_id",
        transfer_id,
        limit,
    )
    wrong = [(row["payout_number"], row["names"]) for row in rows if len(row["names"] or ()) > 1]
    return (rows[-1]["transfer_id"] if len(rows) == limit else None), wrong


async def overdue(
    reader: Reader, channels: list[str], before: datetime, limit: int
) -> list[tuple[str, datetime]]:
    """Transfers of these channels that nobody has dealt with although they were due long ago."""
    rows = await reader.fetch(
        "select payout_number, due_at from transfer where due_at < $1 and channel = any($2::text[])"
        " order by due_at, transfer_id limit $3",
        before,
        channels,
        limit,
    )
    return [(row["payout_number"], row["due_at"]) for row in rows]
