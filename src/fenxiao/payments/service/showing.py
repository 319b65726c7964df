"""Transfers, shown."""

from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.kernel.paging import Page
from fenxiao.payments.queries import transfers as queries
from fenxiao.payments.queries.transfers import Attempt, Transfer, TransferFilter


class Showing:
    """Reads only."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher

    async def page(self, wanted: TransferFilter, *, limit: int, cursor: str | None) -> Page[Transfer]:
        """Transfers, the newest first."""
        return await queries.page(self._db, wanted, limit=limit, cursor=cursor)

    async def find(self, payout_number: str) -> tuple[Transfer, tuple[Attempt, ...], str | None]:
        """A transfer, what was tried and said, and what the payee's app needs to confirm it; PayoutUnknown."""
        found = await queries.find(self._db, payout_number)
        sealed = await queries.confirmation(self._db, found.transfer_id)
        confirmation = None
        if sealed is not None:
            confirmation = self._cipher.open(
                sealed, table="transfer", column="confirmation_sealed", row=payout_number
            )
        return found, await queries.attempts(self._db, found.transfer_id), confirmation
