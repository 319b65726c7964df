"""Proof of the ledger: what must hold between entries, postings, balances and statements."""

from collections.abc import AsyncIterator

from fenxiao.commission.queries import proof
from fenxiao.commission.queries.proof import Fault
from fenxiao.infra.db.database import Database

QUESTIONS = {
    "balances": proof.BALANCES,
    "earned": proof.EARNED,
    "expenses": proof.EXPENSES,
    "bookings": proof.BOOKINGS,
    "releases": proof.RELEASES,
    "statements": proof.STATEMENTS,
    "corrections": proof.CORRECTIONS,
    "settled": proof.SETTLED,
    "unsettled": proof.UNSETTLED,
}
"""Each has a name, and finds one row per fault. Debits equal credits by construction: a posting has one of each."""


class Proof:
    """Asks the questions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def faults(self, question: str) -> AsyncIterator[Fault]:
        """Everything for which the named question finds that it does not hold."""
        for fault in await proof.faults(self._db, QUESTIONS[question]):
            yield fault
