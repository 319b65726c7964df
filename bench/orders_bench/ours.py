"""The system's turns: orders over HTTP, as a client sends them."""

import asyncio
import json
import random
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bench.orders_bench import written
from bench.orders_bench.population import Population
from bench.orders_bench.stage import LEAD_IN, RATE, Bench, latencies
from bench.rig import open_loop, wrk
from bench.rig.processes import finished
from bench.rig.turns import Turn, difference, left_behind, not_answered_well, rows_missing

CONNECTIONS = 64
BULK_CONNECTIONS = 4
BULK = 500
BULK_GRACE = 8
"""Seconds for the last bulk answers: each stands behind three others of 500 orders."""

_LUA = Path(__file__).with_name("orders.lua")


async def single(bench: Bench) -> Turn:
    """(b) POST /api/orders over 64 connections."""
    return await _single(bench, "single", bench.people.products)


async def hot(bench: Bench) -> Turn:
    """(e) The same, of ten products alone."""
    return await _single(bench, "hot", bench.people.hot_products)


async def _single(bench: Bench, name: str, products: Path) -> Turn:
    turn, before = Turn(name), await bench.ground.count(written.OURS)
    outcome = await _load(bench, {"BENCH_PRODUCTS": str(products)})
    _told(turn, outcome)
    turn.void += not_answered_well(outcome.good, outcome.sent, outcome.errors)
    await _count(bench, turn, outcome.good, before)
    return turn


async def paid(bench: Bench) -> Turn:
    """(c) Orders that arrive paid, each with two payees; commission must keep up while they come."""
    turn, before = Turn("paid"), await bench.ground.count(written.PAID)
    at_end = asyncio.create_task(_look_at_end(bench))
    outcome = await _load(bench, {"BENCH_PAID": "1", "BENCH_SELLERS": str(bench.people.deep_sellers)})
    _told(turn, outcome)
    turn.void += not_answered_well(outcome.good, outcome.sent, outcome.errors)
    backlog = written.backlog(before, await at_end)
    turn.values["backlog"] = backlog
    turn.raw["at the end"] = at_end.result()
    turn.void += left_behind(backlog, outcome.per_second)
    turn.values["drained in s"] = await bench.ground.quiet(written.WAITING)
    more = difference(before, await bench.ground.count(written.PAID))
    turn.raw["written"] = more
    turn.void += rows_missing(
        _expected(outcome.good) | {"accrued orders": outcome.good, "entries": 2 * outcome.good}, more
    )
    return turn


async def _look_at_end(bench: Bench) -> dict[str, int]:
    # wrk needs a moment to start, so this looks just before the load ends, when the backlog is at its largest.
    await asyncio.sleep(bench.seconds)
    return await bench.ground.count(written.BACKLOG)


async def bulk(bench: Bench) -> Turn:
    """(d) POST /api/orders/bulk, 500 orders a request, four connections."""
    turn = Turn("bulk")
    if not await _bulk_is_there(bench, turn):
        return turn
    before = await bench.ground.count(written.OURS)
    outcome = await _load(bench, {"BENCH_BULK": str(BULK)}, connections=BULK_CONNECTIONS, grace=BULK_GRACE)
    _told(turn, outcome, orders=BULK)
    turn.void += not_answered_well(outcome.good, outcome.sent, outcome.errors)
    await _count(bench, turn, outcome.good * BULK, before, requests=outcome.good)
    return turn


async def _bulk_is_there(bench: Bench, turn: Turn) -> bool:
    product, price = bench.people.products.read_text(encoding="utf-8").split("\n", 1)[0].split()
    order = {
        "distributor_id": bench.people.distributor_ids[0],
        "product_id": int(product),
        "quantity": 1,
        "total_price": f"{int(price) // 100}.{int(price) % 100:02}",
    }
    bench.turns += 1
    answer = await bench.server.post(
        "/api/orders/bulk",
        {"orders": [order, order]},
        token=await bench.server.token(),
        key=bench.key(),
    )
    if answer.is_success and [item.get("status") for item in answer.json().get("items", [])] == [201, 201]:
        await bench.ground.quiet(written.WAITING)
        return True
    turn.void.append(f"POST /api/orders/bulk answers {answer.status_code}")
    turn.raw["answer"] = answer.text[:1000]
    return False


async def at_rate(bench: Bench) -> Turn:
    """(f) POST /api/orders at a fixed rate, from the scheduled time."""
    turn, before = Turn("at rate"), await bench.ground.count(written.OURS)
    bench.turns += 1
    chance = random.Random(bench.turns)
    task = open_loop.Task(
        host="127.0.0.1",
        port=bench.server.port,
        path="/api/orders",
        headers={
            "Authorization": f"Bearer {await bench.server.token()}",
            "Content-Type": "application/json",
        },
        key=bench.key(),
        bodies=_bodies(bench.people, chance),
        rate=RATE,
        seconds=bench.seconds,
        lead_in=LEAD_IN,
        connections=CONNECTIONS,
        patience=60,
        seed=bench.turns,
    )
    told = await _open_loop(task, bench.people.products.parent)
    latencies(turn, told.latencies)
    turn.values["answered per second"] = told.good / told.seconds
    turn.void += not_answered_well(told.good, told.sent, {"requests given up": told.lost})
    turn.raw["first bad answer"] = told.bad
    await _count(bench, turn, told.good, before)
    return turn


def _bodies(people: Population, chance: random.Random) -> list[str]:
    products = [line.split() for line in people.products.read_text(encoding="utf-8").splitlines()]
    first, last = people.distributor_ids
    bodies = []
    for _ in range(5_000):
        product, price = chance.choice(products)
        quantity = chance.randint(1, 3)
        total = int(price) * quantity
        bodies.append(
            f'{{"distributor_id":{chance.randint(first, last)},"product_id":{product},'
            f'"quantity":{quantity},"total_price":"{total // 100}.{total % 100:02}"}}'
        )
    return bodies


async def _open_loop(task: open_loop.Task, folder: Path) -> open_loop.Told:
    file = folder / "bench-task.json"
    await asyncio.to_thread(file.write_text, json.dumps(asdict(task)), encoding="utf-8")
    words = [sys.executable, "-m", "bench.rig.open_loop", str(file)]
    said = await finished(words, patience=task.seconds + task.lead_in + task.patience + 60)
    return open_loop.Told(**json.loads(said))


async def _load(
    bench: Bench, settings: Mapping[str, str], connections: int = CONNECTIONS, grace: int = wrk.GRACE
) -> wrk.Outcome:
    bench.turns += 1
    known = {
        "BENCH_PRODUCTS": str(bench.people.products),
        "BENCH_SELLERS": str(bench.people.sellers),
        "BENCH_TOKEN": await bench.server.token(),
        "BENCH_KEY": bench.key(),
        "BENCH_SEED": str(bench.turns),
    }
    return await wrk.run(
        _LUA,
        bench.server.url,
        connections=connections,
        seconds=bench.seconds,
        settings=known | dict(settings),
        grace=grace,
    )


def _told(turn: Turn, outcome: wrk.Outcome, orders: int = 1) -> None:
    turn.values = {
        "per second": outcome.per_second * orders,
        "p50 ms": outcome.p50_ms,
        "p99 ms": outcome.p99_ms,
    }


def _expected(orders: int, requests: int | None = None) -> dict[str, int]:
    # A bulk request has a mark for itself beside those of its orders.
    marks = orders + (requests or 0)
    return {"orders": orders, "lines": orders, "marks": marks, "holds": orders, "events": orders, "parked": 0}


async def _count(
    bench: Bench, turn: Turn, orders: int, before: Mapping[str, int], requests: int | None = None
) -> None:
    turn.values["drained in s"] = await bench.ground.quiet(written.WAITING)
    more = difference(before, await bench.ground.count(written.OURS))
    turn.raw["written"] = more
    turn.void += rows_missing(_expected(orders, requests), more)
