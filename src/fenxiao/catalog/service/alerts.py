"""Low stock that comes by itself: with the day, batches expire."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, timedelta

from fenxiao.catalog.store import alerts
from fenxiao.catalog.store import stock as stock_store
from fenxiao.infra.db.database import Database

CHUNK = 500
_OVERLAP = timedelta(days=2)
"""A transaction that looked at the clock before midnight may commit after the sweep of the new day."""


class Alerts:
    """库存预警: products whose sellable stock has fallen because batches expired."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._swept: date | None = None

    async def sweep(self) -> None:
        """Look at the products with a threshold of which a batch has expired since the last sweep.

        The first sweep of a process looks at all that have a threshold: nobody knows how long nobody looked.
        """
        today = self._db.clock().astimezone(UTC).date()
        if self._swept is None:
            await self._look(lambda after: alerts.watched(self._db, after, CHUNK))
        else:
            first, last = self._swept - _OVERLAP, today - timedelta(days=1)
            await self._look(lambda after: alerts.expired_between(self._db, first, last, after, CHUNK))
        self._swept = today

    async def _look(self, products_after: Callable[[int], Awaitable[list[int]]]) -> None:
        after = 0
        while product_ids := await products_after(after):
            async with self._db.begin() as tx:
                await stock_store.lock_stock(tx, product_ids)
                await alerts.watch(tx, product_ids, self._db.clock())
            after = product_ids[-1]
