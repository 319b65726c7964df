"""Teams under their lock: names, leaders, parents, members and their histories are changed here and nowhere else.

Whoever changes a team locks the one row of all teams first and looks afterwards, so two moves that would close a loop
together are one after the other, and nobody comes into two teams. The lock is neither tree's: selling, registering and
placing do not wait for it.
"""

from datetime import datetime

from fenxiao.infra import context
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import DistributorId, TeamId
from fenxiao.network.domain.teams import Team
from fenxiao.network.events import TeamChangeKind

_ONE = f"select {', '.join(Team.__slots__)} from team where team_id = $1"

_CREATE = """
insert into team (name, status, leader_id, parent_id, level, members, created_at) values ($1, 'active', $2, $3, $4, 1, $5)
returning team_id
"""

_ABOVE = """
with recursive above as (
  select team_id, parent_id from team where team_id = $1
  union all
  select t.team_id, t.parent_id from above a join team t on t.team_id = a.parent_id
)
select exists(select from above where team_id = $2)
"""

# What was dissolved stands nowhere any more; nothing that stands is below it.
_BELOW = """
with recursive below as (
  select team_id, 0 as depth from team where team_id = $1
  union all
  select t.team_id, b.depth + 1 from below b join team t on t.parent_id = b.team_id and t.status = 'active'
)
"""
_DEEPEST = f"{_BELOW} select max(depth) from below"
_SHIFT = f"{_BELOW} update team t set level = $2 + b.depth, version = version + 1 from below b where t.team_id = b.team_id and (b.depth = 0 or t.level <> $2 + b.depth)"

_JOIN = """
insert into team_member (distributor_id, team_id, since) values ($1, $2, $3)
on conflict (distributor_id) do update set team_id = excluded.team_id, since = excluded.since
"""

_STRETCH = """
insert into team_link (distributor_id, from_version, valid_from, valid_to, team_id, since, leads, actor)
select distributor_id, $2, $3, 'infinity', team_id, since, $4, $5 from team_member where distributor_id = $1
"""

_CLOSE = """
update team_link set to_version = $2, valid_to = $3
 where distributor_id = any($1::bigint[]) and to_version is null
"""

_CHANGE = """
insert into team_change (version, team_id, kind, distributor_id, parent_id, at, actor) values ($1, $2, $3, $4, $5, $6, $7)
"""


class LockedTeams:
    """全部团队: all teams while their lock is held, that is until the transaction ends. Made by `locked`.

    What may be done is the caller's to see to.
    """

    def __init__(self, tx: Transaction, version: int, now: datetime) -> None:
        self._tx = tx
        self.version = version
        # Never before an earlier change, whatever the clocks of two servers say.
        self.now = now

    async def team(self, team_id: int) -> Team | None:
        """A team as it is now."""
        row = await self._tx.fetchrow(_ONE, team_id)
        return None if row is None else Team(**row)

    async def team_of(self, distributor_id: DistributorId) -> TeamId | None:
        """The team that somebody is in."""
        found: TeamId | None = await self._tx.fetchval(
            "select team_id from team_member where distributor_id = $1", distributor_id
        )
        return found

    async def may_join(self, distributor_id: DistributorId) -> bool:
        """Whether there is somebody with this id who can be in a team: all but those who stand for direct sales."""
        found: bool = await self._tx.fetchval(
            "select exists(select from distributor where distributor_id = $1 and earns)", distributor_id
        )
        return found

    async def stands_below(self, team_id: TeamId, above: TeamId) -> bool:
        """Whether a team is, or stands below, the other one."""
        found: bool = await self._tx.fetchval(_ABOVE, team_id, above)
        return found

    async def levels_below(self, team_id: TeamId) -> int:
        """How many levels of teams stand below one."""
        found: int = await self._tx.fetchval(_DEEPEST, team_id)
        return found

    async def child(self, team_id: TeamId) -> TeamId | None:
        """Some team that stands directly below one."""
        found: TeamId | None = await self._tx.fetchval(
            "select min(team_id) from team where parent_id = $1 and status = 'active'", team_id
        )
        return found

    async def create(
        self, name: str, leader_id: DistributorId, parent_id: TeamId | None, level: int
    ) -> TeamId:
        """A new team with its leader in it."""
        team_id: TeamId = await self._tx.fetchval(_CREATE, name, leader_id, parent_id, level, self.now)
        await self._advance(team_id, "created", leader_id, parent_id)
        await self._join(team_id, leader_id, leads=True)
        return team_id

    async def rename(self, team_id: TeamId, name: str) -> None:
        """Another name."""
        await self._advance(team_id, "renamed")
        await self._tx.execute(
            "update team set name = $2, version = version + 1 where team_id = $1", team_id, name
        )

    async def lead(self, team: Team, leader_id: DistributorId, *, joins: bool) -> None:
        """Another leader, one of the members or somebody who joins by it; the one before stays a member."""
        await self._advance(team.team_id, "led", leader_id)
        await self._close([one for one in (team.leader_id, leader_id) if one is not None])
        if joins:
            await self._tx.execute(_JOIN, leader_id, team.team_id, self.now)
        await self._stretch(leader_id, leads=True)
        if team.leader_id is not None:
            await self._stretch(team.leader_id, leads=False)
        await self._tx.execute(
            "update team set leader_id = $2, members = members + $3, version = version + 1 where team_id = $1",
            team.team_id,
            leader_id,
            int(joins),
        )

    async def move(self, team_id: TeamId, parent_id: TeamId | None, level: int) -> None:
        """Put a team with all below it under another one (None: at the top)."""
        await self._advance(team_id, "moved", None, parent_id)
        # Its own parent and level first, in one: those below are found by them.
        await self._tx.execute(
            "update team set parent_id = $2, level = $3 where team_id = $1", team_id, parent_id, level
        )
        await self._tx.execute(_SHIFT, team_id, level)

    async def join(self, team_id: TeamId, distributor_id: DistributorId) -> None:
        """Somebody joins."""
        await self._advance(team_id, "joined", distributor_id)
        await self._join(team_id, distributor_id, leads=False)
        await self._tx.execute(
            "update team set members = members + 1, version = version + 1 where team_id = $1", team_id
        )

    async def leave(self, team_id: TeamId, distributor_id: DistributorId) -> None:
        """Somebody leaves."""
        await self._advance(team_id, "left", distributor_id)
        await self._close([distributor_id])
        await self._tx.execute(
            "update team_member set team_id = null, since = null where distributor_id = $1", distributor_id
        )
        await self._tx.execute(
            "update team set members = members - 1, version = version + 1 where team_id = $1", team_id
        )

    async def dissolve(self, team_id: TeamId) -> None:
        """Everybody leaves, and the team is no more."""
        await self._advance(team_id, "dissolved")
        await self._tx.execute(
            "update team_link set to_version = $2, valid_to = $3 where team_id = $1 and to_version is null",
            team_id,
            self.version,
            self.now,
        )
        await self._tx.execute(
            "update team_member set team_id = null, since = null where team_id = $1", team_id
        )
        await self._tx.execute(
            "update team set status = 'dissolved', leader_id = null, members = 0, dissolved_at = $2, version = version + 1"
            " where team_id = $1",
            team_id,
            self.now,
        )

    async def _join(self, team_id: TeamId, distributor_id: DistributorId, *, leads: bool) -> None:
        await self._tx.execute(_JOIN, distributor_id, team_id, self.now)
        await self._stretch(distributor_id, leads=leads)

    async def _stretch(self, distributor_id: DistributorId, *, leads: bool) -> None:
        actor = context.current().actor
        await self._tx.execute(_STRETCH, distributor_id, self.version, self.now, leads, actor)

    async def _close(self, distributor_ids: list[DistributorId]) -> None:
        await self._tx.execute(_CLOSE, distributor_ids, self.version, self.now)

    async def _advance(
        self,
        team_id: TeamId,
        kind: TeamChangeKind,
        distributor_id: DistributorId | None = None,
        parent_id: TeamId | None = None,
    ) -> None:
        self.version += 1
        actor = context.current().actor
        await self._tx.execute("update team_tree set version = $1, changed_at = $2", self.version, self.now)
        await self._tx.execute(
            _CHANGE, self.version, team_id, kind, distributor_id, parent_id, self.now, actor
        )


async def locked(tx: Transaction, now: datetime) -> LockedTeams:
    """Take the lock of all teams, which every change of one holds until it commits."""
    row = await tx.fetchrow(
        "insert into team_tree as t (one, version) values (true, 0)"
        " on conflict (one) do update set version = t.version returning version, changed_at"
    )
    assert row is not None  # noqa: S101 - an upsert answers its row
    changed: datetime | None = row["changed_at"]
    return LockedTeams(tx, row["version"], now if changed is None else max(now, changed))
