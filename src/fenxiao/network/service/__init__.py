"""Use cases of the network; `Network` is its near api."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.identity.api import IdentityApi
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import DistributorId, TeamId
from fenxiao.network import queries
from fenxiao.network.api import (
    DistributorMissing,
    Erased,
    Erasure,
    GradeChange,
    MemberAt,
    NewMember,
    Placement,
    Seller,
    SellerQuestion,
    TeamStretch,
)
from fenxiao.network.queries import roster
from fenxiao.network.queries import teams as team_queries
from fenxiao.network.service.bindings import Bindings
from fenxiao.network.service.erasing import Erasing
from fenxiao.network.service.grades import Grades
from fenxiao.network.service.members import Members
from fenxiao.network.service.placements import Placements
from fenxiao.network.service.placing import Placing
from fenxiao.network.service.profiles import Profiles
from fenxiao.network.service.promotions import Promotions
from fenxiao.network.service.registration import Registrations
from fenxiao.network.service.sellers import PresentSellers
from fenxiao.network.service.teams import Teams
from fenxiao.network.service.views import Views


class Network:
    """组织与团队: distributors and their tree."""

    def __init__(self, db: Database, cipher: Cipher, identity: IdentityApi) -> None:
        self._db = db
        self._present = PresentSellers(db)
        self.registrations = Registrations(db, cipher, identity)
        self.members = Members(db)
        self.placing = Placing(db)
        self.placements = Placements(db)
        self.promotions = Promotions(db)
        self.bindings = Bindings(db)
        self.erasing = Erasing(db)
        self.profiles = Profiles(db, cipher)
        self.grades = Grades(db)
        self.teams = Teams(db)
        self.views = Views(db)

    async def sellers(self, *, asked: Sequence[SellerQuestion]) -> list[Seller | Refusal]:
        """See `NetworkApi`."""
        present, changed = await self._present.of([question.distributor_id for question in asked])
        # The tree of today answers for every moment since its last change, the history for those before.
        past = [
            (question.distributor_id, question.at)
            for question in asked
            if question.at is not None and changed is not None and question.at < changed
        ]
        before = await queries.sellers.at_times(self._db, past) if past else {}
        return [
            # An unknown one is in neither.
            (before.get((question.distributor_id, question.at)) if question.at is not None else None)
            or present.get(question.distributor_id)
            or DistributorMissing(distributor_id=question.distributor_id)
            for question in asked
        ]

    async def register_members(self, *, members: Sequence[NewMember]) -> list[DistributorId | Refusal]:
        """See `NetworkApi`."""
        return await self.members.register(members)

    async def known_external_ids(self, *, external_ids: Sequence[str]) -> dict[str, DistributorId]:
        """See `NetworkApi`."""
        known = await queries.profiles.places(self._db, external_ids)
        return {external_id: place.distributor_id for external_id, place in known.items()}

    async def joined(self, *, distributor_ids: Sequence[DistributorId]) -> dict[DistributorId, datetime]:
        """See `NetworkApi`."""
        return await queries.profiles.joined(self._db, distributor_ids)

    async def names(self, *, distributor_ids: Sequence[DistributorId]) -> dict[DistributorId, str]:
        """See `NetworkApi`."""
        return await self.views.names(list(distributor_ids))

    async def placements_at(self, *, at: datetime, cursor: int, limit: int) -> list[Placement]:
        """See `NetworkApi`."""
        return await queries.placements.at_moment(self._db, at, cursor, limit)

    async def roster(self, *, at: datetime, cursor: int, limit: int) -> list[MemberAt]:
        """See `NetworkApi`."""
        return await roster.roster(self._db, at=at, cursor=cursor, limit=limit)

    async def grade_ranks(self) -> dict[str, int]:
        """See `NetworkApi`."""
        return {one.grade: one.rank for one in await queries.grades.grades(self._db)}

    async def set_grades(self, *, changes: Sequence[GradeChange]) -> list[bool]:
        """See `NetworkApi`."""
        return await self.promotions.set_grades(changes)

    async def erase(self, *, erasures: Sequence[Erasure]) -> list[Erased | Refusal]:
        """See `NetworkApi`."""
        return await self.erasing.erase(erasures)

    async def members_at(self, *, asked: Sequence[tuple[DistributorId, int]]) -> list[Seller | Refusal]:
        """See `NetworkApi`."""
        found = await queries.sellers.at_versions(self._db, asked)
        return [found.get(question) or DistributorMissing(distributor_id=question[0]) for question in asked]

    async def teams_led(
        self, *, at: datetime, distributor_ids: Sequence[DistributorId]
    ) -> dict[DistributorId, TeamId]:
        """See `NetworkApi`."""
        return await team_queries.led(self._db, at, distributor_ids)

    async def team_stretches(
        self,
        *,
        team_ids: Sequence[TeamId],
        since: datetime,
        until: datetime,
        after: TeamStretch | None,
        limit: int,
    ) -> list[TeamStretch]:
        """See `NetworkApi`."""
        return await team_queries.stretches(self._db, team_ids, since, until, after=after, limit=limit)
