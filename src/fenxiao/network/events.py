"""What has happened in the network of distributors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fenxiao.kernel.events import Event
from fenxiao.kernel.ids import AccountId, DistributorId, HoldId, TeamId


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfDistributor(Event):
    distributor_id: DistributorId
    tree_version: int

    def subject(self) -> str:
        """The distributor."""
        return f"distributors/{self.distributor_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributorRegistered(_OfDistributor):
    """A distributor joined; `hold_id` is that of the account, None for one without login."""

    type = "distributor.registered"
    sponsor_id: DistributorId | None
    status: str
    joined_at: datetime
    account_id: AccountId | None
    hold_id: HoldId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributorMoved(_OfDistributor):
    """A distributor and everyone below has another sponsor now."""

    type = "distributor.moved"
    sponsor_id: DistributorId | None
    previous_sponsor_id: DistributorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributorGradeChanged(_OfDistributor):
    """A distributor has another grade now."""

    type = "distributor.grade_changed"
    grade: str | None
    previous: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributorStatusChanged(_OfDistributor):
    """A distributor was activated or suspended."""

    type = "distributor.status_changed"
    status: str
    previous: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributorErased(_OfDistributor):
    """个人信息删除: nothing here says any more who the distributor is; whoever keeps something of the person deletes it.

    `account_id` is the login he had, None without one.
    """

    type = "distributor.erased"
    account_id: AccountId | None


TeamChangeKind = Literal["created", "renamed", "moved", "led", "joined", "left", "dissolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamChanged(Event):
    """团队变更: a team was changed; leader, parent and level are those it has now.

    `version` counts the changes of all teams, so a higher one of the same team is the later. `distributor_id` is who
    leads now (`created`, `led`), has joined or has left; with `dissolved` everybody has left, and nobody leads. Where a
    team has moved, those below it have followed with their levels.
    """

    type = "team.changed"
    team_id: TeamId
    version: int
    change: TeamChangeKind
    distributor_id: DistributorId | None
    leader_id: DistributorId | None
    parent_id: TeamId | None
    level: int

    def subject(self) -> str:
        """The team."""
        return f"teams/{self.team_id}"
