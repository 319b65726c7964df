"""Ask every context what must always hold, and say what does not."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from time import perf_counter

from fenxiao.infra.wiring import Check, Finding

MOST = 1000
"""Differences listed per check; what is beyond is counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found."""

    check: str
    differences: tuple[Finding, ...]
    more: int
    in_flight: int
    seconds: float


async def verify(checks: Sequence[Check]) -> AsyncIterator[Outcome]:
    """Run the checks one after another; each outcome as soon as it is known."""
    for check in checks:
        began = perf_counter()
        differences: list[Finding] = []
        more = in_flight = 0
        async for finding in check.findings():
            if finding.in_flight:
                in_flight += 1
            elif len(differences) < MOST:
                differences.append(finding)
            else:
                more += 1
        yield Outcome(check.name, tuple(differences), more, in_flight, perf_counter() - began)
