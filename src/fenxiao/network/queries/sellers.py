"""Sellers with their uplines: now (by the paths), at a past moment and at a tree version (by the history)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.path import split
from fenxiao.network.api import Member, Seller

# One statement, hence one snapshot: version, paths, status and grades belong together. The ids above are taken
# from the paths, each path that several sellers share only once. An array of ids, because a join with rows of
# unknown number would have the planner read the whole table.
_NOW = """
with seller as materialized (
  select distributor_id, path from distributor where distributor_id = any($1::bigint[])
), stem as (
  select distinct substring(path from 1 for octet_length(path) - 4) as path from seller
), above as (
  select ('x' || encode(substring(path from 4 * i + 1 for 4), 'hex'))::bit(32)::bigint as distributor_id
    from stem, generate_series(0, octet_length(path) / 4 - 1) as i
)
select d.distributor_id, d.status, d.grade, g.rank, d.earns, d.path, coalesce(t.version, 0) as tree_version, t.changed_at
  from distributor d left join grade g on g.grade = d.grade left join tree t on true
 where d.distributor_id = any(array(select distributor_id from seller union select distributor_id from above))
"""

# Always one row at least where there is a tree, so that the version comes even if nobody is asked for.
_PATHS = """
select t.version, t.changed_at, d.distributor_id, d.path
  from tree t left join distributor d on d.distributor_id = any($1::bigint[])
"""

_MEMBERS = """
select d.distributor_id, d.status, d.grade, g.rank, d.earns, t.version
  from tree t cross join distributor d left join grade g on g.grade = d.grade
 where d.distributor_id = any($1::bigint[])
"""

# A stretch of history ends at `valid_to`, for moments, or at `to_version`, for versions. The stretch that counts is
# the one that ends next. So before the first link the first link counts, and a stretch of no length (two
# changes at one moment) never does. Its order of columns is that of an index.
_PAST = """
with recursive asked as (
  select distinct d, x from unnest($1::bigint[], $2::{kind}[]) as t(d, x)
), chain as (
  select d as seller, x, d as distributor_id, 0 as level from asked
  union all
  select c.seller, c.x, l.sponsor_id, c.level + 1
    from chain c cross join lateral (
      select h.sponsor_id from sponsor_link h where h.distributor_id = c.distributor_id and {after}
       order by {order} limit 1) l
   where l.sponsor_id is not null and c.level < 1000
)
select c.seller, c.x, c.distributor_id, s.status, s.grade, g.rank, d.earns
  from chain c cross join lateral (
      select h.status, h.grade from standing h where h.distributor_id = c.distributor_id and {after}
       order by {order} limit 1) s
  join distributor d on d.distributor_id = c.distributor_id
  left join grade g on g.grade = s.grade
 order by c.seller, c.x, c.level
"""

_AT_TIME = _PAST.format(kind="timestamptz", after="h.valid_to > c.x", order="h.valid_to, h.from_version")
_AT_VERSION = _PAST.format(
    kind="bigint", after="(h.to_version > c.x or h.to_version is null)", order="h.from_version"
)


@dataclass(frozen=True, slots=True)
class Present:
    """Sellers as they stand now. `changed_at`: when somebody last got another sponsor, status or grade."""

    sellers: dict[DistributorId, Seller]
    changed_at: datetime | None


async def paths(
    db: Database, distributor_ids: Sequence[DistributorId]
) -> tuple[int, datetime | None, dict[DistributorId, bytes]]:
    """The version of the tree, when it last changed other than by a registration, and the paths of those who exist."""
    rows = await db.often(_PATHS, distributor_ids)
    if not rows:
        return 0, None, {}
    found = {owner: path for _, _, owner, path in rows if owner is not None}
    return rows[0]["version"], rows[0]["changed_at"], found


async def members(
    db: Database, distributor_ids: Sequence[DistributorId]
) -> tuple[int, dict[DistributorId, Member]]:
    """How these, who exist, stand now, and the version of the tree at which they do."""
    rows = await db.often(_MEMBERS, distributor_ids)
    return rows[0]["version"], {row["distributor_id"]: _member(row) for row in rows}


async def changed_between(reader: Reader, low: int, high: int) -> bool:
    """Whether anybody got another sponsor, status or grade behind version `low` and up to `high`."""
    changed: bool = await reader.fetchval(
        "select exists(select from tree_change where version > $1 and version <= $2 and kind <> 'registered')",
        low,
        high,
    )
    return changed


async def present(reader: Reader, distributor_ids: Sequence[DistributorId]) -> Present:
    """Each of these that exists, with the upline as it stands now."""
    rows = await reader.fetch(_NOW, sorted(set(distributor_ids)))
    if not rows:
        return Present({}, None)
    members = {row["distributor_id"]: _member(row) for row in rows}
    paths = {row["distributor_id"]: row["path"] for row in rows}
    version = rows[0]["tree_version"]
    found = {
        seller: Seller(
            member=members[seller],
            upline=tuple(members[above] for above in reversed(split(paths[seller])[:-1])),
            tree_version=version,
        )
        for seller in set(distributor_ids)
        if seller in members
    }
    return Present(found, rows[0]["changed_at"])


async def at_times(
    reader: Reader, asked: Sequence[tuple[DistributorId, datetime]]
) -> dict[tuple[DistributorId, datetime], Seller]:
    """Each of these that exists, with the upline as it stood at the moment beside it."""
    return await _past(reader, _AT_TIME, asked, await _versions(reader, [at for _, at in asked]))


async def at_versions(
    reader: Reader, asked: Sequence[tuple[DistributorId, int]]
) -> dict[tuple[DistributorId, int], Seller]:
    """Each of these that exists, with the upline as it stood at the tree version beside it."""
    return await _past(reader, _AT_VERSION, asked, {version: version for _, version in asked})


async def _versions(reader: Reader, moments: Sequence[datetime]) -> dict[datetime, int]:
    """For each moment the version of the last change up to it; registrations change nobody's upline and do not count."""
    rows = await reader.fetch(
        "select a.at, coalesce(c.version, 0) as version from unnest($1::timestamptz[]) as a(at) left join lateral ("
        " select version from tree_change t where t.kind <> 'registered' and t.at <= a.at"
        " order by t.at desc, t.version desc limit 1) c on true",
        sorted(set(moments)),
    )
    return {row["at"]: row["version"] for row in rows}


async def _past(
    reader: Reader, query: str, asked: Sequence[tuple[DistributorId, Any]], versions: dict[Any, int]
) -> dict[tuple[DistributorId, Any], Seller]:
    rows = await reader.fetch(query, [seller for seller, _ in asked], [moment for _, moment in asked])
    chains: dict[tuple[DistributorId, Any], list[Member]] = defaultdict(list)
    for row in rows:
        chains[row["seller"], row["x"]].append(_member(row))
    return {
        key: Seller(member=chain[0], upline=tuple(chain[1:]), tree_version=versions[key[1]])
        for key, chain in chains.items()
    }


def _member(row: Record) -> Member:
    return Member(
        distributor_id=row["distributor_id"],
        status=row["status"],
        grade=row["grade"],
        rank=row["rank"],
        earns=row["earns"],
    )
