"""How an entry of a period came about: the close evaluated again, with a trace for the one it concerns."""

import asyncio
from dataclasses import dataclass
from typing import Any

from fenxiao.commission.domain.closing import Close, Evaluation
from fenxiao.commission.queries import periods
from fenxiao.commission.queries.entries import Entry
from fenxiao.commission.service.periods import facts
from fenxiao.commission.service.plans import Plans
from fenxiao.engine import ENGINE_VERSION
from fenxiao.engine.ceilings import Correction, corrections
from fenxiao.engine.close_trace import PeriodTrace, explain_period
from fenxiao.engine.plan import Plan
from fenxiao.infra.db.database import Database
from fenxiao.kernel.money import from_minor, from_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class CapTrace:
    """What the caps of a period looked at for one key: what was earned by it, and what they take back, below 0."""

    plan: Plan
    period: str
    component: str
    level: int
    accrued_minor: int
    taken: tuple[Correction, ...]
    sales_minor: int

    def document(self) -> dict[str, Any]:
        """As JSON-able data; amounts are strings."""
        currency, limit = self.plan.currency, self.plan.max_payout_rate_per_period
        cap = next(one.period_cap_minor for one in self.plan.components if one.name == self.component)
        return {
            "engine_version": ENGINE_VERSION,
            "plan": self.plan.name,
            "currency": currency,
            "period": self.period,
            "component": self.component,
            "level": self.level,
            "sales": from_minor(self.sales_minor, currency),
            "accrued": from_minor(self.accrued_minor, currency),
            "cap_per_period": None if cap is None else from_minor(cap, currency),
            "max_payout_rate_per_period": None if limit is None else from_rate(limit),
            "taken_back": [
                {"why": one.why, "amount": from_minor(one.amount_minor, currency)} for one in self.taken
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodExplained:
    """What stood for an entry's key before its step, what stands after it, and the evaluation after it."""

    entry: Entry
    before_minor: int
    after_minor: int
    trace: PeriodTrace | CapTrace


class PeriodExplanations:
    """Explains entries of periods."""

    def __init__(self, db: Database, plans: Plans) -> None:
        self._db = db
        self._plans = plans

    async def explain(self, entry: Entry) -> PeriodExplained | None:
        """How it came about; None where the evaluation cannot be run again."""
        close = None if entry.close_id is None else await periods.close(self._db, entry.close_id)
        if close is None:
            return None
        plan = (await self._plans.of([entry.rule_id]))[entry.rule_id]
        steps = await periods.evaluations(self._db, close.close_id)
        if entry.step >= len(steps):
            return None
        before = 0
        if entry.step:
            earlier = await facts.evaluated(self._db, plan, close, steps[entry.step - 1])
            before = earlier.target.get(entry.key, 0)
        if close.purpose == "caps":
            taken = await self._taken(entry, plan, close, steps[entry.step])
            after = sum(one.amount_minor for one in taken.taken)
            return PeriodExplained(entry=entry, before_minor=before, after_minor=after, trace=taken)
        kept = await facts.kept(self._db, plan, close, steps[entry.step])
        trace = await asyncio.to_thread(explain_period, plan, kept, entry.distributor_id)
        after = trace.outcome.target().get(entry.key, 0)
        return PeriodExplained(entry=entry, before_minor=before, after_minor=after, trace=trace)

    async def _taken(self, entry: Entry, plan: Plan, close: Close, evaluation: Evaluation) -> CapTrace:
        accrued = await periods.accrued_then(self._db, close.close_id, evaluation.step)
        found = await asyncio.to_thread(corrections, plan, accrued, evaluation.sales_minor)
        return CapTrace(
            plan=plan,
            period=close.period,
            component=entry.component,
            level=entry.level,
            accrued_minor=accrued.get(entry.key, 0),
            taken=tuple(one for one in found if one.key == entry.key),
            sales_minor=evaluation.sales_minor,
        )
