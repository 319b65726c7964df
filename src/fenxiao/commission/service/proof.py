"""Proof of the ledger: what must hold between entries, postings, balances and statements."""

from collections.abc import AsyncIterator, Iterable

from fenxiao.commission.domain import proofs
from fenxiao.commission.queries import proof, reward_proof, settlement, withdrawal_proof
from fenxiao.commission.queries.proof import Fault
from fenxiao.commission.queries.settlement import Digest
from fenxiao.infra.db.database import Database

QUESTIONS = {
    "balances": proof.BALANCES,
    "earned": proof.EARNED,
    "expenses": proof.EXPENSES,
    "bookings": proof.BOOKINGS,
    "releases": proof.RELEASES,
    "statements": proof.STATEMENTS,
    "corrections": proof.CORRECTIONS,
    "maturing": proof.MATURING,
    "settled": proof.SETTLED,
    "unsettled": proof.UNSETTLED,
    "reward_postings": reward_proof.REWARD_POSTINGS,
    "reward_releases": reward_proof.REWARD_RELEASES,
    "reward_corrections": reward_proof.REWARD_CORRECTIONS,
    "withdrawing": withdrawal_proof.WITHDRAWING,
    "payouts": withdrawal_proof.PAYOUT_POSTINGS,
    "withdrawals": withdrawal_proof.WITHDRAWALS,
    "withdrawal_steps": withdrawal_proof.WITHDRAWAL_STEPS,
    "tax_accounts": withdrawal_proof.TAX_ACCOUNTS,
    "debts": withdrawal_proof.DEBTS,
    "payout_findings": withdrawal_proof.PAYOUT_FINDINGS,
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

    async def hashes(self) -> AsyncIterator[Fault]:
        """Settlements whose hashes, computed once more from what is stored of them, are others than they were."""
        stored = await settlement.proved(self._db)
        entries, statements = await settlement.all_digests(self._db)
        released, written = _by_settlement(entries), _by_settlement(statements)
        for one in stored:
            number = one.settlement_id
            again = proofs.again(one.cutoff, released.get(number, []), written.get(number, []))
            for name in ("input_hash", "output_hash"):
                before, now = getattr(one, name), getattr(again, name)
                if before != now:
                    yield Fault(subject=f"settlement {number}.{name}", expected=now.hex(), found=before.hex())


def _by_settlement(digests: Iterable[Digest]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for one in digests:
        found.setdefault(one.settlement_id, []).append(one.digest)
    return found
