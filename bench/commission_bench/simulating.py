"""The simulation's turns: asked for over HTTP, done as the server does it, by this process and its children."""

import os
import resource
import time
from datetime import datetime
from typing import Any

import httpx

from bench.commission_bench.stage import DEEP, YEAR, Bench, end_of, plan_of
from bench.rig.machine import Clocks
from bench.rig.turns import Turn
from fenxiao.commission.service.simulation_crew import cores
from fenxiao.entrypoints.web import application
from fenxiao.infra.db import runs

_KIB = 1024


async def simulate(bench: Bench) -> Turn:
    """All orders of the past under the plan that was in effect; it has to give the book itself."""
    turn = Turn("simulation")
    rule_id = await bench.ground.connection.fetchval(
        "select min(rule_id) from rules.rules where state = 'published'"
    )
    outcome = await _timed(bench, turn, rule_id, YEAR, bench.orders)
    totals = outcome["totals"]
    if totals["winners"] or totals["losers"] or totals["would"] != totals["was"]:
        turn.void.append(
            f"{totals['winners']} gain and {totals['losers']} lose by the plan that made the book"
        )
    return turn


async def payees(bench: Bench, number: int) -> Turn:
    """Some of them under a plan with so many payees for each order: what one payee costs."""
    turn = Turn(f"payees {number}")
    bench.turns += 1
    plan = {**plan_of(number), "name": f"simulated, {number} payees, {bench.turns}"}
    async with _http(bench) as client:
        drafted = await client.post("/api/rules", json=plan)
        drafted.raise_for_status()
    outcome = await _timed(bench, turn, drafted.json()["rule_id"], DEEP, bench.deep_orders)
    levels = sum(1 for one in outcome["components"] if float(one["would"]) > 0)
    if levels != number:
        turn.void.append(f"{levels} levels were paid, not {number}")
    return turn


async def _timed(bench: Bench, turn: Turn, rule_id: int, start: datetime, orders: int) -> dict[str, Any]:
    async with _http(bench) as client:
        body = {"rule_id": rule_id, "from": start.isoformat(), "to": end_of(start, orders).isoformat()}
        queued = await client.post("/api/simulations", json=body)
        queued.raise_for_status()
        before, children = Clocks.read(os.getpid()), _children()
        started = time.perf_counter()
        steps = {
            kind: step
            for offer in bench.system.offers
            for kind, step in offer.runs.items()
            if kind == "simulation"
        }
        await runs.work(bench.system.databases["commission"], steps)
        seconds = time.perf_counter() - started
        after, spent = Clocks.read(os.getpid()), _children() - children
        found = (await client.get(queued.headers["location"])).json()
    if found["status"] != "done" or found["outcome"]["totals"]["orders"] != orders:
        turn.void.append(f"{found['status']}: {found['error']}, {found['progress']}")
        return dict(found["outcome"] or {"totals": {}, "components": []})
    turn.values = {
        "seconds": seconds,
        "evaluating µs per order": spent / orders * 1e6,
        "MiB": _memory(),
    }
    if before is not None and after is not None:
        turn.values["server µs per order"] = (after.server - before.server) / orders * 1e6
        turn.values["all µs per order"] = (after.machine - before.machine) / orders * 1e6
    turn.raw["hashes"] = [found["input_hash"], found["output_hash"]]
    return dict(found["outcome"])


def _http(bench: Bench) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=application(bench.system))
    return httpx.AsyncClient(transport=transport, base_url="http://bench", headers=bench.headers)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory() -> float:
    """The most that this process held, and for each child the most that any child did; without PostgreSQL."""
    own, child = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return (own + cores() * child) / _KIB
