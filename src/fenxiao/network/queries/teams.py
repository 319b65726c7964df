"""Teams, and who was in which when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import DistributorId, TeamId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.network.api import TeamStretch
from fenxiao.network.domain.teams import Team
from fenxiao.network.tables import team


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamFilter:
    """Which teams are wanted; None leaves a field open."""

    status: str | None = "active"
    team_id: int | None = None
    leader_id: int | None = None
    parent_id: int | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMember:
    """团队成员: one of a team, since when without a break, and whether he leads it."""

    distributor_id: DistributorId
    display_name: str
    since: datetime
    leads: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A stretch of time in which somebody was in a team, leading it or not; `valid_to` is None while it lasts."""

    team_id: TeamId
    leads: bool
    since: datetime
    valid_from: datetime
    valid_to: datetime | None
    actor: str


_HIGHEST = 2**63 - 1

_COLUMNS = [team.c[name] for name in Team.__slots__]

# The page first, then the names of those on it: from a join, the planner would read on in both tables side by side.
_MEMBERS = """
with page as materialized (
  select distributor_id, team_id, since from team_member
   where team_id = $1 and distributor_id > $2 and distributor_id <= $3 order by distributor_id limit $4
)
select distributor_id, d.display_name, p.since, distributor_id is not distinct from t.leader_id as leads
  from page p join team t on t.team_id = p.team_id join distributor d using (distributor_id) order by distributor_id
"""

# A stretch of no length, of two changes at one moment, never counts.
_MEMBERS_AT = """
with page as materialized (
  select distributor_id, since, leads from team_link
   where team_id = $1 and distributor_id > $2 and distributor_id <= $3 and valid_from <= $5 and valid_to > $5
   order by distributor_id limit $4
)
select distributor_id, d.display_name, p.since, p.leads
  from page p join distributor d using (distributor_id) order by distributor_id
"""

_STRETCHES = """
select team_id, distributor_id, from_version, greatest(valid_from, $2) as since, least(valid_to, $3) as until
  from team_link
 where team_id = any($1::text::bigint[]) and valid_from < $3 and valid_to > $2 and valid_to > valid_from
   and (team_id, distributor_id, from_version) > ($4::bigint, $5::bigint, $6::bigint)
 order by team_id, distributor_id, from_version limit $7
"""


async def found(reader: Reader, team_id: int) -> Team | None:
    """One team."""
    row = await reader.fetchrow(select(*_COLUMNS).where(team.c.team_id == team_id))
    return None if row is None else Team(**row)


async def team_of(reader: Reader, distributor_id: int) -> TeamId | None:
    """The team that somebody is in now."""
    one: TeamId | None = await reader.fetchval(
        "select team_id from team_member where distributor_id = $1", distributor_id
    )
    return one


async def listed(reader: Reader, wanted: TeamFilter, *, limit: int, cursor: str | None) -> Page[Team]:
    """A page of teams by id."""
    query = select(*_COLUMNS).order_by(team.c.team_id).limit(limit + 1)
    for name in TeamFilter.__slots__:
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(team.c[name] == value)
    if cursor is not None:
        query = query.where(team.c.team_id > decode_cursor(cursor, int)[0])
    rows = await reader.fetch(query)
    page = tuple(Team(**row) for row in rows[:limit])
    return Page(page, encode_cursor(page[-1].team_id) if len(rows) > limit else None)


async def members(
    reader: Reader,
    team_id: int,
    *,
    at: datetime | None,
    only: DistributorId | None,
    limit: int,
    cursor: str | None,
) -> Page[TeamMember]:
    """A page by id of those who are in a team, or were at a moment; `only` this one of them."""
    last = 0 if cursor is None else decode_cursor(cursor, int)[0]
    behind, up_to = (last, _HIGHEST) if only is None else (max(last, only - 1), only)
    query, moment = (_MEMBERS, ()) if at is None else (_MEMBERS_AT, (at,))
    rows = await reader.fetch(query, team_id, behind, up_to, limit + 1, *moment)
    page = tuple(TeamMember(**row) for row in rows[:limit])
    return Page(page, encode_cursor(page[-1].distributor_id) if len(rows) > limit else None)


async def memberships(reader: Reader, distributor_id: int) -> list[Membership]:
    """Every stretch of somebody's, the first one first."""
    rows = await reader.fetch(
        "select team_id, leads, since, valid_from, nullif(valid_to, 'infinity') as valid_to, actor from team_link"
        " where distributor_id = $1 order by from_version",
        distributor_id,
    )
    return [Membership(**row) for row in rows]


async def led(
    reader: Reader, at: datetime, distributor_ids: Sequence[DistributorId]
) -> dict[DistributorId, TeamId]:
    """Which team each of these led at a moment."""
    rows = await reader.fetch(
        "select distributor_id, team_id from team_link where distributor_id = any($1::text::bigint[]) and leads"
        " and valid_from <= $2 and valid_to > $2 order by distributor_id",
        arrays.numbers(distributor_ids),
        at,
    )
    return {row["distributor_id"]: row["team_id"] for row in rows}


async def stretches(
    reader: Reader,
    team_ids: Sequence[TeamId],
    since: datetime,
    until: datetime,
    *,
    after: TeamStretch | None,
    limit: int,
) -> list[TeamStretch]:
    """Who was in these teams when, of a time; the next ones behind `after`."""
    place = (0, 0, 0) if after is None else (after.team_id, after.distributor_id, after.from_version)
    rows = await reader.fetch(_STRETCHES, arrays.numbers(team_ids), since, until, *place, limit)
    return [TeamStretch(**row) for row in rows]
