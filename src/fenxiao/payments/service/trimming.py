"""Forgetting where ended transfers went."""

from datetime import timedelta

from fenxiao.infra.db.database import Database

KEEP = timedelta(days=1)
CHUNK = 2000
"""Rows of one transaction, so that nobody waits for long."""


class Trimming:
    """The daily forgetting. Number, amount, status and attempts stay."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def trim(self) -> int:
        """Forget holder and number of what ended a day ago, and with it the whole file that it was in; how many.

        A file is the same each time or none: as long as the bank has not said of all of it, it can be had again.
        """
        total, before = 0, self._db.clock() - KEEP
        while True:
            async with self._db.begin() as tx:
                tag = await tx.execute(
                    "update transfer set destination_sealed = null, confirmation_sealed = null where transfer_id in"
                    " (select transfer_id from transfer t where ended_at < $1 and destination_sealed is not null"
                    " and not exists (select from transfer o where o.batch_id = t.batch_id"
                    "  and (o.ended_at is null or o.ended_at >= $1))"
                    " order by ended_at, transfer_id limit $2 for update skip locked)",
                    before,
                    CHUNK,
                )
            count = int(tag.rsplit(" ", 1)[1])
            total += count
            if count < CHUNK:
                return total
