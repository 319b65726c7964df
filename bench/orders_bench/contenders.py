"""All contenders, and how each takes its turn."""

import time
from collections.abc import Awaitable, Callable, Mapping

import httpx

from bench.orders_bench import limit, ours, written
from bench.orders_bench.stage import Bench
from bench.rig.machine import Clocks, used
from bench.rig.turns import Turn

Contender = Callable[[Bench], Awaitable[Turn]]
CONTENDERS: Mapping[str, Contender] = {
    "limit": limit.flat_out,
    "single": ours.single,
    "paid": ours.paid,
    "bulk": ours.bulk,
    "hot": ours.hot,
    "limit at rate": limit.at_rate,
    "at rate": ours.at_rate,
}


async def take_turn(bench: Bench, name: str) -> Turn:
    """One turn on a quiet machine, with what it used of the processors. Whatever goes wrong in it makes it void."""
    pid, started = bench.server.process.pid, time.monotonic()
    try:
        await bench.ground.quiet(written.WAITING)
        await bench.ground.checkpoint()
        before = Clocks.read(pid)
        turn = await CONTENDERS[name](bench)
        orders = turn.raw.get("written", {}).get("orders", 0)
        turn.raw["processor µs per order"] = used(before, Clocks.read(pid), orders)
    except (OSError, RuntimeError, TimeoutError, ValueError, httpx.HTTPError) as error:
        turn = Turn(name, void=[f"{type(error).__name__}: {error}"])
    turn.raw["whole turn in s"] = round(time.monotonic() - started, 1)
    return turn
