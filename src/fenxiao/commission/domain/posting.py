"""Postings (分录): what each event moves from which account to which, and what that does to a balance."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fenxiao.commission.domain.booking import Entry, Status

Account = Literal["commission_expense", "pending", "available", "withdrawing"]
Event = Literal["accrual", "clawback", "release"]
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
    commission_id: int
    settlement_id: int | None
    at: datetime


@dataclass(slots=True)
class Change:
    """What postings add to the accounts of one balance, in minor units."""

    pending_minor: int = 0
    available_minor: int = 0


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


def released(
    *,
    commission_id: int,
    distributor_id: int,
    currency: str,
    amount_minor: int,
    settlement_id: int,
    at: datetime,
) -> Posting:
    """A release brings an entry from pending to available; that of a clawback goes the other way."""
    debit, credit = ("pending", "available") if amount_minor > 0 else ("available", "pending")
    return Posting(
        event="release",
        debit=debit,  # type: ignore[arg-type]  # both are accounts
        credit=credit,  # type: ignore[arg-type]
        distributor_id=distributor_id,
        currency=currency,
        amount_minor=abs(amount_minor),
        commission_id=commission_id,
        settlement_id=settlement_id,
        at=at,
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
        if posting.debit == "pending":
            change.pending_minor -= posting.amount_minor
        elif posting.debit == "available":
            change.available_minor -= posting.amount_minor
    return found
