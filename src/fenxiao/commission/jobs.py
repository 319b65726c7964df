"""What the clock starts."""

from datetime import timedelta

from fenxiao.commission.service.settlement import Settlements
from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job

_LOOK = timedelta(minutes=10)


def jobs(db: Database, settlements: Settlements) -> list[Job]:
    """The daily settlement: looked for more often than it is due, so that a restart neither skips nor repeats one."""
    return [Job("commission daily settlement", _LOOK, settlements.settle_daily, db)]
