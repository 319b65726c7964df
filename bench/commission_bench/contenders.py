"""All contenders, and how each takes its turn."""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, cast

import httpx

from bench.commission_bench.booking import book
from bench.commission_bench.simulating import payees, simulate
from bench.commission_bench.stage import PAYEES, Bench
from bench.orders_bench import limit
from bench.rig.turns import Turn

Contender = Callable[[Bench], Awaitable[Turn]]


async def _limit(bench: Bench) -> Turn:
    # It looks at the database, the people and the seconds alone, which both benches have.
    return await limit.flat_out(cast("Any", bench))


CONTENDERS: Mapping[str, Contender] = {
    "limit": _limit,
    "consumer": partial(book, payees=2),
    **{f"consumer {number}": partial(book, payees=number) for number in PAYEES if number != 2},
    "simulation": simulate,
    **{f"payees {number}": partial(payees, number=number) for number in PAYEES},
}


async def take_turn(bench: Bench, name: str) -> Turn:
    """One turn after a checkpoint. Whatever goes wrong in it makes it void."""
    started = time.monotonic()
    try:
        await bench.ground.checkpoint()
        turn = await CONTENDERS[name](bench)
    except (OSError, RuntimeError, TimeoutError, ValueError, httpx.HTTPError) as error:
        turn = Turn(name, void=[f"{type(error).__name__}: {error}"])
    turn.raw["whole turn in s"] = round(time.monotonic() - started, 1)
    return turn
