"""What must always hold of commission, for `./run verify`."""

from collections.abc import AsyncIterator
from functools import partial

from fenxiao.commission.service.proof import QUESTIONS, Proof
from fenxiao.commission.service.recomputation import Recomputation
from fenxiao.infra.wiring import Check, Finding

RECOMPUTED = "commission.entries"
"""Entries are what the engine makes of the orders; the other checks are those of `service/proof.py`."""


def checks(recomputation: Recomputation, proof: Proof) -> list[Check]:
    """All checks of this context."""
    asked = [Check(_name(question), partial(_faults, proof, question)) for question in QUESTIONS]
    return [Check(RECOMPUTED, partial(_oddities, recomputation)), *asked]


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
