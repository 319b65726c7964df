"""What the clock starts in orders."""

from collections.abc import Sequence

from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job
from fenxiao.orders.service import SWEEP_EVERY, UNPAID_EVERY, Orders


def jobs(orders: Orders, db: Database) -> Sequence[Job]:
    """The sweep of stock held for attempts that never came to an end, and that of orders nobody has paid in time."""
    return (
        Job("orders sweep", SWEEP_EVERY, orders.sweep, db),
        Job("orders unpaid", UNPAID_EVERY, orders.cancel_unpaid, db),
    )
