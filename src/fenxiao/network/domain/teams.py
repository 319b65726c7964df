"""Teams (团队): what one may become, and why a change is declined.

A team has a leader, who is one of its members; nobody is in two teams. A team stands below at most one other, one
level deeper, and never below itself.
"""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.kernel.errors import Conflict, FieldError, Invalid, NotFound
from fenxiao.kernel.ids import DistributorId, TeamId

MAX_LEVELS = 50
"""Levels of teams below each other, the top one counted."""

NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """团队: a team; `members` counts those in it, the leader among them, `version` its changes (its ETag).

    One that was dissolved has nobody, and keeps the parent and the level that it had.
    """

    team_id: TeamId
    name: str
    status: str
    leader_id: DistributorId | None
    parent_id: TeamId | None
    level: int
    members: int
    created_at: datetime
    dissolved_at: datetime | None
    version: int


class TeamMissing(NotFound):
    """There is no team {team_id}."""

    code = "team-missing"


class TeamDissolved(Conflict):
    """Team {team_id} was dissolved and changes no more."""

    code = "team-dissolved"


class MemberMissing(NotFound):
    """Distributor {distributor_id} is not in team {team_id}."""

    code = "member-missing"


class InAnotherTeam(Conflict):
    """Distributor {distributor_id} is in team {team_id}; take it out there first."""

    code = "in-another-team"


class LeadsTeam(Conflict):
    """Distributor {distributor_id} leads team {team_id}; name another leader first."""

    code = "leads-team"


class TeamLoop(Conflict):
    """Team {team_id} stands above team {parent_id}; this parent would close a loop."""

    code = "team-loop"


class TeamsTooDeep(Conflict):
    """Teams would stand more than {most} levels deep here; choose a parent further up."""

    code = "teams-too-deep"


class TeamHasTeams(Conflict):
    """Team {child_id} stands below team {team_id}; move or dissolve it first."""

    code = "team-has-teams"


class ParentTeamMissing(Invalid):
    """There is no active team {parent_id} to stand below."""

    code = "parent-team-missing"


class MemberUnknown(Invalid):
    """There is no distributor {distributor_id} who could be in a team."""

    code = "member-unknown"


def name_faults(name: str) -> tuple[FieldError, ...]:
    """What is wrong with a team's name; empty when nothing is."""
    if name.strip() and name.isprintable() and len(name.strip()) <= NAME_CHARACTERS:
        return ()
    return (FieldError("name", "Send a name of 1 to {most} visible characters.", {"most": NAME_CHARACTERS}),)


def level_below(parent_level: int | None, levels_below: int = 0) -> int:
    """The level of a team below one of this level (None: at the top), with so many levels of teams below itself.

    TeamsTooDeep where the deepest of them would stand too deep.
    """
    level = 1 if parent_level is None else parent_level + 1
    if level + levels_below > MAX_LEVELS:
        raise TeamsTooDeep(most=MAX_LEVELS)
    return level
