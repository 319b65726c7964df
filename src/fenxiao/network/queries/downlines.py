"""Who stands below someone, and how many."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.kernel.path import STEP, subtree


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """下级: one of the downline, `level` steps below the one asked about; `direct` is how many it sponsors itself."""

    distributor_id: DistributorId
    display_name: str
    sponsor_id: DistributorId
    level: int
    status: str
    grade: str | None
    joined_at: datetime
    direct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How many stand so many steps below, and how many of them are active."""

    level: int
    count: int
    active: int


async def downline(
    reader: Reader, path: bytes, *, depth: int | None, limit: int, cursor: str | None
) -> Page[Below]:
    """A page of the downline in the order of the tree: each one is followed by its own downline."""
    low, high = subtree(path)
    after = low if cursor is None else await _position(reader, cursor, low, high)
    rows = await reader.fetch(
        "select distributor_id, display_name, sponsor_id, octet_length(path) / 4 - $4 as level, status, grade, joined_at,"
        " (select count(*) from distributor c where c.sponsor_id = d.distributor_id) as direct"
        " from distributor d where path > $1 and path < $2 and octet_length(path) <= $3 order by path limit $5",
        after,
        high,
        len(path) + STEP * (10_000 if depth is None else depth),
        len(path) // STEP,
        limit + 1,
    )
    found = tuple(Below(**row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].distributor_id) if len(rows) > limit else None)


async def summary(reader: Reader, path: bytes) -> list[Level]:
    """Heads per level of the downline, nearest first."""
    rows = await reader.fetch(
        "select octet_length(path) / 4 - $3 as level, count(*) as count, count(*) filter (where status = 'active') as active"
        " from distributor where path > $1 and path < $2 group by 1 order by 1",
        *subtree(path),
        len(path) // STEP,
    )
    return [Level(**row) for row in rows]


async def _position(reader: Reader, cursor: str, low: bytes, high: bytes) -> bytes:
    # The cursor names a distributor, not a path: paths may be longer than any address. One that was moved out of
    # this downline meanwhile has no place in it to go on from.
    (last,) = decode_cursor(cursor, int)
    path: bytes | None = await reader.fetchval("select path from distributor where distributor_id = $1", last)
    if path is None or not low < path < high:
        raise Invalid(
            errors=(
                FieldError("cursor", "The tree has changed here meanwhile; start again without a cursor."),
            )
        )
    return path
