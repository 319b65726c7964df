"""Teams over HTTP: made, changed, moved, dissolved; who is in them, and who was when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from fenxiao.infra.http.auth import Caller, Principal, require
from fenxiao.infra.http.fields import MAX_ID, Answer, Body, Id, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Idempotency, IfMatch, Limit, etag
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.ids import DistributorId, TeamId
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.network.api import DistributorMissing
from fenxiao.network.domain.teams import MAX_LEVELS, Team
from fenxiao.network.queries.teams import Membership, TeamFilter, TeamMember
from fenxiao.network.service import Network
from fenxiao.network.service.views import Viewer

READ = "teams:read"
WRITE = "teams:write"
LED = "A team has a leader; name another one."

Name = Annotated[str, Field(max_length=200)]
OptionalId = Annotated[int | None, Query(ge=1, le=MAX_ID)]


class NewTeam(Body):
    """A team: `leader_id` is its first member and must be in no team; `parent_id` the team that it stands below."""

    name: Name
    leader_id: Id
    parent_id: Id | None = None


class TeamChanges(Body):
    """What to change; fields left out stay. A new leader is a member of the team, or in no team and joins by it."""

    name: Name = ""
    leader_id: Id | None = None


class ParentChange(Body):
    """The team to stand below; null for none."""

    parent_id: Id | None


class NewMember(Body):
    """Who joins."""

    distributor_id: Id


class TeamAnswer(Answer):
    """团队: `level` is 1 at the top and one more below; `members` counts the leader too.

    A team that was dissolved (`status`) has nobody, and keeps the parent and the level that it had.
    """

    team_id: int
    name: str
    status: Literal["active", "dissolved"]
    leader_id: int | None
    parent_id: int | None
    level: int
    members: int
    created_at: datetime
    dissolved_at: datetime | None


class MemberAnswer(Answer):
    """团队成员: one of a team, since when without a break, and whether it leads."""

    distributor_id: int
    display_name: str
    since: datetime
    leads: bool


class MembershipAnswer(Answer):
    """A stretch of time in a team, leading it or not; `since` is when it joined, `valid_to` null while it lasts.

    `actor` brought the stretch about.
    """

    team_id: int
    leads: bool
    since: datetime
    valid_from: datetime
    valid_to: datetime | None
    actor: str


def router(network: Network) -> APIRouter:
    """Routes of teams."""
    routes = new_router(tags=["teams"])
    _read(routes, network)
    _change(routes, network)
    _members(routes, network)
    return routes


def _viewer(who: Principal) -> Viewer:
    return Viewer(everything=who.sees_all() and who.may(READ), distributor_id=who.distributor_id)


def _read(routes: APIRouter, network: Network) -> None:
    @routes.get("/api/teams")
    async def list_teams(  # noqa: PLR0917 - FastAPI passes them by name
        who: Caller,
        status: Literal["active", "dissolved"] = "active",
        level: Annotated[int | None, Query(ge=1, le=MAX_LEVELS)] = None,
        parent_id: OptionalId = None,
        leader_id: OptionalId = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[TeamAnswer]:
        """Teams by id; a distributor sees the one that it is in."""
        wanted = TeamFilter(status=status, level=level, parent_id=parent_id, leader_id=leader_id)
        page = await network.teams.listed(wanted, _viewer(who), limit=limit, cursor=cursor)
        return items(page, [_shaped(one) for one in page.items])

    @routes.get("/api/teams/{team_id}")
    async def get_team(team_id: Id, response: Response, who: Caller) -> TeamAnswer:
        """One team."""
        return _tagged(await network.teams.team(team_id, _viewer(who)), response)

    @routes.get("/api/distributors/{distributor_id}/teams")
    async def get_memberships(distributor_id: Id, who: Caller) -> Items[MembershipAnswer]:
        """In which teams the distributor was when, and when it led; the first one first."""
        sees = _viewer(who).everything or who.owns(distributor_id)
        if not sees or not await network.joined(distributor_ids=[DistributorId(distributor_id)]):
            raise DistributorMissing(distributor_id=distributor_id)
        history = await network.teams.memberships(distributor_id)
        return Items(items=[MembershipAnswer(**_named(one, MembershipAnswer)) for one in history])


def _change(routes: APIRouter, network: Network) -> None:
    @routes.post("/api/teams", status_code=201)
    async def create_team(
        body: NewTeam, once: Idempotency, response: Response, _: Annotated[Principal, require(WRITE)]
    ) -> TeamAnswer:
        """Make a team with its leader."""
        made = await network.teams.create(
            name=body.name,
            leader_id=DistributorId(body.leader_id),
            parent_id=_team_id(body.parent_id),
            once=once,
        )
        response.headers["Location"] = f"/api/teams/{made.team_id}"
        return _tagged(made, response)

    @routes.patch("/api/teams/{team_id}")
    async def amend_team(
        team_id: Id,
        body: TeamChanges,
        version: IfMatch,
        response: Response,
        _: Annotated[Principal, require(WRITE)],
    ) -> TeamAnswer:
        """Change the name, or who leads."""
        named = body.model_fields_set
        if "leader_id" in named and body.leader_id is None:
            raise Invalid(errors=(FieldError("leader_id", LED),))
        changed = await network.teams.amend(
            TeamId(team_id),
            name=body.name if "name" in named else None,
            leader_id=None if body.leader_id is None else DistributorId(body.leader_id),
            version=version,
        )
        return _tagged(changed, response)

    @routes.put("/api/teams/{team_id}/parent")
    async def put_parent(
        team_id: Id,
        body: ParentChange,
        version: IfMatch,
        response: Response,
        _: Annotated[Principal, require(WRITE)],
    ) -> TeamAnswer:
        """Put a team, with all below it, below another one; a loop is refused."""
        moved = await network.teams.move(TeamId(team_id), _team_id(body.parent_id), version=version)
        return _tagged(moved, response)

    @routes.delete("/api/teams/{team_id}", status_code=204)
    async def dissolve_team(team_id: Id, version: IfMatch, _: Annotated[Principal, require(WRITE)]) -> None:
        """Dissolve a team: everybody leaves; what it was stays on record."""
        await network.teams.dissolve(TeamId(team_id), version=version)


def _members(routes: APIRouter, network: Network) -> None:
    @routes.get("/api/teams/{team_id}/members")
    async def list_members(
        team_id: Id,
        who: Caller,
        at: Moment | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[MemberAnswer]:
        """Who is in a team, or was at a moment, by id; its leader sees everybody, a member itself."""
        page = await network.teams.members(team_id, _viewer(who), at=at, limit=limit, cursor=cursor)
        return items(page, [_member(one) for one in page.items])

    @routes.post("/api/teams/{team_id}/members", status_code=201)
    async def add_member(
        team_id: Id, body: NewMember, once: Idempotency, _: Annotated[Principal, require(WRITE)]
    ) -> MemberAnswer:
        """Let a distributor who is in no team join."""
        joined = await network.teams.add(TeamId(team_id), DistributorId(body.distributor_id), once=once)
        return _member(joined)

    @routes.delete("/api/teams/{team_id}/members/{distributor_id}", status_code=204)
    async def remove_member(team_id: Id, distributor_id: Id, _: Annotated[Principal, require(WRITE)]) -> None:
        """Let a member leave; the leader only once another one leads."""
        await network.teams.remove(TeamId(team_id), DistributorId(distributor_id))


def _team_id(value: int | None) -> TeamId | None:
    return None if value is None else TeamId(value)


def _tagged(team: Team, response: Response) -> TeamAnswer:
    response.headers["ETag"] = etag(team.version)
    return _shaped(team)


def _shaped(team: Team) -> TeamAnswer:
    return TeamAnswer(**_named(team, TeamAnswer))


def _member(one: TeamMember) -> MemberAnswer:
    return MemberAnswer(**_named(one, MemberAnswer))


def _named(one: Team | TeamMember | Membership, answer: type[Answer]) -> dict[str, Any]:
    names: Sequence[str] = tuple(answer.model_fields)
    return {name: getattr(one, name) for name in names}
