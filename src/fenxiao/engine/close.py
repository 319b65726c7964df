"""The close of a period (周期结算计佣): from a plan and the facts of a period to who gets how much, exactly.

Each component of that kind of period is evaluated once on the whole period: exact amounts, rounded once per level
and earner (a pool is divided by largest remainder), each above `cap_per_entry` cut to it, all of one earner by one
component cut to its `cap_per_period`. Equal facts give equal awards, whatever the order of members.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

from fenxiao.engine.components.kind import Earned, PeriodCase, PeriodRecorder, Place
from fenxiao.engine.cuts import cut
from fenxiao.engine.evaluate import Award, AwardKey
from fenxiao.engine.periods import Carry, Period, PeriodFacts
from fenxiao.engine.plan import Component, Plan
from fenxiao.engine.trees import Trees
from fenxiao.kernel.money import rounded


@dataclass(frozen=True, slots=True)
class Unpaid:
    """What a component pays to nobody (沉淀): it stays with the platform. In minor units, above 0.

    `why`: `nobody` qualified for it; a cap `capped` it; or volume was `flushed` (binary; of volume, not of pay).
    """

    component: str
    level: int
    why: Literal["nobody", "capped", "flushed"]
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PeriodOutcome:
    """What the close of a period pays (周期结果), in canonical order: component as in the plan, level, distributor id.

    `awards` are above 0 and per (component, level, distributor) one; `carries` are all that counts in the next period
    of the same kind: they replace those of the period before.
    """

    period: Period
    awards: tuple[Award, ...]
    carries: tuple[Carry, ...]
    unpaid: tuple[Unpaid, ...]

    def target(self) -> Mapping[AwardKey, int]:
        """The awards by what their entries are booked under, as `evaluate.Step.target`."""
        return {award.key: award.amount_minor for award in self.awards}


class Recorder(Protocol):
    """Hears everything that an explanation tells; it cannot change what is paid."""

    def of(self, component: str) -> PeriodRecorder:
        """Who hears what a component does."""

    def settled(
        self,
        component: str,
        amounts: Mapping[Place, int],
        single: Mapping[Place, int],
        capped: Mapping[Place, int],
    ) -> None:
        """The rounded amounts of a component, after its cap per entry, and after the one of an earner in the period."""


def evaluate_period(plan: Plan, facts: PeriodFacts) -> PeriodOutcome:
    """What the components of `facts.period.kind` pay for the period; those of other kinds are left out.

    ValueError for facts of another currency, a negative amount, somebody twice, a parent who is no member, a loop,
    two on one position; `FactMissing` where a condition asks for what was not gathered.
    """
    return settle(plan, facts, None)


def settle(plan: Plan, facts: PeriodFacts, record: Recorder | None) -> PeriodOutcome:
    """The one evaluation; a recorder hears each stage and changes nothing."""
    _demand_sound(plan, facts)
    trees = Trees(facts.members)
    awards: list[Award] = []
    carries: list[Carry] = []
    unpaid: list[Unpaid] = []
    earlier: dict[str, Mapping[Place, int]] = {}
    for component in plan.components:
        if component.period != facts.period.kind:
            continue
        case = PeriodCase(
            facts.sales_minor,
            trees,
            _carries(component, trees, facts.carries),
            plan.rounding,
            plan.unclaimed == "roll_up",
            earlier,
        )
        heard = record.of(component.name) if record else None
        earned = component.period_kind.close(component, case, heard)
        whole, kept = _cut(plan, component, earned.exact, record)
        earlier[component.name] = whole
        awards.extend(Award(component.name, *place, amount) for place, amount in kept.items() if amount)
        carries.extend(earned.carries)
        unpaid.extend(_unpaid(plan, component, earned, (whole, kept)))
    return PeriodOutcome(facts.period, tuple(awards), tuple(carries), tuple(unpaid))


def _cut(
    plan: Plan, component: Component, exact: Mapping[Place, Fraction], record: Recorder | None
) -> tuple[dict[Place, int], dict[Place, int]]:
    """The rounded amounts, and what the caps of an entry and of an earner leave of them."""
    whole = {place: rounded(exact[place], plan.rounding) for place in sorted(exact)}
    single = whole
    if component.entry_cap_minor is not None:
        single = {place: min(amount, component.entry_cap_minor) for place, amount in whole.items()}
    kept = single
    if component.period_cap_minor is not None:
        kept = {**single}
        for places in by_earner(single):
            shares = cut([single[place] for place in places], component.period_cap_minor, plan.cut)
            kept.update(zip(places, shares, strict=True))
    if record:
        record.settled(component.name, whole, single, kept)
    return whole, kept


def by_earner(places: Iterable[Place]) -> Iterable[Sequence[Place]]:
    """The places of each earner."""
    found: dict[int, list[Place]] = {}
    for place in places:
        found.setdefault(place[1], []).append(place)
    return found.values()


def _unpaid(
    plan: Plan, component: Component, earned: Earned, cuts: tuple[Mapping[Place, int], Mapping[Place, int]]
) -> Iterable[Unpaid]:
    whole, kept = cuts
    capped: dict[int, int] = {}
    for (level, earner), amount in whole.items():
        capped[level] = capped.get(level, 0) + amount - kept[level, earner]
    lost = {level: rounded(amount, plan.rounding) for level, amount in earned.unpaid.items()}
    for level in sorted(lost.keys() | capped.keys()):
        if lost.get(level):
            yield Unpaid(component.name, level, "nobody", lost[level])
        if capped.get(level):
            yield Unpaid(component.name, level, "capped", capped[level])
    if earned.flushed:
        yield Unpaid(component.name, 0, "flushed", earned.flushed)


def _carries(component: Component, trees: Trees, carries: Iterable[Carry]) -> dict[int, list[Carry]]:
    """What the component kept for those who are still members, the oldest first."""
    found: dict[int, list[Carry]] = {}
    for carry in sorted(carries, key=lambda one: -one.age):
        if carry.component == component.name and carry.distributor_id in trees.members:
            found.setdefault(carry.distributor_id, []).append(carry)
    return found


def _demand_sound(plan: Plan, facts: PeriodFacts) -> None:
    if facts.currency != plan.currency:
        message = f"period {facts.period.key} is in {facts.currency}, the plan in {plan.currency}"
        raise ValueError(message)
    amounts = [facts.sales_minor]
    amounts += [amount for one in facts.members for amount in (one.personal_minor, one.team_minor)]
    if min(amounts) < 0 or any(one.amount_minor <= 0 or one.age < 1 for one in facts.carries):
        message = f"the facts of period {facts.period.key} have an amount below 0"
        raise ValueError(message)
    keys = {(one.component, one.distributor_id, one.leg, one.age) for one in facts.carries}
    if len(keys) < len(facts.carries):
        message = f"period {facts.period.key} carries one thing twice"
        raise ValueError(message)
