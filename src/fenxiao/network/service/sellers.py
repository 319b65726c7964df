"""Sellers as they stand now, remembered for as long as the tree stands still.

Every order asks for its seller's upline, and the tree changes far less often than orders come. So what was read is
kept with the version of the tree at which it was read, and every question reads that version again: what is answered
is as fresh as if it had been read from the tables, and costs one small look-up for a batch of known sellers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.path import split
from fenxiao.network.api import Member, Seller
from fenxiao.network.queries import sellers

MOST_SELLERS = 100_000
"""How many sellers are remembered; some 60 MB. Members are few beside them, who stands above whom is shared."""

ATTEMPTS = 3


@dataclass(slots=True)
class _Book:
    """What has been read of one state of the tree. `version` moves on while there are registrations alone."""

    version: int
    members: dict[DistributorId, Member] = field(default_factory=dict)
    sellers: dict[DistributorId, Seller] = field(default_factory=dict)


class PresentSellers:
    """Answers who stands above a seller now."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._book = _Book(-1)

    async def of(
        self, distributor_ids: Sequence[DistributorId]
    ) -> tuple[dict[DistributorId, Seller], datetime | None]:
        """Each of these that exists, and when somebody last got another sponsor, status or grade."""
        for _ in range(ATTEMPTS):
            known = self._book.sellers
            unknown = [one for one in distributor_ids if one not in known]
            version, changed_at, paths = await sellers.paths(self._db, unknown)
            book = await self._at(version)
            # Looked up behind the version: what another question has forgotten meanwhile is read again.
            if book.sellers is known and await self._learn(book, paths):
                found = {one: seller for one in distributor_ids if (seller := known.get(one))}
                self._make_room()
                return found, changed_at
        # The tree is being rebuilt under our hands: one statement sees one state.
        present = await sellers.present(self._db, list(distributor_ids))
        return present.sellers, present.changed_at

    async def _at(self, version: int) -> _Book:
        """The book that is true at this version; a new one if more than registrations happened since."""
        book = self._book
        if version != book.version:
            low, high = sorted((version, book.version))
            if await sellers.changed_between(self._db, low, high):
                book = _Book(version)
            book.version = version
            self._book = book
        return book

    async def _learn(self, book: _Book, paths: dict[DistributorId, bytes]) -> bool:
        """Remember the sellers on these paths; False if the tree has moved meanwhile."""
        if not paths:
            return True
        chains = {owner: split(path) for owner, path in paths.items()}
        # Asked one by one: taking the keys' view away from a set would go through everybody who is remembered.
        unknown = {one for one in set().union(*chains.values()) if one not in book.members}
        if unknown:
            version, members = await sellers.members(self._db, list(unknown))
            if version != book.version and await self._at(version) is not book:
                return False
            book.members |= members
        member = book.members.__getitem__
        for owner, chain in chains.items():
            upline = tuple(map(member, chain[-2::-1]))
            book.sellers[owner] = Seller(member=member(owner), upline=upline, tree_version=book.version)
        return True

    def _make_room(self) -> None:
        if len(self._book.sellers) > MOST_SELLERS:
            self._book = _Book(self._book.version)
