"""What the contenders stand on: one server, one population, one fixed rate."""

import time
from dataclasses import dataclass, field

from bench.orders_bench.population import Population
from bench.rig.database import Ground
from bench.rig.figures import percentile
from bench.rig.server import Server
from bench.rig.turns import Turn

RATE = 1_500
"""Orders a second in the turns at a fixed rate."""

LEAD_IN = 2
"""Seconds at a fixed rate that do not count: connections, plans and caches warm up."""


@dataclass(slots=True)
class Bench:
    """What every contender works with; `turns` numbers the keys, also over several runs on a kept data folder."""

    ground: Ground
    server: Server
    people: Population
    seconds: float
    turns: int = field(default_factory=lambda: int(time.time()))

    def key(self) -> str:
        """The beginning of this turn's idempotency keys."""
        return f"bench-{self.turns}"


def latencies(turn: Turn, measured: list[float]) -> None:
    """The figures of a turn at a fixed rate, in ms from the scheduled time."""
    if not measured:
        turn.void.append("no latency was measured")
        return
    turn.values = {
        "p50 ms": percentile(measured, 0.5),
        "p99 ms": percentile(measured, 0.99),
        "largest ms": max(measured),
    }
