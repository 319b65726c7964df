"""Statements (结算单): what happened on a distributor's accounts from one settlement of his to the next."""

from collections.abc import Iterable
from dataclasses import dataclass

BalanceAccounts = tuple[int, int, int]
"""What lies in pending, available and withdrawing, in minor units."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What postings of one kind, between the same two accounts, come to."""

    event: str
    debit: str
    credit: str
    amount_minor: int


@dataclass(slots=True)
class Figures:
    """The sums of a stretch of a distributor's ledger, in minor units; none is below zero but `released`.

    opening + accruals + rewards - clawbacks - paid - fee - tax = closing, each of all three accounts together.
    """

    opening: BalanceAccounts
    closing: BalanceAccounts
    accruals: int = 0
    rewards: int = 0
    clawbacks: int = 0
    released: int = 0
    requested: int = 0
    returned: int = 0
    paid: int = 0
    fee: int = 0
    tax: int = 0


_OUT = {"cash": "paid", "fee_income": "fee", "tax_payable": "tax"}
_IN = {"commission_expense": "accruals", "reward_expense": "rewards"}
_BETWEEN = {("available", "withdrawing"): "requested", ("withdrawing", "available"): "returned"}
_PLACES = ("pending", "available", "withdrawing")


def figures(opening: BalanceAccounts, flows: Iterable[Flow]) -> Figures:
    """The figures of a stretch that begins with these balances."""
    lying = dict(zip(_PLACES, opening, strict=True))
    found = Figures(opening, opening)
    for flow in flows:
        amount = flow.amount_minor
        if flow.debit in lying:
            lying[flow.debit] -= amount
        if flow.credit in lying:
            lying[flow.credit] += amount
        if (flow.debit, flow.credit) in (("pending", "available"), ("available", "pending")):
            found.released += amount if flow.credit == "available" else -amount
        else:
            name = _name(flow)
            setattr(found, name, getattr(found, name) + amount)
    found.closing = (lying["pending"], lying["available"], lying["withdrawing"])
    return found


def _name(flow: Flow) -> str:
    if flow.debit in _IN:
        return _IN[flow.debit]
    if flow.credit in _IN:
        return "clawbacks"
    return _OUT.get(flow.credit) or _BETWEEN[flow.debit, flow.credit]
