"""Where the server's time goes while it places single orders: py-spy, if it is installed."""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.orders_bench.contenders import take_turn
from bench.orders_bench.stage import Bench
from bench.rig.machine import Missing, program
from bench.rig.processes import finished

LINES = 30
_LINE = re.compile(r":\d+\)$")


async def profile(bench: Bench, seconds: float, results: Path, say: Callable[[str], None]) -> None:
    """Load the server for some seconds and print who used its thread; the stacks are kept as a file for flame graphs."""
    spy = Path(sys.executable).with_name("py-spy")
    found = str(spy) if spy.exists() else _on_path()
    bench.seconds = 3
    await take_turn(bench, "single")
    bench.seconds = seconds
    file = results / "orders-profile.txt"
    words = [
        found,
        "record",
        "--gil",
        "--pid",
        str(bench.server.process.pid),
        "--rate",
        "200",
        "--format",
        "raw",
    ]
    words += ["--duration", str(round(seconds)), "--output", str(file)]
    _, turn = await asyncio.gather(finished(words, patience=seconds + 60), take_turn(bench, "single"))
    say(f"stacks: {file} (collapsed, as flame graph programs read them); {turn.values}")
    print(summary(file.read_text(encoding="utf-8")))


def _on_path() -> str:
    try:
        return program("py-spy", "py-spy")
    except Missing:
        message = "py-spy is missing: .venv/bin/python -m pip install py-spy"
        raise Missing(message) from None


def summary(stacks: str) -> str:
    """The functions in which most samples were taken: by themselves, and with all they call. Lines: `a;b;c 12`."""
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    total = 0
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_LINE.sub(")", frame) for frame in stack.split(";") if frame]
        if not frames:
            continue
        total += int(count)
        alone[frames[-1]] += int(count)
        for frame in set(frames):
            within[frame] += int(count)
    parts = []
    for title, counter in (("by itself", alone), ("with what it calls", within)):
        parts.append(f"{title}:")
        parts += [f"{100 * count / total:6.1f} %  {frame}" for frame, count in counter.most_common(LINES)]
    return "\n".join(parts)
