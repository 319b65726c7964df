"""What payments does by the clock."""

from collections.abc import Sequence
from datetime import timedelta

from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job
from fenxiao.payments.service import Payments


def jobs(service: Payments, db: Database) -> Sequence[Job]:
    """The jobs of this context."""
    return (
        Job("payments send", timedelta(seconds=1), service.sending.sweep, db),
        Job("payments trim", timedelta(hours=6), service.trimming.trim, db),
    )
