"""Places where the tree contradicts itself. Nothing here is ever found unless something wrote past the lock."""

from dataclasses import dataclass

from fenxiao.infra.db.sql import Reader

# int8send gives eight bytes big-endian; the last four are the step on a path.
_PATHS = """
select d.distributor_id, encode(coalesce(p.path, '') || substring(int8send(d.distributor_id) from 5), 'hex') as expected,
  encode(d.path, 'hex') as found
from distributor d left join distributor p on p.distributor_id = d.sponsor_id
where d.path <> coalesce(p.path, '') || substring(int8send(d.distributor_id) from 5) order by 1
"""

_LOOPS = """
with recursive reached as (
  select distributor_id from distributor where sponsor_id is null
  union all
  select d.distributor_id from reached r join distributor d on d.sponsor_id = r.distributor_id
)
select d.distributor_id, 'a way up to a root' as expected, 'a loop, or below one' as found
from distributor d where not exists (select from reached r where r.distributor_id = d.distributor_id) order by 1
"""

_GAPS = """
select distributor_id, 'the next stretch begins where this one ends, at version ' || coalesce(to_version::text, 'none') as expected,
  'it begins at version ' || next_version as found
from (select distributor_id, to_version, valid_to, lead(from_version) over w as next_version, lead(valid_from) over w as next_from
        from {table} window w as (partition by distributor_id order by from_version)) h
where next_version is not null and (to_version, valid_to) is distinct from (next_version, next_from) order by 1
"""

_PLACEMENT_PATH = """coalesce(p.path || substring(int4send(d.position) from 4), substring(int8send(d.distributor_id) from 5))"""
_PLACEMENT_PATHS = f"""
select d.distributor_id, encode({_PLACEMENT_PATH}, 'hex') as expected, encode(d.path, 'hex') as found
from placement d left join placement p on p.distributor_id = d.parent_id
where d.path <> {_PLACEMENT_PATH} order by 1
"""

_PLACEMENT_LOOPS = """
with recursive reached as (
  select distributor_id from placement where parent_id is null
  union all
  select d.distributor_id from reached r join placement d on d.parent_id = r.distributor_id
)
select d.distributor_id, 'a way up to a root' as expected, 'a loop, or below one' as found
from placement d where not exists (select from reached r where r.distributor_id = d.distributor_id) order by 1
"""

_PLACEMENT_WIDTHS = """
select d.distributor_id, 'a position from 1 to ' || t.width as expected, 'position ' || d.position as found
from placement d cross join placement_tree t where d.position > t.width
union all
select d.distributor_id, case when below.heads < t.width then 'a free position below' else 'none free below' end,
  case when d.open then 'marked as free' else 'marked as full' end
from placement d cross join placement_tree t
  cross join lateral (select count(*) as heads from placement c where c.parent_id = d.distributor_id) below
where d.open <> (below.heads < t.width) order by 1
"""

_LAST_PLACEMENTS = """
select coalesce(d.distributor_id, h.distributor_id) as distributor_id,
  case when d.distributor_id is null then 'no place' else 'position ' || coalesce(d.position || ' below ' || d.parent_id, 'at the top') end as expected,
  case when h.distributor_id is null then 'no open stretch' else 'position ' || coalesce(h.position || ' below ' || h.parent_id, 'at the top') end as found
from placement d full join (select * from placement_link where to_version is null) h on h.distributor_id = d.distributor_id
where d.distributor_id is null or h.distributor_id is null or (h.parent_id, h.position) is distinct from (d.parent_id, d.position) order by 1
"""

_LAST_LINKS = """
select d.distributor_id, 'sponsor ' || coalesce(d.sponsor_id::text, 'none') as expected,
  case when h.distributor_id is null then 'no open stretch' else 'sponsor ' || coalesce(h.sponsor_id::text, 'none') end as found
from distributor d left join sponsor_link h on h.distributor_id = d.distributor_id and h.to_version is null
where h.distributor_id is null or h.sponsor_id is distinct from d.sponsor_id order by 1
"""

_LAST_STANDINGS = """
select d.distributor_id, d.status || ', ' || coalesce(d.grade, 'no grade') as expected,
  case when h.distributor_id is null then 'no open stretch' else h.status || ', ' || coalesce(h.grade, 'no grade') end as found
from distributor d left join standing h on h.distributor_id = d.distributor_id and h.to_version is null
where h.distributor_id is null or (h.status, h.grade) is distinct from (d.status, d.grade) order by 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One distributor of whom two records say different things."""

    distributor_id: int
    expected: str
    found: str


async def _faults(reader: Reader, query: str) -> list[Fault]:
    return [Fault(**row) for row in await reader.fetch(query)]


async def wrong_paths(reader: Reader) -> list[Fault]:
    """Paths that are not the sponsor's path and the own id."""
    return await _faults(reader, _PATHS)


async def loops(reader: Reader) -> list[Fault]:
    """Those from whom no chain of sponsors leads to a root."""
    return await _faults(reader, _LOOPS)


async def misplaced(reader: Reader) -> list[Fault]:
    """Places whose path is not that of their parent and position, that no root leads to, or that the width has not."""
    queries = (_PLACEMENT_PATHS, _PLACEMENT_LOOPS, _PLACEMENT_WIDTHS)
    return [fault for query in queries for fault in await _faults(reader, query)]


async def broken_histories(reader: Reader) -> list[Fault]:
    """Histories with a gap, or whose last stretch is not what is true now."""
    queries = (
        _GAPS.format(table="sponsor_link"),
        _GAPS.format(table="standing"),
        _GAPS.format(table="placement_link"),
        _LAST_LINKS,
        _LAST_STANDINGS,
        _LAST_PLACEMENTS,
    )
    return [fault for query in queries for fault in await _faults(reader, query)]
