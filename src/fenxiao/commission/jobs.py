"""What the clock starts."""

from datetime import timedelta

from fenxiao.commission.service.books import Books
from fenxiao.commission.service.periods.starting import Periods
from fenxiao.commission.service.rewards.starting import Rewards
from fenxiao.commission.service.settlement import Settlements
from fenxiao.commission.service.simulation_retention import SimulationRetention
from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job

_LOOK = timedelta(minutes=10)


def jobs(
    db: Database, settlements: Settlements, periods: Periods, books: Books, rewards: Rewards
) -> list[Job]:
    """The day's close of periods, its settlement, the close of its book, and its rewards: looked for more often than due, so a restart skips or repeats none."""
    return [
        Job("commission daily periods", _LOOK, periods.start_daily, db),
        Job("commission daily settlement", _LOOK, settlements.settle_daily, db),
        Job("commission book days", _LOOK, books.close_days, db),
        Job("commission daily rewards", _LOOK, rewards.start_daily, db),
    ]


def retention_jobs(db: Database, simulations: SimulationRetention) -> list[Job]:
    """What is not kept for ever."""
    return [Job("commission forget simulations", timedelta(days=1), simulations.forget, db)]
