"""pgbench: PostgreSQL's own load generator, for what this machine can write at most."""

import asyncio
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.rig.database import Ground
from bench.rig.machine import program
from bench.rig.processes import finished

CLIENTS = 32
THREADS = 2
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)
_RATE = re.compile(r"^tps = ([\d.]+) \(without initial connection time\)", re.MULTILINE)
_LATENCY = re.compile(r"^latency average = ([\d.]+) ms", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What pgbench reports; `latencies` in ms, from the scheduled time, where a rate was given."""

    transactions: int
    failed: int
    per_second: float
    latency_ms: float
    latencies: list[float] = field(default_factory=list)


def path(ground: Ground) -> str:
    """Where it is: beside the server, else the system's own."""
    return ground.program("pgbench") or program("pgbench", "postgresql")


async def run(
    ground: Ground,
    script: str,
    *,
    seconds: float,
    variables: Mapping[str, int],
    rate: int | None = None,
    lead_in: float = 0,
) -> Outcome:
    """Run a script by 32 clients for some whole seconds, prepared.

    With `rate`, transactions come at random moments at that mean rate whether or not the ones before are done,
    and each latency counts from its scheduled moment; those of the first `lead_in` seconds are left out.
    """
    with tempfile.TemporaryDirectory(prefix="fenxiao-pgbench-") as name:
        folder = Path(name)
        (folder / "script.sql").write_text(script, encoding="utf-8")
        words = [path(ground), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", str(THREADS)]
        words += ["-T", str(round(seconds + lead_in)), "-f", str(folder / "script.sql")]
        words += [word for key, value in variables.items() for word in ("-D", f"{key}={value}")]
        if rate is not None:
            words += ["-R", str(rate), "--log", f"--log-prefix={folder / 'log'}"]
        said = await finished([*words, ground.dsn], patience=seconds + lead_in + 60)
        return reported(said, await asyncio.to_thread(_logged, folder), lead_in)


def _logged(folder: Path) -> list[str]:
    return [line for log in folder.glob("log.*") for line in log.read_text(encoding="ascii").splitlines()]


def reported(said: str, log: Sequence[str], lead_in: float) -> Outcome:
    """What pgbench printed and logged; ValueError where it printed no result."""
    done, rate, latency = _DONE.search(said), _RATE.search(said), _LATENCY.search(said)
    if done is None or rate is None or latency is None:
        message = f"pgbench gave no result:\n{said[-2000:]}"
        raise ValueError(message)
    failed = _FAILED.search(said)
    return Outcome(
        transactions=int(done[1]),
        failed=int(failed[1]) if failed else 0,
        per_second=float(rate[1]),
        latency_ms=float(latency[1]),
        latencies=_latencies(log, lead_in),
    )


def _latencies(log: Sequence[str], lead_in: float) -> list[float]:
    """Lines: client, transaction, latency in µs (lag behind the schedule included), script, seconds, µs, lag."""
    rows = [(int(words[2]), int(words[4]) + int(words[5]) / 1e6) for words in map(str.split, log)]
    if not rows:
        return []
    first = min(ended - latency / 1e6 for latency, ended in rows)
    return [latency / 1e3 for latency, ended in rows if ended - latency / 1e6 >= first + lead_in]
