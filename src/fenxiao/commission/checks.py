"""What must always hold of commission, for `./run verify`."""

from collections.abc import AsyncIterator
from functools import partial

from fenxiao.commission.service.books import Books
from fenxiao.commission.service.periods.recomputation import PeriodRecomputation
from fenxiao.commission.service.proof import QUESTIONS, Proof
from fenxiao.commission.service.recomputation import Recomputation
from fenxiao.commission.service.rewards.recomputation import RewardRecomputation
from fenxiao.infra.wiring import Check, Finding

RECOMPUTED = "commission.entries"
"""Entries are what the engine makes of the orders; the other checks are those of `service/proof.py`."""

HASHED = "commission.hashes"
"""A settlement run again, over what is stored, has the hashes that it had."""


BOOKED = "commission.days"
"""Every closed day of the ledger still has the hash that it was closed with, upon that of the day before."""

CLOSED = "commission.periods"
"""What periods paid rests on what orders and network tell of them, and is what the engine makes of it."""


REWARDED = "commission.rewards"
"""What was granted, and taken back, is what the engine makes of what orders and network tell."""


def checks(
    recomputation: Recomputation,
    proof: Proof,
    closes: PeriodRecomputation,
    books: Books,
    rewards: RewardRecomputation,
) -> list[Check]:
    """All checks of this context."""
    closed = Check(CLOSED, partial(_closes, closes))
    days = Check(BOOKED, partial(_days, books))
    asked = [Check(_name(question), partial(_faults, proof, question)) for question in QUESTIONS]
    hashed = Check(HASHED, partial(_hashes, proof))
    rewarded = Check(REWARDED, partial(_rewards, rewards))
    return [Check(RECOMPUTED, partial(_oddities, recomputation)), *asked, hashed, closed, days, rewarded]


def _name(question: str) -> str:
    return f"commission.{question}"


async def _oddities(recomputation: Recomputation) -> AsyncIterator[Finding]:
    async for one in recomputation.oddities():
        odd = one.odd
        yield Finding(
            check=RECOMPUTED,
            subject=odd.subject,
            expected=odd.expected,
            found=odd.found,
            in_flight=one.in_flight,
        )


async def _faults(proof: Proof, question: str) -> AsyncIterator[Finding]:
    async for fault in proof.faults(question):
        yield Finding(
            check=_name(question), subject=fault.subject, expected=fault.expected, found=fault.found
        )


async def _hashes(proof: Proof) -> AsyncIterator[Finding]:
    async for fault in proof.hashes():
        yield Finding(check=HASHED, subject=fault.subject, expected=fault.expected, found=fault.found)


async def _days(books: Books) -> AsyncIterator[Finding]:
    async for fault in books.faults():
        yield Finding(check=BOOKED, subject=fault.subject, expected=fault.expected, found=fault.found)


async def _closes(closes: PeriodRecomputation) -> AsyncIterator[Finding]:
    async for one in closes.oddities():
        odd = one.odd
        yield Finding(
            check=CLOSED,
            subject=odd.subject,
            expected=odd.expected,
            found=odd.found,
            in_flight=one.in_flight,
        )


async def _rewards(rewards: RewardRecomputation) -> AsyncIterator[Finding]:
    async for odd in rewards.oddities():
        yield Finding(check=REWARDED, subject=odd.subject, expected=odd.expected, found=odd.found)
