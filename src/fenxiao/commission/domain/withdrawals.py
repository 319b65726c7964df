"""Withdrawals (提现) and payouts (打款): the states, what leads from one to another, and what each does to the money."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, get_args

from fenxiao.commission.domain.payout_accounts import MANUAL, Channel
from fenxiao.commission.domain.posting import PayoutOf, Posting, given_back, paid_out, withdrawn
from fenxiao.commission.domain.withdrawal_refusals import (
    ManualChannelOnly,
    OwnWithdrawal,
    WithdrawalWrongState,
)

Status = Literal[
    "requested", "approved", "processing", "awaiting_user", "unknown", "paid", "rejected", "failed"
]
STATUSES: tuple[Status, ...] = get_args(Status)
Outcome = Literal["processing", "awaiting_user", "unknown", "paid", "failed", "rejected"]
Action = Literal["approve", "reject", "retry", "confirm"]
FindingKind = Literal["paid-after-failed", "paid-after-rejected", "failed-after-paid"]

FROM: Mapping[Action, frozenset[Status]] = {
    "approve": frozenset({"requested"}),
    "reject": frozenset({"requested"}),
    "retry": frozenset({"failed"}),
    "confirm": frozenset({"approved", "processing"}),
}
"""From which states a person's action is possible. Where a person makes the transfer, `reject` also from approved."""

OUTCOMES_FROM: frozenset[Status] = frozenset({"approved", "processing", "awaiting_user", "unknown"})
"""Under way: a channel's word moves it on."""

OPEN: frozenset[Status] = OUTCOMES_FROM | {"requested"}
"""Its money lies in `withdrawing`."""

_RANK: Mapping[str | None, int] = {None: 0, "processing": 1, "awaiting_user": 2, "unknown": 3}


@dataclass(slots=True, kw_only=True)
class Payout:
    """打款: one transfer; `payout_number` is its own for life. Fee and tax are fixed when `tax_month` is."""

    payout_id: int
    payout_number: str
    attempt: int
    fee_minor: int
    tax_minor: int
    tax_month: date | None = None
    tax_table_id: int | None = None
    outcome: Outcome | None = None
    outcome_sequence: int = 0
    reference_sealed: bytes | None = None
    handed: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the history."""

    version: int
    from_status: Status | None
    to_status: Status
    attempt: int
    at: datetime
    actor: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a channel says of a payout; among words that end nothing the higher `sequence` counts, then the graver one."""

    outcome: Outcome
    sequence: int = 0
    reason: str | None = None
    reference_sealed: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A word of the channel against the one that ended the payout."""

    payout_id: int
    payout_number: str
    kind: FindingKind
    told: Told


@dataclass(slots=True, kw_only=True)
class Withdrawal:
    """提现: one withdrawal with its present payout, held under its row lock; what is done to it gathers in the lists."""

    withdrawal_id: int
    distributor_id: int
    currency: str
    amount_minor: int
    account_id: int
    channel: Channel
    policy_id: int | None
    status: Status
    version: int
    requested_by: str
    payout: Payout
    approved_by: str | None = None
    approved_at: datetime | None = None
    automatic: bool = False
    steps: list[Step] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    begun: list[Payout] = field(default_factory=list)
    """Payouts that this made: new rows."""
    asked: list[Payout] = field(default_factory=list)
    """Payouts that are to be carried out now."""
    contradictions: list[Contradiction] = field(default_factory=list)

    @property
    def net_minor(self) -> int:
        """What arrives."""
        return self.amount_minor - self.payout.fee_minor - self.payout.tax_minor

    def refuse(self, action: Action, *, actor: str, distributor_id: int | None) -> None:
        """Raise why this person cannot do this now; the two are who acts. Nothing has changed then."""
        if action == "confirm" and self.channel != MANUAL:
            raise ManualChannelOnly(withdrawal_id=self.withdrawal_id, channel=self.channel)
        manual = action == "reject" and self.channel == MANUAL and self.status == "approved"
        if self.status not in FROM[action] and not manual:
            raise WithdrawalWrongState(withdrawal_id=self.withdrawal_id, status=self.status, action=action)
        own = actor == self.requested_by or distributor_id == self.distributor_id
        if own and action != "reject":
            raise OwnWithdrawal(withdrawal_id=self.withdrawal_id)

    def request(self, at: datetime) -> None:
        """The first step: the money is set aside."""
        self._step("requested", at=at, actor=self.requested_by, first=True)
        self._take(at)

    def approve(
        self,
        *,
        at: datetime,
        actor: str,
        reason: str | None,
        tax_minor: int,
        tax_month: date,
        tax_table_id: int | None,
        automatic: bool = False,
    ) -> None:
        """Fix the tax; the payout is asked for."""
        self.payout.tax_minor, self.payout.tax_month = tax_minor, tax_month
        self.payout.tax_table_id = tax_table_id
        self.approved_by, self.approved_at, self.automatic = actor, at, automatic
        self._step("approved", at=at, actor=actor, reason=reason)
        self.asked.append(self.payout)

    def reject(self, *, at: datetime, actor: str, reason: str | None) -> None:
        """The money goes back."""
        self._end("rejected", at)
        self._give_back(at)
        self._step("rejected", at=at, actor=actor, reason=reason)

    def retry(self, payout: Payout, *, at: datetime) -> None:
        """A new payout takes the money again; `approve` must follow."""
        self.payout = payout
        self.begun.append(payout)
        self._take(at)

    def confirm(self, *, at: datetime, actor: str, reason: str | None, reference_sealed: bytes) -> None:
        """A person made the transfer."""
        self.payout.reference_sealed = reference_sealed
        self._pay(at)
        self._step("paid", at=at, actor=actor, reason=reason)

    def hear(self, payout: Payout, told: Told, *, at: datetime, actor: str) -> None:
        """Take a channel's word on one of its payouts: go on, raise a contradiction, or leave everything as it is.

        The end does not depend on the order or number of the words, as long as the channel does not contradict itself.
        """
        contradiction = _against(payout, told)
        if contradiction is not None:
            self.contradictions.append(contradiction)
        elif self._is_news(payout, told):
            payout.outcome_sequence = max(payout.outcome_sequence, told.sequence)
            payout.reference_sealed = told.reference_sealed or payout.reference_sealed
            if told.outcome == "paid":
                self._pay(at)
            elif told.outcome == "failed":
                self._end("failed", at)
                self._give_back(at)
            else:
                payout.outcome = told.outcome
            self._step(told.outcome, at=at, actor=actor, reason=told.reason)

    def _is_news(self, payout: Payout, told: Told) -> bool:
        """Whether the word moves it on: it is under way, and the word ends it or comes after the last one."""
        if payout.payout_id != self.payout.payout_id or self.status not in OUTCOMES_FROM:
            return False
        before = (payout.outcome_sequence, _RANK.get(payout.outcome, 0))
        return told.outcome in {"paid", "failed"} or (told.sequence, _RANK[told.outcome]) > before

    def _pay(self, at: datetime) -> None:
        self._end("paid", at)
        self.postings += paid_out(
            of=self._of,
            amount_minor=self.amount_minor,
            fee_minor=self.payout.fee_minor,
            tax_minor=self.payout.tax_minor,
            at=at,
        )

    def _end(self, outcome: Outcome, at: datetime) -> None:
        self.payout.outcome, self.payout.ended_at = outcome, at

    def _take(self, at: datetime) -> None:
        self.postings.append(withdrawn(of=self._of, amount_minor=self.amount_minor, at=at))

    def _give_back(self, at: datetime) -> None:
        self.postings.append(given_back(of=self._of, amount_minor=self.amount_minor, at=at))

    @property
    def _of(self) -> PayoutOf:
        return PayoutOf(self.payout.payout_id, self.distributor_id, self.currency)

    def _step(
        self, to: Status, *, at: datetime, actor: str, reason: str | None = None, first: bool = False
    ) -> None:
        before = None if first else self.status
        self.version = 1 if first else self.version + 1
        self.status = to
        self.steps.append(
            Step(
                version=self.version,
                from_status=before,
                to_status=to,
                attempt=self.payout.attempt,
                at=at,
                actor=actor,
                reason=reason,
            )
        )


def _against(payout: Payout, told: Told) -> Contradiction | None:
    kinds: Mapping[tuple[str | None, str], FindingKind] = {
        ("failed", "paid"): "paid-after-failed",
        ("rejected", "paid"): "paid-after-rejected",
        ("paid", "failed"): "failed-after-paid",
    }
    kind = kinds.get((payout.outcome, told.outcome))
    if kind is None:
        return None
    return Contradiction(payout_id=payout.payout_id, payout_number=payout.payout_number, kind=kind, told=told)
