"""Simulations: what was asked, how far they have come, what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, tuple_

from fenxiao.commission.tables.simulation import simulation_distributor
from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId, OrderId, RuleId, RunId, SimulationId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

Sort = Literal["distributor_id", "-distributor_id", "difference", "-difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """模拟: one simulation and how far it has come; `done` of `total` orders and periods. `outcome` is None until it is done."""

    simulation_id: SimulationId
    run_id: RunId
    rule_id: RuleId
    plan_name: str
    plan_version: int
    document: dict[str, Any]
    document_hash: bytes
    engine_version: str
    currency: str
    paid_from: datetime
    paid_to: datetime
    actor: str
    created_at: datetime
    status: str
    error: str | None
    done: int
    total: int | None
    outcome: dict[str, Any] | None
    input_hash: bytes | None
    output_hash: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one distributor would have got and what he got, of the orders of the span; own orders and their net sales."""

    distributor_id: DistributorId
    orders: int
    sales_minor: int
    would_minor: int
    was_minor: int
    difference_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedInPeriod:
    """What one reward granted for a period, net of what it took back, and to how many people."""

    reward: str
    amount_minor: int
    heads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How many people: with own orders or pay at all, paid, paid by others' orders too; who gains, who loses."""

    people: int
    paid_would: int
    paid_was: int
    winners: int
    losers: int


_COLUMNS = (
    "s.simulation_id, s.run_id, s.rule_id, s.plan_name, s.plan_version, s.document, s.document_hash, s.engine_version,"
    " s.currency, s.paid_from, s.paid_to, s.actor, s.created_at, r.state as status, r.error, r.done, r.total, s.outcome,"
    " s.input_hash, s.output_hash"
)
_DIFFERENCE = tuple(simulation_distributor.c[name] for name in Difference.__slots__)

_BOOKED = """
select '[' || coalesce(string_agg(json_build_array(order_id, component, level, distributor_id, amount)::text, E',\\n'
    order by order_id, component collate "C", level, distributor_id), '') || ']'
from (
  select order_id, component, level, distributor_id, sum(commission_amount_minor)::bigint as amount
  from commission where order_id = any($1::text::bigint[]) group by 1, 2, 3, 4
) b where amount <> 0
"""


# A grade is that of the last evaluation that is booked, or of the first while it is under way.
_BOOKED_OF_PERIOD = """
select '[' || coalesce(string_agg(json_build_array(component, level, distributor_id, amount, grade)::text, E',\\n'
    order by component collate "C", level, distributor_id), '') || ']'
from (
  select c.component, c.level, c.distributor_id, sum(c.commission_amount_minor)::bigint as amount, m.grade
    from period_close p join commission c using (close_id)
    left join period_member m
      on m.close_id = p.close_id and m.step = greatest(p.steps - 1, 0) and m.distributor_id = c.distributor_id
   where p.currency = $1 and p.kind = $2 and p.period = $3 and p.purpose = 'pay'
   group by c.component, c.level, c.distributor_id, m.grade) b where amount <> 0
"""
_SOLD_IN_CLOSE = """
select s.sales_minor from period_close p join period_step s using (close_id)
 where p.currency = $1 and p.kind = $2 and p.period = $3 and p.purpose = 'pay' order by s.step desc limit 1
"""


async def find(reader: Reader, simulation_id: int) -> Simulation | None:
    """One simulation, None if there is none of this id."""
    row = await reader.fetchrow(
        f"select {_COLUMNS} from simulation s join run r using (run_id) where simulation_id = $1",
        simulation_id,
    )
    return None if row is None else _simulation(row)


async def of_run(reader: Reader, run_id: RunId) -> Simulation:
    """The simulation that a run is about."""
    (row,) = await reader.fetch(
        f"select {_COLUMNS} from simulation s join run r using (run_id) where s.run_id = $1", run_id
    )
    return _simulation(row)


async def page(reader: Reader, *, limit: int, cursor: str | None) -> Page[Simulation]:
    """Simulations, the newest first."""
    before = 2**63 - 1 if cursor is None else decode_cursor(cursor, int)[0]
    rows = await reader.fetch(
        f"select {_COLUMNS} from simulation s join run r using (run_id) where simulation_id < $1"
        " order by simulation_id desc limit $2",
        before,
        limit + 1,
    )
    found = tuple(map(_simulation, rows[:limit]))
    return Page(found, encode_cursor(found[-1].simulation_id) if len(rows) > limit else None)


async def differences(
    reader: Reader, simulation_id: int, *, sort: Sort, limit: int, cursor: str | None
) -> Page[Difference]:
    """The distributors of a simulation; equal differences by distributor, in the direction of the list."""
    table = simulation_distributor.c
    by_difference = sort.endswith("difference")
    key = (table.difference_minor, table.distributor_id) if by_difference else (table.distributor_id,)
    query = select(*_DIFFERENCE).where(table.simulation_id == simulation_id).limit(limit + 1)
    if cursor is not None:
        last = decode_cursor(cursor, *[int] * len(key))
        query = query.where(tuple_(*key) < last if sort.startswith("-") else tuple_(*key) > last)
    query = query.order_by(*(column.desc() if sort.startswith("-") else column for column in key))
    rows = await reader.fetch(query)
    found = tuple(Difference(**dict(row.items())) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(found, None)
    end = found[-1]
    ends = (end.difference_minor, end.distributor_id) if by_difference else (end.distributor_id,)
    return Page(found, encode_cursor(*ends))


async def heads(reader: Reader, simulation_id: int) -> Heads:
    """The people of a simulation, counted."""
    row = await reader.fetchrow(
        "select count(*) as people, count(*) filter (where would_minor <> 0) as paid_would,"
        " count(*) filter (where was_minor <> 0) as paid_was, count(*) filter (where difference_minor > 0) as winners,"
        " count(*) filter (where difference_minor < 0) as losers from simulation_distributor where simulation_id = $1",
        simulation_id,
    )
    assert row is not None  # noqa: S101 - a count always answers
    return Heads(**dict(row.items()))


async def booked(reader: Reader, order_ids: Sequence[OrderId]) -> str:
    """What is booked of these orders as a JSON list of [order, component, level, distributor, amount], none of it 0."""
    found: str = await reader.fetchval(_BOOKED, arrays.numbers(order_ids))
    return found


async def booked_of_period(reader: Reader, currency: str, kind: str, period: str) -> str:
    """What is booked of what a period pays: a JSON list of [component, level, distributor, amount, grade], none of it 0."""
    found: str = await reader.fetchval(_BOOKED_OF_PERIOD, currency, kind, period)
    return found


async def sold_in_close(reader: Reader, currency: str, kind: str, period: str) -> int:
    """What was sold in a period by its last close; 0 where it is not closed."""
    return await reader.fetchval(_SOLD_IN_CLOSE, currency, kind, period) or 0


async def granted_in_period(reader: Reader, currency: str, kind: str, period: str) -> list[GrantedInPeriod]:
    """What was granted for a period, by reward."""
    rows = await reader.fetch(
        "select reward, sum(amount)::bigint as amount_minor, count(*) filter (where amount <> 0) as heads from ("
        "  select r.reward, r.distributor_id, sum(r.reward_amount_minor) as amount"
        "    from reward_period p join rewards r using (reward_period_id)"
        "   where p.currency = $1 and p.kind = $2 and p.period = $3 group by 1, 2) g"
        ' group by reward order by reward collate "C"',
        currency,
        kind,
        period,
    )
    return [GrantedInPeriod(**dict(row.items())) for row in rows]


async def is_cancelled(reader: Reader, run_id: RunId) -> bool:
    """Whether somebody has asked the run to stop."""
    return bool(await reader.fetchval("select cancel from run where run_id = $1", run_id))


def _simulation(row: Record) -> Simulation:
    return Simulation(**dict(row.items()))
