"""The limit's turns: the least that an order can cost this PostgreSQL, loaded by pgbench."""

from collections.abc import Mapping

from bench.orders_bench import written
from bench.orders_bench.stage import LEAD_IN, RATE, Bench, latencies
from bench.rig import pgbench
from bench.rig.turns import Turn, difference, not_answered_well, rows_missing

_CALL = """\\set product random(:first_product, :last_product)
\\set distributor random(:first_distributor, :last_distributor)
\\set units random(1, 3)
\\set number :number + 1
select bench_limit.place(:product, :distributor, :units, :turn, :client_id, :number);
"""


async def flat_out(bench: Bench) -> Turn:
    """(a) One PL/pgSQL call per order from pgbench: what this PostgreSQL writes at most."""
    turn, before = Turn("limit"), await bench.ground.count(written.LIMIT)
    outcome = await pgbench.run(bench.ground, _CALL, seconds=bench.seconds, variables=_variables(bench))
    turn.values = {"per second": outcome.per_second, "mean ms": outcome.latency_ms}
    await _count(bench, turn, outcome, before)
    return turn


async def at_rate(bench: Bench) -> Turn:
    """(f) The limit at a fixed rate: its latency when it is not at its end."""
    turn, before = Turn("limit at rate"), await bench.ground.count(written.LIMIT)
    outcome = await pgbench.run(
        bench.ground,
        _CALL,
        seconds=bench.seconds,
        variables=_variables(bench),
        rate=RATE,
        lead_in=LEAD_IN,
    )
    latencies(turn, outcome.latencies)
    await _count(bench, turn, outcome, before)
    return turn


def _variables(bench: Bench) -> dict[str, int]:
    bench.turns += 1
    products, people = bench.people.product_ids, bench.people.distributor_ids
    return {
        "first_product": products[0],
        "last_product": products[1],
        "first_distributor": people[0],
        "last_distributor": people[1],
        "turn": bench.turns,
        "number": 0,
    }


async def _count(bench: Bench, turn: Turn, outcome: pgbench.Outcome, before: Mapping[str, int]) -> None:
    more = difference(before, await bench.ground.count(written.LIMIT))
    turn.raw["written"] = more
    turn.void += not_answered_well(outcome.transactions, outcome.transactions + outcome.failed, {})
    turn.void += rows_missing(dict.fromkeys(written.LIMIT, outcome.transactions), more)
