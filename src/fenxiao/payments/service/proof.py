"""Questions about what must hold, for the checks."""

from collections.abc import Collection
from datetime import datetime, timedelta

from fenxiao.infra.db.database import Database
from fenxiao.payments.domain.transfers import BANK
from fenxiao.payments.queries import checking
from fenxiao.payments.queries.checking import Contradiction


class Proof:
    """Reads only."""

    def __init__(self, db: Database, channels: Collection[str]) -> None:
        self._db = db
        self._channels = [name for name in channels if name != BANK]

    async def contradictions_after(
        self, transfer_id: int, limit: int
    ) -> tuple[int | None, list[Contradiction]]:
        """The next transfers whose status does not rest on what was said, and where to go on, None at the end."""
        return await checking.contradictions_after(self._db, transfer_id, limit)

    async def paid_twice_after(
        self, transfer_id: int, limit: int
    ) -> tuple[int | None, list[tuple[str, list[str]]]]:
        """The next transfers that were paid under several references, and where to go on, None at the end."""
        return await checking.paid_twice_after(self._db, transfer_id, limit)

    async def overdue(self, late: timedelta, limit: int) -> list[tuple[str, datetime]]:
        """Transfers of configured channels that have been due for longer than `late`."""
        return await checking.overdue(self._db, self._channels, self._db.clock() - late, limit)
