"""wrk: a load generator light enough to share two cores with what it loads. Closed loop, keep-alive.

wrk hangs up on its connections when its time is over, and what was under way is written and not counted. So our
scripts stop sending by themselves, and wrk's own time runs a little longer: every request gets its answer.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.rig.machine import program
from bench.rig.processes import finished

_MARK = "RESULT "
GRACE = 3
"""Seconds for the last answers; a request that takes longer voids its turn."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `per_second` counts answers within the window alone; times in ms."""

    sent: int
    good: int
    errors: dict[str, int]
    per_second: float
    p50_ms: float
    p99_ms: float


def path() -> str:
    return program("wrk", "wrk")


async def run(
    script: Path,
    url: str,
    *,
    connections: int,
    seconds: float,
    settings: Mapping[str, str],
    grace: int = GRACE,
) -> Outcome:
    """Load an address by one thread over so many connections for some seconds; settings reach the script as variables.

    The script prints one line `RESULT {…}` with what it sent, and sends nothing after BENCH_SECONDS.
    """
    words = [path(), "-t1", f"-c{connections}", f"-d{round(seconds) + grace}s", "--timeout", "30s"]
    words += ["-s", str(script), url]
    env = {**os.environ, "BENCH_SECONDS": str(seconds), **settings}
    return reported(await finished(words, patience=seconds + grace + 60, env=env), connections)


def reported(said: str, connections: int) -> Outcome:
    """What the script printed; ValueError where it printed nothing.

    A connection asks again as soon as it has its answer, so when sending stops exactly one request of each is
    under way: the rest was answered within the window from the first request to the last. Where requests are few
    and long that is too coarse, so a script may also tell the time until its last answer (`all`), and all count.
    """
    line = next((line for line in said.splitlines() if line.startswith(_MARK)), None)
    if line is None:
        message = f"wrk gave no result:\n{said[-2000:]}"
        raise ValueError(message)
    result = json.loads(line.removeprefix(_MARK))
    errors = {kind: int(result[kind]) for kind in ("connect", "read", "write", "timeout", "status")}
    answered, window = int(result["answered"]), float(result["window"])
    if answered == int(result["sent"]):
        # The server hangs up on connections that have been idle for some seconds, as ours are at the end.
        errors["read"] = 0
    within = max(int(result["sent"]) - connections, 0)
    if float(result["all"]) > 0:
        within, window = answered, float(result["all"])
    return Outcome(
        sent=int(result["sent"]),
        good=answered - errors["status"],
        errors=errors,
        per_second=within / window if window > 0 else 0,
        p50_ms=float(result["p50"]) / 1e3,
        p99_ms=float(result["p99"]) / 1e3,
    )
