"""What notifications does by the clock."""

from collections.abc import Sequence
from datetime import timedelta

from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job
from fenxiao.notifications.service import Notifications


def jobs(service: Notifications, db: Database) -> Sequence[Job]:
    """The jobs of this context."""

    async def tend() -> None:
        await service.measure()
        await service.mail.sweep()

    # Each job that runs keeps a connection of the pool for its lock, so there are few of them.
    return (
        Job("notifications deliver", timedelta(seconds=1), service.sending.sweep, db),
        Job("notifications tend", timedelta(seconds=5), tend, db),
        Job("notifications trim", timedelta(days=1), service.trimming.trim, db),
    )
