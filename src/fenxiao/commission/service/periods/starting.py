"""Starting runs that close periods, and reading how far they have come."""

from datetime import datetime
from zoneinfo import ZoneInfo

from fenxiao.commission.queries import periods
from fenxiao.commission.queries.periods import Closed, Closing
from fenxiao.commission.service.periods import facts
from fenxiao.commission.store import periods as store
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import Conflict, FieldError, Invalid, NotFound
from fenxiao.kernel.paging import Page

KIND = "periods"
"""The kind of these runs."""

_UNKNOWN = "There is no such period; write 2026-03-05, 2026-W10, 2026-03 or 2026-Q1."


class ClosingMissing(NotFound):
    """There is no closing {closing_id}."""

    code = "closing-missing"


class PeriodUnknown(Invalid):
    """{period} is no period that could be closed."""

    code = "period-unknown"


class PeriodNotOver(Conflict):
    """The period {period} is not over; it can be closed from {end} on."""

    code = "period-not-over"


class Periods:
    """What is asked of closing: by hand, by the clock, and how far it is."""

    def __init__(self, db: Database, clock: Clock, zone: ZoneInfo) -> None:
        self._db, self._clock, self._zone = db, clock, zone

    async def start(self, key: str, *, once: Once | None) -> Closing:
        """Queue the close of a period that is over, of every currency whose plan pays by such a period."""
        now = self._clock()
        period = facts.read(key, self._zone)
        if period is None:
            raise PeriodUnknown(errors=(FieldError("period", _UNKNOWN),), period=key)
        if period.end > now:
            raise PeriodNotOver(period=key, end=period.end.isoformat())
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Closing)
            closing = await _queue(tx, period=key, now=now)
            tx.audit("commission.periods-closed", f"closings/{closing.closing_id}", after={"period": key})
            return tx.keep(closing)

    async def start_daily(self) -> int | None:
        """The day's run: closes what has ended since, and looks again at what was closed; None if it has been queued."""
        now = self._clock()
        today = now.astimezone(self._zone).date()
        async with self._db.begin() as tx:
            if await tx.fetchval("select true from closing where scheduled_on = $1", today):
                return None
            run_id = await runs.create(tx, KIND, {})
            return await store.open_closing(tx, run_id=run_id, period=None, scheduled_on=today, now=now)

    async def find(self, closing_id: int) -> Closing:
        """A run that closes; ClosingMissing."""
        found = await periods.closing(self._db, closing_id=closing_id)
        if found is None:
            raise ClosingMissing(closing_id=closing_id)
        return found

    async def page(self, *, limit: int, cursor: str | None) -> Page[Closed]:
        """What is closed, the latest period first."""
        return await periods.page(self._db, limit=limit, cursor=cursor)


async def _queue(tx: Transaction, *, period: str, now: datetime) -> Closing:
    run_id = await runs.create(tx, KIND, {})
    closing_id = await store.open_closing(tx, run_id=run_id, period=period, scheduled_on=None, now=now)
    found = await periods.closing(tx, closing_id=closing_id)
    assert found is not None  # noqa: S101 - just written
    return found
