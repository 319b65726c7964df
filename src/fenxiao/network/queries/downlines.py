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


_BELOW = """
select distributor_id, display_name, sponsor_id, octet_length(path) / 4 - $3 as level, status, grade, joined_at,
  (select count(*) from distributor c where c.sponsor_id = d.distributor_id) as direct
"""
_WHOLE = f"{_BELOW} from distributor d where path > $1 and path < $2 order by path limit $4"
# From one to the next: behind somebody on the deepest level wanted, that is the first one not below him. So what is
# deeper is never looked at, however much it is.
_UPPER = f"""
with recursive step as (
  (select path from distributor
    where path > case when octet_length($1::bytea) = $5 then $1::bytea || '\\xffffffff'::bytea else $1::bytea end and path < $2
    order by path limit 1)
  union all
  select n.path from step s cross join lateral (
    select path from distributor
     where path > case when octet_length(s.path) = $5 then s.path || '\\xffffffff'::bytea else s.path end and path < $2
     order by path limit 1) n
), page as materialized (select path from step limit $4)
{_BELOW} from distributor d where path = any(array(select path from page)) order by path
"""


async def downline(
    reader: Reader, path: bytes, *, depth: int | None, limit: int, cursor: str | None
) -> Page[Below]:
    """A page of the downline in the order of the tree: each one is followed by its own downline."""
    low, high = subtree(path)
    after = low if cursor is None else await position(reader, cursor, low, high)
    if depth is None:
        rows = await reader.fetch(_WHOLE, after, high, len(path) // STEP, limit + 1)
    else:
        deepest = len(path) + STEP * depth
        rows = await reader.fetch(_UPPER, after, high, len(path) // STEP, limit + 1, deepest)
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


async def position(reader: Reader, cursor: str, low: bytes, high: bytes) -> bytes:
    """The path of the last one on the page before; refused if it does not lie between the two."""
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
