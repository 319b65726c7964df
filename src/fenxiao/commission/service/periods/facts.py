"""What an evaluation rests on, as it is kept, and what it comes to."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.closing import Close, Evaluation, totals
from fenxiao.commission.queries import periods
from fenxiao.engine.ceilings import corrections
from fenxiao.engine.close import evaluate_period
from fenxiao.engine.evaluate import AwardKey
from fenxiao.engine.periods import Carry, Period, PeriodFacts, PeriodKind, read_period
from fenxiao.engine.plan import Plan
from fenxiao.infra.db.sql import Reader


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A step, what it says is to be booked, and what it keeps for the next period."""

    evaluation: Evaluation
    target: Mapping[AwardKey, int]
    carries: Sequence[Carry] = ()


async def kept(reader: Reader, plan: Plan, close: Close, evaluation: Evaluation) -> PeriodFacts:
    """The facts of a step; carries of components that the plan has no more are left behind."""
    members = await periods.members(reader, close.close_id, evaluation.step)
    carries = []
    if evaluation.carried_from is not None and evaluation.carried_step is not None:
        found = await periods.carries(reader, evaluation.carried_from, evaluation.carried_step)
        carries = counting(plan, close.kind, found)
    return PeriodFacts(
        period=Period(close.kind, close.period, close.since, close.until),
        currency=close.currency,
        sales_minor=evaluation.sales_minor,
        members=tuple(members),
        carries=tuple(carries),
    )


def counting(plan: Plan, kind: PeriodKind, carries: Iterable[Carry]) -> list[Carry]:
    """Those carries that count on in a period of a kind; what no component of the plan kept is left behind."""
    names = {one.name for one in plan.components if one.period == kind}
    return [one for one in carries if one.component in names]


async def evaluated(reader: Reader, plan: Plan, close: Close, evaluation: Evaluation) -> Evaluated:
    """A step evaluated on what is kept of it; a period has many members, so in a thread."""
    if close.purpose == "caps":
        accrued = await periods.accrued_then(reader, close.close_id, evaluation.step)
        found = await asyncio.to_thread(corrections, plan, accrued, evaluation.sales_minor)
        return Evaluated(evaluation, totals(found))
    facts = await kept(reader, plan, close, evaluation)
    outcome = await asyncio.to_thread(evaluate_period, plan, facts)
    return Evaluated(evaluation, outcome.target(), outcome.carries)


def read(key: str, zone: ZoneInfo) -> Period | None:
    """The period of a key, None if there is none such."""
    try:
        return read_period(key, zone)
    except ValueError:
        return None
