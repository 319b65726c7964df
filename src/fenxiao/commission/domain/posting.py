"""Postings (分录): what each event moves from which account to which, and what that does to a balance."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fenxiao.commission.domain.booking import Entry, Status

Account = Literal[
    "commission_expense",
    "reward_expense",
    "pending",
    "available",
    "withdrawing",
    "cash",
    "tax_payable",
    "fee_income",
]
Event = Literal["accrual", "reward", "clawback", "release", "withdrawal", "payout", "return"]
BalanceKey = tuple[int, str]
"""(distributor id, currency)"""


@dataclass(frozen=True, slots=True)
class Posting:
    """One amount, above 0, from the account `debit` to the account `credit`; so every posting balances by itself."""

    event: Event
    debit: Account
    credit: Account
    distributor_id: int
    currency: str
    amount_minor: int
    commission_id: int | None
    settlement_id: int | None
    at: datetime
    payout_id: int | None = None
    reward_id: int | None = None


@dataclass(frozen=True, slots=True)
class PayoutOf:
    """Which payout a posting is about, and whose balance it moves."""

    payout_id: int
    distributor_id: int
    currency: str


@dataclass(slots=True)
class Change:
    """What postings add to the accounts of one balance, in minor units; `paid` is what payouts take from withdrawing."""

    pending_minor: int = 0
    available_minor: int = 0
    withdrawing_minor: int = 0
    paid_minor: int = 0

    @property
    def is_pending_only(self) -> bool:
        """Whether nothing but the pending account moves."""
        return not (self.available_minor or self.withdrawing_minor or self.paid_minor)


def booked(entry: Entry) -> Posting:
    """An entry that gives is an expense; one that takes comes back from where the entry it corrects stands."""
    found, account = entry.difference, account_of(entry.status)
    amount = found.amount_minor
    expense: Account = "commission_expense"
    return Posting(
        event=found.kind,
        debit=expense if amount > 0 else account,
        credit=account if amount > 0 else expense,
        distributor_id=found.key[2],
        currency=found.claim.currency,
        amount_minor=abs(amount),
        commission_id=entry.commission_id,
        settlement_id=None,
        at=found.at,
    )


def withdrawn(*, of: PayoutOf, amount_minor: int, at: datetime) -> Posting:
    """A request, or a retry, sets its amount aside: available to withdrawing."""
    return _of_payout("withdrawal", ("available", "withdrawing"), of=of, amount_minor=amount_minor, at=at)


def given_back(*, of: PayoutOf, amount_minor: int, at: datetime) -> Posting:
    """What was rejected or has failed is available again."""
    return _of_payout("return", ("withdrawing", "available"), of=of, amount_minor=amount_minor, at=at)


def paid_out(
    *, of: PayoutOf, amount_minor: int, fee_minor: int, tax_minor: int, at: datetime
) -> list[Posting]:
    """A payout that was done: net, tax and fee leave for cash and their accounts; together they are the amount."""
    shares: tuple[tuple[Account, int], ...] = (
        ("cash", amount_minor - fee_minor - tax_minor),
        ("tax_payable", tax_minor),
        ("fee_income", fee_minor),
    )
    return [
        _of_payout("payout", ("withdrawing", account), of=of, amount_minor=share, at=at)
        for account, share in shares
        if share
    ]


def _of_payout(
    event: Event, accounts: tuple[Account, Account], *, of: PayoutOf, amount_minor: int, at: datetime
) -> Posting:
    debit, credit = accounts
    return Posting(
        event=event,
        debit=debit,
        credit=credit,
        distributor_id=of.distributor_id,
        currency=of.currency,
        amount_minor=amount_minor,
        commission_id=None,
        settlement_id=None,
        at=at,
        payout_id=of.payout_id,
    )


def account_of(status: Status) -> Account:
    """Where an entry of this status is booked when it arises."""
    return "available" if status == "released" else "pending"


def changes(postings: Iterable[Posting]) -> dict[BalanceKey, Change]:
    """What the postings do to each balance: a credit adds to an account of the distributor, a debit takes from it."""
    found: dict[BalanceKey, Change] = {}
    for posting in postings:
        key = (posting.distributor_id, posting.currency)
        change = found.get(key)
        if change is None:
            change = found[key] = Change()
        if posting.credit == "pending":
            change.pending_minor += posting.amount_minor
        elif posting.credit == "available":
            change.available_minor += posting.amount_minor
        elif posting.credit == "withdrawing":
            change.withdrawing_minor += posting.amount_minor
        if posting.debit == "pending":
            change.pending_minor -= posting.amount_minor
        elif posting.debit == "available":
            change.available_minor -= posting.amount_minor
        elif posting.debit == "withdrawing":
            change.withdrawing_minor -= posting.amount_minor
            if posting.event == "payout":
                change.paid_minor += posting.amount_minor
    return found
