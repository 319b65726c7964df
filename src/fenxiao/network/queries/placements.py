"""Who stands where in the placement tree: now, at a moment, ever."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import DistributorId
from fenxiao.network.api import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSettings:
    """How many positions everybody has below, and the version of the tree."""

    width: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """安置记录: a stretch of time at one place (nobody above: `parent_id` None); `valid_to` is None while it lasts."""

    distributor_id: DistributorId
    parent_id: DistributorId | None
    position: int | None
    valid_from: datetime
    valid_to: datetime | None
    source: str
    actor: str
    evidence: str


_STRETCH = (
    "select distributor_id, parent_id, position, valid_from, nullif(valid_to, 'infinity') as valid_to, source, actor,"
    " evidence from placement_link"
)
# A stretch of no length, of two changes at one moment, never counts.
_AT = "valid_from <= $2 and valid_to > $2"


async def settings(reader: Reader, default_width: int) -> TreeSettings:
    """The settings of the tree; those of a new installation before anybody was placed."""
    row = await reader.fetchrow("select width, version from placement_tree")
    return TreeSettings(width=default_width, version=0) if row is None else TreeSettings(**row)


async def version(reader: Reader, distributor_id: int) -> int:
    """How often someone's place was changed; 0 for one who has none."""
    found: int | None = await reader.fetchval(
        "select version from placement where distributor_id = $1", distributor_id
    )
    return found or 0


async def stretch(reader: Reader, distributor_id: int, at: datetime | None) -> Stretch | None:
    """The place of someone now or at a moment, if any."""
    query = f"{_STRETCH} where distributor_id = $1 and {'to_version is null' if at is None else _AT}"
    row = await reader.fetchrow(query, distributor_id, *(() if at is None else (at,)))
    return None if row is None else Stretch(**row)


async def below(reader: Reader, distributor_id: int, at: datetime | None) -> list[Stretch]:
    """Who stands or stood directly below, by position."""
    query = (
        f"{_STRETCH} where parent_id = $1 and {'to_version is null' if at is None else _AT} order by position"
    )
    return [
        Stretch(**row) for row in await reader.fetch(query, distributor_id, *(() if at is None else (at,)))
    ]


async def history(reader: Reader, distributor_id: int) -> list[Stretch]:
    """Every stretch of someone's, the first one first."""
    rows = await reader.fetch(f"{_STRETCH} where distributor_id = $1 order by from_version", distributor_id)
    return [Stretch(**row) for row in rows]


async def at_moment(reader: Reader, at: datetime, cursor: int, limit: int) -> list[Placement]:
    """The next ones by id who had a place at the moment."""
    rows = await reader.fetch(
        "select distributor_id, parent_id, position from placement_link"
        " where distributor_id > $2 and valid_from <= $1 and valid_to > $1 order by distributor_id limit $3",
        at,
        cursor,
        limit,
    )
    return [Placement(**row) for row in rows]
