"""What the network does by the clock: it settles registrations that were cut short, and ends bindings that have had their time."""

from collections.abc import Sequence
from datetime import timedelta

from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job
from fenxiao.network.service import Network


def jobs(network: Network, db: Database) -> Sequence[Job]:
    """The jobs of this context."""
    return (
        Job("network account holds", timedelta(seconds=10), network.registrations.sweep, db),
        Job("network binding lifetimes", timedelta(minutes=1), network.bindings.end_due, db),
        Job("network forget", timedelta(hours=1), network.registrations.forget, db),
    )
