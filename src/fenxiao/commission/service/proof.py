"""Proof of the ledger: what must hold between entries, postings, balances and statements."""

from collections.abc import AsyncIterator

from fenxiao.commission.queries import proof
from fenxiao.commission.queries.proof import Fault
from fenxiao.infra.db.database import Database

QUESTIONS = {
    "balances are the sums of their postings": proof.BALANCES,
    "what is held is what was earned": proof.EARNED,
    "entries come to the expense of their order": proof.EXPENSES,
    "every entry is booked once": proof.BOOKINGS,
    "every release is booked once": proof.RELEASES,
    "statements are the sums of what they released": proof.STATEMENTS,
    "corrections stand where what they correct stands": proof.CORRECTIONS,
    "nothing is released before its time": proof.SETTLED,
    "nothing is released by nobody": proof.UNSETTLED,
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
