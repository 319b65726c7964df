"""Questions about what must hold, for the checks."""

from datetime import datetime, timedelta

from fenxiao.infra.crypto import CannotOpen, Cipher
from fenxiao.infra.db.database import Database
from fenxiao.notifications.queries import checking
from fenxiao.notifications.queries.checking import Contradiction


class Proof:
    """Reads only."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher

    async def contradictions_after(
        self, delivery_id: int, limit: int
    ) -> tuple[int | None, list[Contradiction]]:
        """The next deliveries whose log contradicts their state, and where to go on, None at the end."""
        return await checking.contradictions_after(self._db, delivery_id, limit)

    async def unusable_secrets(self) -> list[tuple[int, str]]:
        """Webhooks with a secret missing or not to be opened, and which of the two it is."""
        wrong = []
        for webhook_id, number, sealed in await checking.secrets(self._db):
            if number is None or sealed is None:
                wrong.append((webhook_id, "no present secret"))
                continue
            try:
                self._cipher.open(sealed, table="webhook_secret", column="secret_sealed", row=number)
            except CannotOpen:
                wrong.append((webhook_id, f"secret {number} does not open with the keys of this data folder"))
        return wrong

    async def overdue(self, late: timedelta, limit: int) -> list[tuple[int, datetime]]:
        """Deliveries of enabled webhooks that have been due for longer than `late`."""
        return await checking.overdue(self._db, self._db.clock() - late, limit)
