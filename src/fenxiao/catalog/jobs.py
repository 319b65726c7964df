"""What the clock starts."""

from datetime import timedelta

from fenxiao.catalog.service.alerts import Alerts
from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job

_LOOK = timedelta(minutes=5)


def jobs(db: Database, alerts: Alerts) -> list[Job]:
    """The sweep for stock that became low overnight: looked for more often than it is due, so that none is missed."""
    return [Job("catalog low stock", _LOOK, alerts.sweep, db)]
