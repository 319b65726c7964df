"""The turns: the limit, the API alone, and a settlement with the API beside it."""

import asyncio
import json
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import httpx

from bench.orders_bench import limit
from bench.orders_bench.stage import Bench
from bench.rig import open_loop
from bench.rig.database import Ground
from bench.rig.figures import percentile
from bench.rig.processes import finished
from bench.rig.turns import Turn, difference, not_answered_well, rows_missing

RATE = 100
"""Orders a second beside the settlement: a shop that is open, not one that is at its end."""
LEAD_IN = 2
QUIET = 20
"""Seconds of the API alone at least: of fewer requests a 99th percentile says little."""
CONTENDERS = ("limit", "quiet", "settlement")
_PATIENCE = 1800
_MOST = 600
"""Seconds of load beside a settlement; one that takes longer is measured to its end without."""
WRITTEN = {
    "released": "select count(*) from commission.commission where settlement_id is not null",
    "postings": "select count(*) from commission.posting where event = 'release'",
    "statements": "select count(*) from commission.statement",
    "statements' entries": "select coalesce(sum(entries), 0) from commission.statement",
    "parked": "select count(*) from commission.inbox where state = 'parked'",
}
UNEVEN = (
    "select count(*) from commission.balance b join (select distributor_id, currency,"
    " sum(case when credit = 'available' then amount_minor else -amount_minor end) as amount from commission.posting"
    " where event = 'release' group by 1, 2) p using (distributor_id, currency) where b.available_minor <> p.amount"
)
"""Balances that are not what was released: nothing is withdrawn or clawed back here."""


@dataclass(slots=True)
class Work:
    """How much is settled in a turn."""

    entries: int
    distributors: int


async def take_turn(bench: Bench, work: Work, name: str) -> Turn:
    """One turn after a checkpoint. Whatever goes wrong in it makes it void."""
    turn = Turn(name)
    try:
        if name == "settlement":
            await fill(bench.ground, work)
        await bench.ground.checkpoint()
        if name == "limit":
            return await limit.flat_out(cast("Any", bench))
        await (_quiet(bench, turn) if name == "quiet" else _settle(bench, work, turn))
    except (OSError, RuntimeError, TimeoutError, ValueError, httpx.HTTPError) as error:
        turn.void.append(f"{type(error).__name__}: {error}")
    return turn


async def fill(ground: Ground, work: Work) -> None:
    """Write matured entries; it is not measured."""
    connection = ground.connection
    # No foreign keys while it fills: what stands here is right by construction.
    await connection.execute("set session_replication_role = replica")
    await connection.execute("drop function if exists pg_temp.matured(int, int)")
    await connection.execute(Path(__file__).with_name("matured.sql").read_text(encoding="utf-8"))
    async with connection.transaction():
        await connection.execute("select pg_temp.matured($1, $2)", work.entries, work.distributors)
    await connection.execute("set session_replication_role = origin")
    # As autovacuum would leave it some minutes later.
    await connection.execute("vacuum analyze commission.commission, commission.posting, commission.balance")


async def _quiet(bench: Bench, turn: Turn) -> None:
    _told(turn, await (await _load(bench, max(bench.seconds, QUIET))))


async def _settle(bench: Bench, work: Work, turn: Turn) -> None:
    before = await bench.ground.count(WRITTEN)
    # What is answered behind the settlement's end would only make its neighbours look quicker.
    end = bench.people.products.parent / "settlement-end"
    end.unlink(missing_ok=True)
    loading = await _load(bench, _MOST, end)
    try:
        await asyncio.sleep(LEAD_IN)
        status, seconds = await _settled(bench)
    finally:
        end.touch()
    _told(turn, await loading)
    turn.values |= {"per second": work.entries / seconds, "seconds": seconds}
    more = difference(before, await bench.ground.count(WRITTEN))
    turn.raw["written"] = more
    if status != "done":
        turn.void.append(f"the settlement is {status}")
    expected = dict.fromkeys(("released", "statements' entries"), work.entries)
    # Every entry gives something, so a balance has one posting.
    expected |= dict.fromkeys(("postings", "statements"), work.distributors)
    turn.void += rows_missing(expected | {"parked": 0}, more)
    if uneven := await bench.ground.connection.fetchval(UNEVEN):
        turn.void.append(f"{uneven} balances are not the sum of what was released")


async def _settled(bench: Bench) -> tuple[str, float]:
    """Ask for a settlement of all and wait for it: how it has ended, after how many seconds."""
    async with httpx.AsyncClient(base_url=bench.server.url, timeout=60) as client:
        headers = {"Authorization": f"Bearer {await bench.server.token()}"}
        started = time.perf_counter()
        answer = await client.post("/api/settlements", json={}, headers=headers)
        answer.raise_for_status()
        path = answer.headers["location"]
        status = ""
        while status not in ("done", "failed", "cancelled"):
            if time.perf_counter() - started > _PATIENCE:
                raise TimeoutError(f"the settlement has not ended: {status}")
            await asyncio.sleep(0.1)
            status = await bench.ground.connection.fetchval(
                "select state from commission.run join commission.settlement using (run_id) where settlement_id = $1",
                int(path.rsplit("/", 1)[1]),
            )
        return status, time.perf_counter() - started


def _told(turn: Turn, told: open_loop.Told) -> None:
    turn.values |= {"p50 ms": percentile(told.latencies, 0.5), "p99 ms": percentile(told.latencies, 0.99)}
    turn.void += not_answered_well(told.good, told.sent, {"requests given up": told.lost})
    turn.raw["first bad answer"] = told.bad


async def _load(bench: Bench, seconds: float, end: Path | None = None) -> "asyncio.Task[open_loop.Told]":
    """Orders at a fixed rate, in a process of its own, from now on; no more of them once the file `end` is there."""
    bench.turns += 1
    task = open_loop.Task(
        host="127.0.0.1",
        port=bench.server.port,
        path="/api/orders",
        headers={
            "Authorization": f"Bearer {await bench.server.token()}",
            "Content-Type": "application/json",
        },
        key=bench.key(),
        bodies=_bodies(bench),
        rate=RATE,
        seconds=seconds,
        lead_in=LEAD_IN,
        connections=16,
        patience=60,
        seed=bench.turns,
        end=str(end) if end else "",
    )
    file = bench.people.products.parent / "settlement-task.json"
    await asyncio.to_thread(file.write_text, json.dumps(asdict(task)), encoding="utf-8")
    words = [sys.executable, "-m", "bench.rig.open_loop", str(file)]

    async def loaded() -> open_loop.Told:
        said = await finished(words, patience=task.seconds + task.lead_in + task.patience + 60)
        return open_loop.Told(**json.loads(said))

    return asyncio.create_task(loaded())


def _bodies(bench: Bench) -> list[str]:
    chance = random.Random(bench.turns)
    first, last = bench.people.distributor_ids
    products = bench.people.product_ids
    return [
        json.dumps(
            {
                "distributor_id": chance.randint(first, last),
                "product_id": chance.randint(*products),
                "quantity": chance.randint(1, 3),
            }
        )
        for _ in range(5_000)
    ]


def slower(turns: Mapping[str, Turn]) -> float | None:
    """How many times the p99 beside a settlement is that of the API alone, in the same round."""
    beside, alone = (
        turns[name].value("p99 ms") if name in turns else None for name in ("settlement", "quiet")
    )
    return None if not beside or not alone else beside / alone
