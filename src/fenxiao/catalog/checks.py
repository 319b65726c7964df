"""What must always hold in the warehouse.

Batches are the sums of their movements, stock is the sum of its batches, what is reserved is the sum of the
holds, a hold is what its order's events have left of it, and nothing is below zero. What is low is marked so, a
count has booked what it found, and nothing of a recalled batch has been shipped.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC
from functools import partial

from fenxiao.catalog.queries.disagreements import QUESTIONS, disagreements
from fenxiao.infra.db.database import Database
from fenxiao.infra.wiring import Check, Finding


def checks(db: Database) -> Sequence[Check]:
    """The checks of this context."""
    return tuple(Check(name, partial(_findings, db, name)) for name in QUESTIONS)


async def _findings(db: Database, name: str) -> AsyncIterator[Finding]:
    async for found in disagreements(db, name, db.clock().astimezone(UTC).date()):
        yield Finding(
            check=name,
            subject=found.subject,
            expected=found.expected,
            found=found.found,
            in_flight=found.in_flight,
        )
