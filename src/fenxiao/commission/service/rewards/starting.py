"""Starting (发放奖励): runs that grant the rewards of a period, by hand or by the day, and what they have granted."""

from zoneinfo import ZoneInfo

from fenxiao.commission.queries import rewards
from fenxiao.commission.queries.rewards import Reward, RewardRun
from fenxiao.commission.store import rewards as store
from fenxiao.engine.periods import Period, read_period
from fenxiao.engine.rewards.params import RewardPeriod
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import Conflict, FieldError, Invalid, NotFound
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.paging import Page

KIND = "rewards"
"""The kind of its runs."""

KINDS: tuple[RewardPeriod, ...] = ("month", "quarter")
_UNKNOWN = "There is no such period; write 2026-03 for a month or 2026-Q1 for a quarter."


class RewardRunMissing(NotFound):
    """There is no run of rewards {reward_run_id}."""

    code = "reward-run-missing"


class RewardPeriodUnknown(Invalid):
    """{period} is no month and no quarter."""

    code = "period-unknown"


class RewardPeriodNotOver(Conflict):
    """The period {period} is not over; its rewards can be granted from {end} on."""

    code = "period-not-over"


class Rewards:
    """Queues runs, and tells how they went."""

    def __init__(self, db: Database, clock: Clock, zone: ZoneInfo) -> None:
        self._db, self._clock, self._zone = db, clock, zone

    async def start(self, key: str, *, once: Once | None) -> RewardRun:
        """Queue the rewards of a period that is over, in every currency whose plan has some for such a period."""
        now = self._clock()
        period = read(key, self._zone)
        if period is None:
            raise RewardPeriodUnknown(errors=(FieldError("period", _UNKNOWN),), period=key)
        if period.end > now:
            raise RewardPeriodNotOver(period=key, end=period.end.isoformat())
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(RewardRun)
            run_id = await runs.create(tx, KIND, {})
            number = await store.open_run(tx, run_id=run_id, period=key, scheduled_on=None, now=now)
            tx.audit("commission.rewards-granted", f"reward-runs/{number}", after={"period": key})
            found = await rewards.run(tx, reward_run_id=number)
            assert found is not None  # noqa: S101 - just written
            return tx.keep(found)

    async def start_daily(self) -> int | None:
        """The day's run: grants what has ended since, and looks again at what was granted; None if it has been queued."""
        now = self._clock()
        today = now.astimezone(self._zone).date()
        async with self._db.begin() as tx:
            if await tx.fetchval("select true from reward_run where scheduled_on = $1", today):
                return None
            run_id = await runs.create(tx, KIND, {})
            return await store.open_run(tx, run_id=run_id, period=None, scheduled_on=today, now=now)

    async def find(self, reward_run_id: int) -> RewardRun:
        """A run that grants; RewardRunMissing."""
        found = await rewards.run(self._db, reward_run_id=reward_run_id)
        if found is None:
            raise RewardRunMissing(reward_run_id=reward_run_id)
        return found

    async def page(
        self, distributor_id: DistributorId | None, *, limit: int, cursor: str | None
    ) -> Page[Reward]:
        """Rewards of one distributor, or of all, the latest first."""
        return await rewards.page(self._db, distributor_id=distributor_id, limit=limit, cursor=cursor)


def read(key: str, zone: ZoneInfo) -> Period | None:
    """The month or quarter of a key, None if there is none such."""
    try:
        period = read_period(key, zone)
    except ValueError:
        return None
    return period if period.kind in KINDS else None
