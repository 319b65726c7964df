"""Places where what is stored of teams contradicts itself. Nothing here is ever found unless something wrote past the lock."""

from dataclasses import dataclass

from fenxiao.infra.db.sql import Reader

# What stands: every team a way up to the top, one level per step, below a team that stands too.
_SHAPES = """
with recursive reached as (
  select team_id, 1 as level from team where parent_id is null
  union all
  select t.team_id, r.level + 1 from reached r join team t on t.parent_id = r.team_id and r.level < 1000
)
select 'teams/' || t.team_id as subject, 'a way up to the top and level ' || coalesce(r.level::text, 'of that') as expected,
  case when r.level is null then 'a loop, or below one' else 'level ' || t.level end as found
from team t left join reached r using (team_id)
where r.level is null or (t.status = 'active' and r.level <> t.level)
union all
select 'teams/' || t.team_id, 'an active parent', 'parent ' || p.team_id || ' is dissolved'
from team t join team p on p.team_id = t.parent_id where t.status = 'active' and p.status <> 'active'
order by 1
"""

_COUNTS = """
select 'teams/' || t.team_id as subject, m.heads || ' members' as expected, t.members || ' members' as found
from team t cross join lateral (select count(*) as heads from team_member m where m.team_id = t.team_id) m
where m.heads <> t.members order by 1
"""

# Who is in which team and leads it: members and leaders beside the stretches that are open.
_OPEN = """
select 'distributors/' || coalesce(m.distributor_id, l.distributor_id) as subject,
  coalesce(format('in team %s since %s, leading: %s', m.team_id, m.since, m.leads), 'in no team') as expected,
  coalesce(format('an open stretch in team %s since %s, leading: %s', l.team_id, l.since, l.leads), 'no open stretch') as found
from (select m.distributor_id, m.team_id, m.since, t.leader_id is not distinct from m.distributor_id as leads
        from team_member m join team t using (team_id)) m
  full join (select distributor_id, team_id, since, leads from team_link where to_version is null) l using (distributor_id)
where (m.team_id, m.since, m.leads) is distinct from (l.team_id, l.since, l.leads) order by 1
"""

_OVERLAPS = """
select 'distributors/' || distributor_id as subject, 'one team at a time' as expected,
  format('the next stretch begins at version %s, this one ends at %s', next_version, coalesce(to_version::text, 'none')) as found
from (select distributor_id, to_version, valid_to, lead(from_version) over w as next_version, lead(valid_from) over w as next_from
        from team_link window w as (partition by distributor_id order by from_version)) h
where next_version is not null and (to_version is null or to_version > next_version or valid_to > next_from) order by 1
"""

# Stretches beside the log: each begins and ends with a change of its team that says so, and no change is without one.
_LOGGED = """
select 'distributors/' || l.distributor_id as subject,
  format('a change of team %s by which the stretch of version %s begins, at %s', l.team_id, l.from_version, l.valid_from) as expected,
  coalesce(c.kind, 'no such change') as found
from team_link l left join team_change c
  on c.version = l.from_version and c.team_id = l.team_id and c.at = l.valid_from
where c.version is null or not case c.kind
  when 'joined' then c.distributor_id = l.distributor_id and not l.leads
  when 'created' then c.distributor_id = l.distributor_id and l.leads
  when 'led' then l.leads = (c.distributor_id = l.distributor_id) else false end
union all
select 'distributors/' || l.distributor_id,
  format('a change of team %s by which the stretch of version %s ends, at %s', l.team_id, l.from_version, l.valid_to),
  coalesce(c.kind, 'no such change')
from team_link l left join team_change c
  on c.version = l.to_version and c.team_id = l.team_id and c.at = l.valid_to
where l.to_version is not null
  and (c.version is null or not (c.kind in ('led', 'dissolved') or (c.kind = 'left' and c.distributor_id = l.distributor_id)))
union all
select 'distributors/' || c.distributor_id, format('a stretch of version %s, by change %s', c.version, c.kind), 'none'
from team_change c left join team_link l on l.distributor_id = c.distributor_id and l.team_id = c.team_id
  and c.version = case c.kind when 'left' then l.to_version else l.from_version end
where c.kind in ('created', 'led', 'joined', 'left') and l.distributor_id is null
order by 1
"""

# What the log comes to beside what stands.
_REPLAYED = """
select 'teams/' || t.team_id as subject,
  format('parent %s, leader %s, %s', coalesce(p.parent_id::text, 'none'),
    case when d.version is null then w.distributor_id::text else 'none' end,
    case when d.version is null then 'active' else 'dissolved' end) as expected,
  format('parent %s, leader %s, %s', coalesce(t.parent_id::text, 'none'), coalesce(t.leader_id::text, 'none'), t.status) as found
from team t
  left join lateral (select parent_id from team_change c where c.team_id = t.team_id and kind in ('created', 'moved')
                      order by version desc limit 1) p on true
  left join lateral (select distributor_id from team_change c where c.team_id = t.team_id and kind in ('created', 'led')
                      order by version desc limit 1) w on true
  left join lateral (select version from team_change c where c.team_id = t.team_id and kind = 'dissolved' limit 1) d on true
where (p.parent_id, case when d.version is null then w.distributor_id end, d.version is null)
  is distinct from (t.parent_id, t.leader_id, t.status = 'active')
order by 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamFault:
    """A team, or somebody in one, of whom two records say different things."""

    subject: str
    expected: str
    found: str


async def broken(reader: Reader) -> list[TeamFault]:
    """Teams whose shape, members, leaders or history are not one story."""
    queries = (_SHAPES, _COUNTS, _OPEN, _OVERLAPS, _LOGGED, _REPLAYED)
    return [TeamFault(**row) for query in queries for row in await reader.fetch(query)]
