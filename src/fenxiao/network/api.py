"""What other contexts may ask of the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from fenxiao.kernel.errors import Conflict, NotFound, Refusal
from fenxiao.kernel.ids import DistributorId, TeamId
from fenxiao.kernel.values import value

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


@value(kw_only=True)
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
class MemberAt:
    """One distributor who had joined by a moment, as he stood then; whoever has no sponsor who had, has None."""

    member: Member
    sponsor_id: DistributorId | None
    joined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One stretch of the tree's history: this was the sponsor from `from_version` until before `to_version`."""

    distributor_id: DistributorId
    sponsor_id: DistributorId | None
    from_version: int
    to_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """安置: one distributor's place in the placement tree, `position` 1 the left one; both None for whoever has nobody above."""

    distributor_id: DistributorId
    parent_id: DistributorId | None
    position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamStretch:
    """A stretch of time in which somebody was in a team, from `since` to before `until`; `from_version` tells it apart."""

    team_id: TeamId
    distributor_id: DistributorId
    from_version: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeChange:
    """Another grade (None: none) for a distributor who still has the grade `expected`; `reason` goes into the audit log."""

    distributor_id: DistributorId
    grade: str | None
    expected: str | None
    reason: str


Ground = Literal["request", "consent-withdrawn", "purpose-ended", "retention-ended", "unlawful"]
"""Why a person is erased: the cases of article 47 of 个人信息保护法. No words of one's own: the audit log is for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Whose person is to be erased, and why; `version` is the one that was looked at (None: any)."""

    distributor_id: DistributorId
    ground: Ground
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """Since when nothing says any more who this distributor is."""

    distributor_id: DistributorId
    at: datetime


class DistributorGone(Conflict):
    """The person of distributor {distributor_id} was erased; nothing can be added to it again."""

    code = "distributor-erased"


class NoPerson(Conflict):
    """Distributor {distributor_id} stands for direct sales; there is nobody to erase."""

    code = "no-person"


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

    async def joined(self, *, distributor_ids: Sequence[DistributorId]) -> dict[DistributorId, datetime]:
        """When each of these that exists was registered; that never changes."""

    async def names(self, *, distributor_ids: Sequence[DistributorId]) -> dict[DistributorId, str]:
        """What each of these that exists is called now; at most 200."""

    async def roster(self, *, at: datetime, cursor: int, limit: int) -> list[MemberAt]:
        """The next `limit` distributors by id behind `cursor` who had joined before a past moment, as they stood then.

        Read on as with `placements_at`. Somebody who is brought in later with a date before the moment comes to it.
        """

    async def grade_ranks(self) -> dict[str, int]:
        """The rank of each grade; a higher rank is a higher grade."""

    async def set_grades(self, *, changes: Sequence[GradeChange]) -> list[bool]:
        """Give each the grade; whether he has it now.

        He does not where he has another than was expected, where there is no such distributor or grade, and where he
        stands for direct sales.
        """

    async def members_at(self, *, asked: Sequence[tuple[DistributorId, int]]) -> list[Seller | Refusal]:
        """Each seller with the upline as the history has it at a tree version: the second source for checks."""

    async def erase(self, *, erasures: Sequence[Erasure]) -> list[Erased | Refusal]:
        """Erase name, contacts, external id and login of each, and suspend him.

        Again, it changes nothing. DistributorMissing, StaleVersion, or NoPerson for the one that stands for direct sales,
        stand in their places.
        """

    async def placements_at(self, *, at: datetime, cursor: int, limit: int) -> list[Placement]:
        """The next `limit` distributors by id behind `cursor` who had a place in the placement tree at a past moment.

        Read on with the last id as the cursor, from 0 until fewer come. The past never changes, so pages read at
        different times belong together; somebody's parent may be on another page.
        """

    async def teams_led(
        self, *, at: datetime, distributor_ids: Sequence[DistributorId]
    ) -> dict[DistributorId, TeamId]:
        """Which team each of these led at a past moment; who led none is left out. The past never changes."""

    async def team_stretches(
        self,
        *,
        team_ids: Sequence[TeamId],
        since: datetime,
        until: datetime,
        after: TeamStretch | None,
        limit: int,
    ) -> list[TeamStretch]:
        """Who was in these teams when, of the time from `since` to before `until`, a past moment.

        Stretches are cut to that time, in the order of team, distributor and time, at most `limit`; read on with the
        last as `after` until fewer come. Those of one distributor do not overlap; the past never changes.
        """
