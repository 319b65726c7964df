"""Explanations (佣金说明): how an entry came about, and why somebody got nothing.

Nothing of an explanation is stored: it is the evaluation run again, with a trace, on the order's frozen facts
and rule version, and it must arrive at the stored amount.
"""

import asyncio
from dataclasses import dataclass

from fenxiao.commission.domain.figures import NOTHING, OfPeople
from fenxiao.commission.queries import entries
from fenxiao.commission.queries.entries import Entry
from fenxiao.commission.service.figures import Facts
from fenxiao.commission.service.histories import facts
from fenxiao.commission.service.periods.explanation import PeriodExplained, PeriodExplanations
from fenxiao.commission.service.plans import Plans
from fenxiao.engine.evaluate import Step, steps
from fenxiao.engine.explain import Reason, explain, why_nothing
from fenxiao.engine.facts import OrderFacts
from fenxiao.engine.plan import Plan
from fenxiao.engine.trace import Trace
from fenxiao.infra import telemetry
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import NotFound, Refusal
from fenxiao.kernel.ids import CommissionId, DistributorId, OrderId, RuleId
from fenxiao.orders.api import OrderHistory, OrderMissing, OrdersApi

_log = telemetry.logger(__name__)


class EntryMissing(NotFound):
    """There is no commission entry {commission_id}."""

    code = "commission-missing"


class NotExplained(Refusal):
    """The evaluation does not arrive at the amount of entry {commission_id}; this was recorded and is being looked into."""

    code = "commission-not-explained"
    status = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """How an entry came about: what stood before its step, what stands after it, and the evaluation after it."""

    entry: Entry
    before_minor: int
    after_minor: int
    trace: Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a distributor gets from an order and why; without a trace where there is no plan to evaluate."""

    distributor_id: DistributorId
    order_id: OrderId
    rule_id: RuleId | None
    currency: str
    amount_minor: int
    reasons: tuple[Reason, ...]
    trace: Trace | None


class Explanations:
    """Explains entries and their absence."""

    def __init__(self, db: Database, orders: OrdersApi, plans: Plans, facts: Facts) -> None:
        self._periods = PeriodExplanations(db, plans)
        self._db = db
        self._orders = orders
        self._plans = plans
        self._facts = facts

    async def entry(self, commission_id: CommissionId) -> Entry:
        """The entry; EntryMissing."""
        entry = await entries.entry(self._db, commission_id)
        if entry is None:
            raise EntryMissing(commission_id=commission_id)
        return entry

    async def explain(self, entry: Entry) -> Explained | PeriodExplained:
        """How it came about; NotExplained if the evaluation arrives elsewhere."""
        found: Explained | PeriodExplained | None = None
        if entry.order_id is None:
            found = await self._periods.explain(entry)
        elif (history := await self._history(entry.order_id)) is not None:
            plans = await self._plans.of([entry.rule_id])
            # Rendering and tracing a large order takes longer than the loop may stand still.
            order = facts(history, await self._figures(history))
            found = await asyncio.to_thread(_explained, entry, plans[entry.rule_id], order)
        if found is None or found.after_minor - found.before_minor != entry.commission_amount_minor:
            _log.error(
                "entry cannot be explained",
                commission_id=entry.commission_id,
                order_id=entry.order_id,
                period=entry.period,
            )
            raise NotExplained(commission_id=entry.commission_id)
        return found

    async def why(self, distributor_id: DistributorId, order_id: OrderId, *, sees_all: bool) -> Answered:
        """What the distributor gets from the order, and if nothing, why; OrderMissing.

        Whoever does not see everything can ask only about orders in whose chain he stands.
        """
        history = await self._history(order_id)
        if history is None or not (sees_all or _in_chain(history, distributor_id)):
            raise OrderMissing(order_id=order_id)
        trace, reasons = None, _without_plan(history)
        if history.rule_id is not None:
            plans = await self._plans.of([history.rule_id])
            order = facts(history, await self._figures(history))
            trace = await asyncio.to_thread(explain, plans[history.rule_id], order, len(history.refunds))
            reasons = why_nothing(trace, distributor_id)
        booked = await entries.booked_minor(self._db, order_id, distributor_id)
        return Answered(
            distributor_id=distributor_id,
            order_id=order_id,
            rule_id=history.rule_id,
            currency=history.currency,
            amount_minor=booked,
            reasons=reasons,
            trace=trace,
        )

    async def _figures(self, history: OrderHistory) -> OfPeople:
        """Those kept with the order; where it has not earned yet, those it would earn with by what is known now."""
        figures, _ = await self._facts.of(await self._facts.needing([history]))
        return figures.get(history.order_id, NOTHING)

    async def _history(self, order_id: OrderId) -> OrderHistory | None:
        found = await self._orders.histories(order_ids=[order_id])
        return found[0] if found else None


def _explained(entry: Entry, plan: Plan, order: OrderFacts) -> Explained | None:
    made = steps(plan, order)
    if entry.step >= len(made):
        return None
    step = made[entry.step]
    before = _target(made[entry.step - 1], entry) if entry.step else 0
    trace = explain(plan, order, step.refunds_applied)
    award = trace.award(entry.key)
    after = award.amount_minor if award else 0
    if after != _target(step, entry):
        return None
    return Explained(entry=entry, before_minor=before, after_minor=after, trace=trace)


def _target(step: Step, entry: Entry) -> int:
    return step.target.get(entry.key, 0)


def _in_chain(history: OrderHistory, distributor_id: DistributorId) -> bool:
    return any(member.distributor_id == distributor_id for member in (history.seller, *history.upline))


def _without_plan(history: OrderHistory) -> tuple[Reason, ...]:
    """Why an order without a rule version earns nobody anything."""
    if history.status == "cancelled":
        return (Reason("cancelled", {}),)
    return (Reason("no-plan", {}) if history.paid_at else Reason("not-paid", {}),)
