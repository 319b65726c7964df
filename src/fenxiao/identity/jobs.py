"""What identity does by the clock: new signing keys, and forgetting what is over."""

from collections.abc import Sequence
from datetime import timedelta

from fenxiao.identity.service import Identity
from fenxiao.infra.db.database import Database
from fenxiao.infra.jobs import Job


def jobs(identity: Identity, db: Database) -> Sequence[Job]:
    """The jobs of this context."""
    return (
        Job("identity rotate signing key", timedelta(hours=1), identity.keys.rotate, db),
        Job("identity forget", timedelta(hours=1), identity.sessions.forget, db),
    )
