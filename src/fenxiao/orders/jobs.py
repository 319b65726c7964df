"""What the clock starts in orders."""

from collections.abc import Sequence
from datetime import timedelta

from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job
from fenxiao.orders.service import SWEEP_EVERY, UNPAID_EVERY, Orders
from fenxiao.orders.service.retention import BuyerRetention


def jobs(orders: Orders, buyers: BuyerRetention, db: Database) -> Sequence[Job]:
    """Sweeps of stock held for attempts that never ended, of orders nobody has paid in time, of buyers of long ago."""
    return (
        Job("orders sweep", SWEEP_EVERY, orders.sweep, db),
        Job("orders unpaid", UNPAID_EVERY, orders.cancel_unpaid, db),
        Job("orders forget buyers", timedelta(days=1), buyers.forget, db),
    )
