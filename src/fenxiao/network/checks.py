"""What must always hold in the network: paths follow sponsors and places, no loops, histories that end in the present, teams of one story."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.wiring import Check, Finding
from fenxiao.network.queries import faults, team_faults
from fenxiao.network.queries.faults import Fault

TEAMS = "network.teams"


def checks(db: Database) -> Sequence[Check]:
    """The checks of this context."""

    async def teams() -> AsyncIterator[Finding]:
        for fault in await team_faults.broken(db):
            yield Finding(check=TEAMS, subject=fault.subject, expected=fault.expected, found=fault.found)

    return (
        _check("network.paths", db, faults.wrong_paths),
        _check("network.loops", db, faults.loops),
        _check("network.placement", db, faults.misplaced),
        _check("network.history", db, faults.broken_histories),
        Check(TEAMS, teams),
    )


def _check(name: str, db: Database, question: Callable[[Reader], Awaitable[list[Fault]]]) -> Check:
    async def findings() -> AsyncIterator[Finding]:
        for fault in await question(db):
            subject = f"distributors/{fault.distributor_id}"
            yield Finding(check=name, subject=subject, expected=fault.expected, found=fault.found)

    return Check(name, findings)
