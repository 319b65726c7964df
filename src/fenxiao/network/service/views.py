"""Who may look at whom: everybody, or oneself and those below."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.paging import Page
from fenxiao.kernel.path import split
from fenxiao.network.api import DistributorMissing, Member
from fenxiao.network.queries import downlines, grades, profiles, sellers, sponsors
from fenxiao.network.queries.downlines import Below, Level
from fenxiao.network.queries.grades import Grade
from fenxiao.network.queries.profiles import Profile, ProfileFilter
from fenxiao.network.queries.sponsors import Sponsorship


@dataclass(frozen=True, slots=True)
class Viewer:
    """On whose behalf is looked: `everything`, or a distributor with its downline; neither sees nobody."""

    everything: bool
    distributor_id: DistributorId | None

    def sees(self, profile: Profile) -> bool:
        """Whether this distributor exists for the viewer."""
        return self.everything or (
            self.distributor_id is not None and self.distributor_id in split(profile.path)
        )


class Views:
    """Reads on behalf of a viewer; what the viewer may not see is missing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def profile(self, distributor_id: int, viewer: Viewer) -> Profile:
        """A distributor; DistributorMissing also for one that the viewer may not see."""
        found = await profiles.profile(self._db, distributor_id)
        if found is None or not viewer.sees(found):
            raise DistributorMissing(distributor_id=distributor_id)
        return found

    async def listed(
        self, wanted: ProfileFilter, viewer: Viewer, *, limit: int, cursor: str | None
    ) -> Page[Profile]:
        """A page of the distributors that the viewer may see; `wanted.within` is set here."""
        if not viewer.everything:
            if viewer.distributor_id is None:
                return Page((), None)
            own = await self.profile(viewer.distributor_id, viewer)
            wanted = ProfileFilter(
                **{name: getattr(wanted, name) for name in ProfileFilter.__slots__} | {"within": own.path}
            )
        return await profiles.listed(self._db, wanted, limit=limit, cursor=cursor)

    async def upline(self, distributor_id: int, viewer: Viewer, *, at: datetime | None) -> list[Member]:
        """The upline, nearest first; a distributor sees no further up than to itself."""
        found = await self.profile(distributor_id, viewer)
        if at is None:
            chain = (
                (await sellers.present(self._db, [found.distributor_id])).sellers[found.distributor_id].upline
            )
        else:
            chain = (await sellers.at_times(self._db, [(found.distributor_id, at)]))[
                found.distributor_id, at
            ].upline
        if viewer.everything:
            return list(chain)
        ids = [member.distributor_id for member in chain]
        own = viewer.distributor_id
        return list(chain[: ids.index(own) + 1]) if own in ids else []

    async def sponsorships(self, distributor_id: int, viewer: Viewer) -> list[Sponsorship]:
        """The history of someone's sponsors."""
        found = await self.profile(distributor_id, viewer)
        return await sponsors.sponsorships(self._db, found.distributor_id)

    async def downline(
        self, distributor_id: int, viewer: Viewer, *, depth: int | None, limit: int, cursor: str | None
    ) -> Page[Below]:
        """A page of the downline in the order of the tree."""
        found = await self.profile(distributor_id, viewer)
        return await downlines.downline(self._db, found.path, depth=depth, limit=limit, cursor=cursor)

    async def levels(self, distributor_id: int, viewer: Viewer) -> list[Level]:
        """Heads per level of the downline."""
        found = await self.profile(distributor_id, viewer)
        return await downlines.summary(self._db, found.path)

    async def names(self, distributor_ids: list[DistributorId]) -> dict[DistributorId, str]:
        """The display names of these distributors."""
        page = await profiles.listed(
            self._db, ProfileFilter(ids=distributor_ids), limit=len(distributor_ids), cursor=None
        )
        return {profile.distributor_id: profile.display_name for profile in page.items}

    async def grades(self) -> list[Grade]:
        """All grades, the lowest first."""
        return await grades.grades(self._db)
