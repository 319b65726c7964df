"""What the clock starts in orders."""

from collections.abc import Sequence

from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job
from fenxiao.orders.service import SWEEP_EVERY, Orders


def jobs(orders: Orders, db: Database) -> Sequence[Job]:
    """The sweep of stock that was held for attempts which never came to an end."""
    return (Job("orders sweep", SWEEP_EVERY, orders.sweep, db),)
