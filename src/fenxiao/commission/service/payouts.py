"""Payouts (打款): what channels say of them, and what they say against themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fenxiao.commission.domain.withdrawal_refusals import FindingMissing, FindingResolved, PayoutMissing
from fenxiao.commission.domain.withdrawals import Told
from fenxiao.commission.queries import withdrawals as queries
from fenxiao.commission.queries.withdrawals import Finding
from fenxiao.commission.service import withdrawal_books
from fenxiao.commission.store import withdrawals as store
from fenxiao.infra import context
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.paging import Page

Word = Literal["processing", "awaiting_user", "unknown", "paid", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutOutcome:
    """What a channel says of a payout. `sequence` orders the words that end nothing; `reference` is the channel's own.

    `unknown`: the channel did not answer; the payout is asked about, never sent again under another number.
    """

    payout_number: str
    outcome: Word
    sequence: int = 0
    reference: str | None = None
    reason: str | None = None


class Payouts:
    """Hears the channels."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher

    @starts_over
    async def record_outcomes(
        self, outcomes: Sequence[PayoutOutcome], *, delivery: Delivery | None = None
    ) -> list[Refusal | None]:
        """Take the channels' word: None for each that was taken, PayoutMissing for a number that was never sent.

        Converges: in whatever order, however often and in whatever batches the words come, a payout ends once and its
        money moves once. What contradicts the word that ended it becomes a finding and an event, for a person.
        """
        now, actor = self._db.clock(), context.current().actor
        async with self._db.begin(once=delivery) as tx:
            numbers = [one.payout_number for one in outcomes]
            held, payouts = await store.locked_by_payouts(tx, numbers)
            answers: list[Refusal | None] = []
            for one in outcomes:
                withdrawal_id, payout = payouts.get(one.payout_number, (0, None))
                # Nobody was told the number before approval.
                if payout is None or (payout.tax_month is None and payout.outcome is None):
                    answers.append(PayoutMissing(payout_number=one.payout_number))
                    continue
                held[withdrawal_id].hear(payout, self._told(one), at=now, actor=actor)
                answers.append(None)
            await withdrawal_books.write(tx, list(held.values()), now)
        return answers

    async def findings(self, *, unresolved: bool, limit: int, cursor: str | None) -> Page[Finding]:
        """Contradictions, the newest first."""
        return await queries.findings(self._db, unresolved=unresolved, limit=limit, cursor=cursor)

    async def resolve(self, finding_id: int, *, note: str) -> Finding:
        """A person has looked into it, and says what came of it; FindingMissing, FindingResolved."""
        async with self._db.begin() as tx:
            found = await queries.finding(tx, finding_id)
            if found is None:
                raise FindingMissing(finding_id=finding_id)
            rows = await tx.fetch(
                "update payout_finding set resolved_at = $2, resolved_by = $3, note = $4"
                " where finding_id = $1 and resolved_at is null returning finding_id",
                finding_id,
                self._db.clock(),
                context.current().actor,
                note,
            )
            if not rows:
                raise FindingResolved(finding_id=finding_id)
            tx.audit(
                "payout-finding.resolved",
                f"payout-findings/{finding_id}",
                after={"kind": found.kind, "note": note},
            )
            resolved = await queries.finding(tx, finding_id)
            assert resolved is not None  # noqa: S101 - it was there above, and none is ever deleted
            return resolved

    def _told(self, one: PayoutOutcome) -> Told:
        sealed = None
        if one.reference is not None:
            sealed = self._cipher.seal(
                one.reference, table="payout", column="reference_sealed", row=one.payout_number
            )
        return Told(outcome=one.outcome, sequence=one.sequence, reason=one.reason, reference_sealed=sealed)
