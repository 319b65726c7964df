"""What has happened in the network of distributors."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.kernel.events import Event
from fenxiao.kernel.ids import AccountId, DistributorId, HoldId


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
