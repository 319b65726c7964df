"""What other contexts may ask of the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from fenxiao.kernel.errors import Conflict, NotFound, Refusal
from fenxiao.kernel.ids import DistributorId

Status = Literal["pending", "active", "suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One distributor as an order sees it: status, grade (and its rank) at one moment.

    `earns` is False for the one that stands for direct sales: he sells and is never paid.
    """

    distributor_id: DistributorId
    status: Status
    grade: str | None
    rank: int | None
    earns: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerQuestion:
    """Who stands above a seller; `at` is the time of a past fact (default: now)."""

    distributor_id: DistributorId
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """A seller and the whole upline, nearest first, as the tree stood; `tree_version` is the state that was read."""

    member: Member
    upline: tuple[Member, ...]
    tree_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """A distributor without a login, known by `external_id`: one that exists already is answered as it is.

    `sponsor_external_id` must be known already or stand earlier in the same call.
    """

    external_id: str
    display_name: str
    joined_at: datetime
    sponsor_external_id: str | None = None
    earns: bool = True
    """False for one that only stands for direct sales: active as a seller, without upline, downline and pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One stretch of the tree's history: this was the sponsor from `from_version` until before `to_version`."""

    distributor_id: DistributorId
    sponsor_id: DistributorId | None
    from_version: int
    to_version: int | None


class DistributorMissing(NotFound):
    """There is no distributor {distributor_id}."""

    code = "distributor-missing"


class SponsorMissing(NotFound):
    """There is no sponsor {sponsor}; register the sponsor first."""

    code = "sponsor-missing"
    status = 422


class SponsorLoop(Conflict):
    """Distributor {distributor_id} stands above {sponsor_id}; this sponsor would close a loop."""

    code = "sponsor-loop"


class NetworkApi(Protocol):
    """组织与团队."""

    async def sellers(self, *, asked: Sequence[SellerQuestion]) -> list[Seller | Refusal]:
        """Each seller with the upline as it stood; DistributorMissing in its place for an unknown one.

        For a past moment the tree history answers; before someone's first sponsor link that first link counts.
        """

    async def register_members(self, *, members: Sequence[NewMember]) -> list[DistributorId | Refusal]:
        """Register distributors without login, in the order asked; those known by external id are answered as they are."""

    async def known_external_ids(self, *, external_ids: Sequence[str]) -> dict[str, DistributorId]:
        """Those of these external ids that exist."""

    async def members_at(self, *, asked: Sequence[tuple[DistributorId, int]]) -> list[Seller | Refusal]:
        """Each seller with the upline as the history has it at a tree version: the second source for checks."""
