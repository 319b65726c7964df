"""The periods of a simulation (模拟的周期): closed as the book's are, one after the other, with nothing booked.

What a period rests on is asked of orders and network as a real close asks it, by what is recorded now, and evaluated by
the same function. What one keeps for the next counts there; the first of a kind begins with what the book's close of
the period before it kept, with nothing where there is none.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from fenxiao.commission.domain import hashes
from fenxiao.commission.domain.simulation import (
    WAS,
    WOULD,
    Outcome,
    PeriodPay,
    PeriodSums,
    Share,
    periods_of,
)
from fenxiao.commission.queries import periods
from fenxiao.commission.queries import simulation as reads
from fenxiao.commission.queries.simulation import Simulation
from fenxiao.commission.service.periods import facts
from fenxiao.commission.service.periods.due import of_close
from fenxiao.commission.service.periods.gathering import Gathering
from fenxiao.commission.service.simulation_child import Columns, batches
from fenxiao.engine.close import PeriodOutcome, evaluate_period
from fenxiao.engine.periods import PERIOD_KINDS, Carry, Member, Period, PeriodFacts, period_before
from fenxiao.engine.plan import Plan, needed_periods
from fenxiao.infra.db.database import Database
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import OrdersApi

Kept = Sequence[tuple[str, int, int, int, int]]
"""Carries as a run's cursor has them, by the fields of `Carry`."""

_pays: msgspec.json.Decoder[list[PeriodPay]] = msgspec.json.Decoder(list[PeriodPay])


@dataclass(frozen=True, slots=True)
class Wanted:
    """The periods that lie in a span whole, in the order in which they are closed, and the names of those that do not."""

    whole: tuple[Period, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What one period came to, its two hashes, and what it keeps for the next one of its kind, by that."""

    kept: Mapping[str, Kept]
    outcome: Outcome
    people: Sequence[Columns]
    input_hash: bytes
    output_hash: bytes


class SimulatedPeriods:
    """Closes them."""

    def __init__(self, db: Database, zone: ZoneInfo, orders: OrdersApi, network: NetworkApi) -> None:
        self._db, self._zone, self._orders = db, zone, orders
        self._gathering = Gathering(orders, network)

    async def wanted(self, simulation: Simulation, plan: Plan) -> Wanted:
        """Those for which the plan pays, and those that the book has closed."""
        start, end = simulation.paid_from, simulation.paid_to
        whole: dict[str, Period] = {}
        parts: dict[str, Period] = {}
        for kind in needed_periods(plan):
            inside, across = periods_of(kind, start, end, self._zone)
            whole |= {one.key: one for one in inside}
            parts |= {one.key: one for one in across}
        for close in await periods.paying_within(self._db, simulation.currency, start, end):
            lies_in = close.since >= start and close.until <= end
            (whole if lies_in else parts).setdefault(close.period, of_close(close).period)
        return Wanted(in_order(whole.values()), tuple(one.key for one in in_order(parts.values())))

    async def close(
        self, simulation: Simulation, plan: Plan, key: str, carried: Mapping[str, Kept]
    ) -> Simulated | None:
        """What a period would have paid and paid, by what the last one of each kind kept; None where it is to stop."""
        period = facts.read(key, self._zone)
        assert period is not None  # noqa: S101 - `wanted` named it
        booked = await reads.booked_of_period(self._db, simulation.currency, period.kind, period.key)
        if period.kind not in needed_periods(plan):
            sales = await reads.sold_in_close(self._db, simulation.currency, period.kind, period.key)
            return await asyncio.to_thread(_simulated, plan, (period, sales), None, booked)
        recorded = await self._orders.recorded_until()
        kept = carried.get(period.kind)
        carries = await self._before(plan, period) if kept is None else [Carry(*one) for one in kept]
        sales = await self._gathering.sales(plan, period, recorded)
        members: list[Member] = []
        last: int | None = 0
        while last is not None:
            if await reads.is_cancelled(self._db, simulation.run_id):
                return None
            page = await self._gathering.members(plan, period, recorded, last)
            members += page.members
            last = page.last
        whole = PeriodFacts(period, plan.currency, sales, tuple(members), tuple(carries))
        return await asyncio.to_thread(_simulated, plan, (period, sales), whole, booked)

    async def _before(self, plan: Plan, period: Period) -> list[Carry]:
        """What the book's close of the period before kept, as a real close would take it up."""
        before = period_before(period, self._zone)
        close = await periods.of(self._db, plan.currency, before.kind, before.key, "pay")
        if close is None or not close.steps:
            return []
        return facts.counting(
            plan, period.kind, await periods.carries(self._db, close.close_id, close.steps - 1)
        )


def in_order(found: Iterable[Period]) -> tuple[Period, ...]:
    """As real ones are closed: by their end, the shortest first."""
    return tuple(sorted(found, key=lambda one: (one.end, PERIOD_KINDS.index(one.kind))))


def _simulated(plan: Plan, about: tuple[Period, int], whole: PeriodFacts | None, booked: str) -> Simulated:
    """Evaluate a period, and count what is booked of it."""
    period, sales = about
    made = None if whole is None else evaluate_period(plan, whole)
    would = [] if whole is None or made is None else _would(whole, made)
    kept = () if made is None else _kept(made.carries)
    outcome, people = Outcome(), dict[int, Share]()
    would_minor = outcome.add_period(plan, WOULD, would, people)
    was_minor = outcome.add_period(plan, WAS, _pays.decode(booked), people)
    outcome.periods.append(PeriodSums(period.kind, period.key, sales, would_minor, was_minor))
    rests_on = () if whole is None else (whole.members, _kept(whole.carries))
    return Simulated(
        {period.kind: kept},
        outcome,
        batches(people),
        hashes.page(_packed((period.kind, period.key, sales)), _packed(rests_on), booked.encode()),
        hashes.page(_packed((period.kind, period.key)), _packed(would), _packed(kept)),
    )


def _would(whole: PeriodFacts, made: PeriodOutcome) -> list[PeriodPay]:
    grades = {member.distributor_id: member.grade for member in whole.members}
    return [
        (one.component, one.level, one.distributor_id, one.amount_minor, grades[one.distributor_id])
        for one in made.awards
    ]


def _kept(carries: Sequence[Carry]) -> Kept:
    return sorted((one.component, one.distributor_id, one.leg, one.age, one.amount_minor) for one in carries)


def _packed(what: object) -> bytes:
    """The same bytes for what is equal."""
    return msgspec.json.encode(what, order="deterministic")
