"""Teams: made, led, moved, joined, left and dissolved, each change under the lock of all teams; and who may look."""

from datetime import datetime
from typing import Any

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid, StaleVersion
from fenxiao.kernel.ids import DistributorId, TeamId
from fenxiao.kernel.paging import Page
from fenxiao.network.domain import teams as shape
from fenxiao.network.domain.teams import (
    InAnotherTeam,
    LeadsTeam,
    MemberMissing,
    MemberUnknown,
    ParentTeamMissing,
    Team,
    TeamDissolved,
    TeamHasTeams,
    TeamLoop,
    TeamMissing,
)
from fenxiao.network.events import TeamChanged, TeamChangeKind
from fenxiao.network.queries import teams as queries
from fenxiao.network.queries.teams import Membership, TeamFilter, TeamMember
from fenxiao.network.service.views import Viewer
from fenxiao.network.store import teams as store
from fenxiao.network.store.teams import LockedTeams

_NOBODY = "There is no distributor with this id who could be in a team."
_NO_PARENT = "There is no active team with this id."


class Teams:
    """团队: what is done to teams, and reads of them. What is so already is answered as it is, without a change."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def create(
        self, *, name: str, leader_id: DistributorId, parent_id: TeamId | None, once: Once | None
    ) -> Team:
        """A new team, below another one or at the top; its leader is in it, so he must be in none."""
        _examine(name)
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(Team)
            teams = await store.locked(tx, self._db.clock())
            level = shape.level_below(await _parent_level(teams, parent_id))
            await _demand_free(teams, leader_id, field="leader_id")
            team_id = await teams.create(name.strip(), leader_id, parent_id, level)
            made = await _changed(tx, teams, team_id, "created", distributor_id=leader_id)
            return tx.keep(made)

    async def amend(
        self,
        team_id: TeamId,
        *,
        name: str | None = None,
        leader_id: DistributorId | None = None,
        version: int | None,
    ) -> Team:
        """Another name, another leader, or both; a new leader is a member, or in no team and joins."""
        if name is not None:
            _examine(name)
        async with self._db.begin() as tx:
            teams, team = await self._locked(tx, team_id, version)
            if name is not None and name.strip() != team.name:
                await teams.rename(team_id, name.strip())
                team = await _changed(tx, teams, team_id, "renamed", before=team)
            if leader_id is not None and leader_id != team.leader_id:
                joins = await teams.team_of(leader_id) != team_id
                if joins:
                    await _demand_free(teams, leader_id, field="leader_id")
                await teams.lead(team, leader_id, joins=joins)
                team = await _changed(tx, teams, team_id, "led", before=team, distributor_id=leader_id)
            return team

    async def move(self, team_id: TeamId, parent_id: TeamId | None, *, version: int | None) -> Team:
        """Put a team, with all below it, below another one (None: at the top)."""
        async with self._db.begin() as tx:
            teams, team = await self._locked(tx, team_id, version)
            if team.parent_id == parent_id:
                return team
            above = await _parent_level(teams, parent_id)
            if parent_id is not None and await teams.stands_below(parent_id, team_id):
                raise TeamLoop(team_id=team_id, parent_id=parent_id)
            level = shape.level_below(above, await teams.levels_below(team_id))
            await teams.move(team_id, parent_id, level)
            return await _changed(tx, teams, team_id, "moved", before=team)

    async def add(self, team_id: TeamId, distributor_id: DistributorId, *, once: Once | None) -> TeamMember:
        """Somebody who is in no team joins; who is in this one already is answered as he is."""
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(TeamMember)
            teams, _ = await self._locked(tx, team_id, None)
            if await teams.team_of(distributor_id) != team_id:
                await _demand_free(teams, distributor_id, field="distributor_id")
                await teams.join(team_id, distributor_id)
                await _changed(tx, teams, team_id, "joined", distributor_id=distributor_id)
            page = await queries.members(tx, team_id, at=None, only=distributor_id, limit=1, cursor=None)
            return tx.keep(page.items[0])

    async def remove(self, team_id: TeamId, distributor_id: DistributorId) -> None:
        """Somebody leaves; the leader only once another one leads."""
        async with self._db.begin() as tx:
            teams, team = await self._locked(tx, team_id, None)
            if await teams.team_of(distributor_id) != team_id:
                raise MemberMissing(distributor_id=distributor_id, team_id=team_id)
            if team.leader_id == distributor_id:
                raise LeadsTeam(distributor_id=distributor_id, team_id=team_id)
            await teams.leave(team_id, distributor_id)
            await _changed(tx, teams, team_id, "left", distributor_id=distributor_id)

    async def dissolve(self, team_id: TeamId, *, version: int | None) -> None:
        """Everybody leaves and the team is no more, which is kept; not while teams stand below it."""
        async with self._db.begin() as tx:
            teams = await store.locked(tx, self._db.clock())
            team = await teams.team(team_id)
            if team is None:
                raise TeamMissing(team_id=team_id)
            if team.status == "dissolved":
                return
            if version is not None and version != team.version:
                raise StaleVersion
            if child := await teams.child(team_id):
                raise TeamHasTeams(team_id=team_id, child_id=child)
            await teams.dissolve(team_id)
            await _changed(tx, teams, team_id, "dissolved", before=team)

    async def _locked(
        self, tx: Transaction, team_id: TeamId, version: int | None
    ) -> tuple[LockedTeams, Team]:
        """All teams under their lock, and this one, if it can be changed."""
        teams = await store.locked(tx, self._db.clock())
        team = await teams.team(team_id)
        if team is None:
            raise TeamMissing(team_id=team_id)
        if version is not None and version != team.version:
            raise StaleVersion
        if team.status == "dissolved":
            raise TeamDissolved(team_id=team_id)
        return teams, team

    # Who may look

    async def team(self, team_id: int, viewer: Viewer) -> Team:
        """A team; TeamMissing also for one that the viewer is not in."""
        found = await queries.found(self._db, team_id)
        if found is None or not (viewer.everything or await self._own(viewer) == team_id):
            raise TeamMissing(team_id=team_id)
        return found

    async def listed(
        self, wanted: TeamFilter, viewer: Viewer, *, limit: int, cursor: str | None
    ) -> Page[Team]:
        """A page of the teams that the viewer may see: all, or the one that he is in."""
        if not viewer.everything:
            own = await self._own(viewer)
            if own is None:
                return Page((), None)
            chosen = {name: getattr(wanted, name) for name in TeamFilter.__slots__}
            wanted = TeamFilter(**chosen | {"team_id": own})
        return await queries.listed(self._db, wanted, limit=limit, cursor=cursor)

    async def members(
        self, team_id: int, viewer: Viewer, *, at: datetime | None, limit: int, cursor: str | None
    ) -> Page[TeamMember]:
        """Who is in a team, or was at a moment; the leader sees everybody, a member himself."""
        team = await self.team(team_id, viewer)
        everybody = viewer.everything or viewer.distributor_id == team.leader_id
        only = None if everybody else viewer.distributor_id
        return await queries.members(self._db, team_id, at=at, only=only, limit=limit, cursor=cursor)

    async def memberships(self, distributor_id: int) -> list[Membership]:
        """In which teams somebody was when; that he may be seen is the caller's to see to."""
        return await queries.memberships(self._db, distributor_id)

    async def _own(self, viewer: Viewer) -> TeamId | None:
        if viewer.distributor_id is None:
            return None
        return await queries.team_of(self._db, viewer.distributor_id)


def _examine(name: str) -> None:
    if faults := shape.name_faults(name):
        raise Invalid(errors=faults)


async def _parent_level(teams: LockedTeams, parent_id: TeamId | None) -> int | None:
    """The level of the parent-to-be."""
    if parent_id is None:
        return None
    parent = await teams.team(parent_id)
    if parent is None or parent.status != "active":
        raise ParentTeamMissing(errors=(FieldError("parent_id", _NO_PARENT),), parent_id=parent_id)
    return parent.level


async def _demand_free(teams: LockedTeams, distributor_id: DistributorId, *, field: str) -> None:
    if not await teams.may_join(distributor_id):
        raise MemberUnknown(errors=(FieldError(field, _NOBODY),), distributor_id=distributor_id)
    if present := await teams.team_of(distributor_id):
        raise InAnotherTeam(distributor_id=distributor_id, team_id=present)


async def _changed(
    tx: Transaction,
    teams: LockedTeams,
    team_id: TeamId,
    change: TeamChangeKind,
    *,
    before: Team | None = None,
    distributor_id: DistributorId | None = None,
) -> Team:
    """The team as it is after a change, which is told."""
    after = await teams.team(team_id)
    assert after is not None  # noqa: S101 - it was just changed
    tx.emit(
        TeamChanged(
            team_id=team_id,
            version=teams.version,
            change=change,
            distributor_id=distributor_id,
            leader_id=after.leader_id,
            parent_id=after.parent_id,
            level=after.level,
        )
    )
    person = {"distributor_id": distributor_id}
    if change == "joined":
        tx.audit("team.joined", f"teams/{team_id}", after=person)
    elif change == "left":
        tx.audit("team.left", f"teams/{team_id}", before=person)
    else:
        shown = None if before is None else _shown(before)
        tx.audit(f"team.{change}", f"teams/{team_id}", before=shown, after=_shown(after))
    return after


def _shown(team: Team) -> dict[str, Any]:
    return {name: getattr(team, name) for name in ("name", "status", "leader_id", "parent_id", "level")}
