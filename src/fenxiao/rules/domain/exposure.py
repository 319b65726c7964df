"""What a plan exposes its operator to (风险敞口): how deep it pays, how many people for one sale, and on what basis.

It is read from the plan alone, before anything is sold; what was really paid to whom is told by the book.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fenxiao.engine import law, witness
from fenxiao.engine.bounds import worst_case
from fenxiao.engine.components.kind import Bound
from fenxiao.engine.plan import Component, Plan
from fenxiao.kernel.money import from_minor, from_rate

Basis = Literal["paid_amount", "profit", "list_price", "units", "commission"]
"""What a component's pay is measured by: the plan's base, units sold, or what others earned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentExposure:
    """The exposure by one component.

    `depth` is the deepest upline level that it can pay, None without an end. `levels` are its rates, or amounts per
    unit, by upline level where it has such a list. `rate` of the base and `per_unit` are its worst case;
    there is no `rate` where none bounds it.
    """

    component: str
    type: str
    basis: Basis
    of: str | None
    depth: int | None
    levels: tuple[str, ...] | None
    rate: str | None
    per_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one person of an example gets of it."""

    component: str
    level: int
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstCase:
    """最坏情况: the sale that was found to pay most, before caps and `max_payout_rate`, and who gets what.

    `match` is what special terms are for, `grades` those of seller and upline, the seller's first.
    """

    base: str
    match: Mapping[str, Any]
    grades: tuple[str | None, ...]
    total: str
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """The exposure by a plan.

    `law_levels` counts as the law does: the seller's own level and every upline level paid. So many `people` at most
    are paid for one sale. Both are None where a component has no end, `people` also where one pays by the period.
    """

    depth: int | None
    law_levels: int | None
    people: int | None
    rate: str | None
    per_unit: str
    max_payout_rate: str
    components: tuple[ComponentExposure, ...]
    worst_case: WorstCase | None


def exposure(plan: Plan) -> Exposure:
    """The exposure by a plan. Rates and amounts are those of the worst case before caps and `max_payout_rate`.

    The example is found by trying: a large plan takes seconds, so ask in a thread.
    """
    depths, worst = law.depths(plan), worst_case(plan)
    deepest = _deepest(list(depths.values()))
    components = tuple(_components(plan, depths))
    endless = any(one.rate is None for one in components)
    heads = None if deepest is None else deepest + 1
    # What is divided at the end of a period goes to as many as take part.
    countable = all(component.kind.scope == "order" for component in plan.components)
    return Exposure(
        depth=deepest,
        law_levels=heads,
        people=heads if countable else None,
        rate=None if endless else from_rate(worst.rate),
        per_unit=from_minor(worst.per_unit_minor, plan.currency),
        max_payout_rate=from_rate(plan.max_payout_rate),
        components=components,
        worst_case=_worst_case(plan),
    )


def _deepest(depths: list[int | None]) -> int | None:
    return None if None in depths else max((depth for depth in depths if depth is not None), default=0)


def _components(plan: Plan, depths: Mapping[str, int | None]) -> Iterator[ComponentExposure]:
    bounds: dict[str, Bound] = {}
    for component, document in zip(plan.components, plan.document()["components"], strict=True):
        bound = bounds[component.name] = component.kind.bound(component, bounds)
        levels = document.get("levels", document.get("amounts"))
        yield ComponentExposure(
            component=component.name,
            type=component.type,
            basis=_basis(plan, component, bound),
            of=component.params.rests_on(),
            depth=depths[component.name],
            levels=None if levels is None else tuple(levels),
            rate=None if bound.endless else from_rate(bound.rate),
            per_unit=from_minor(bound.per_unit_minor, plan.currency),
        )


def _worst_case(plan: Plan) -> WorstCase | None:
    found = witness.example(plan)
    if found is None:
        return None
    shares = tuple(
        Share(component=component, level=level, amount=from_minor(amount, plan.currency))
        for (component, level, _), amount in found.amounts.items()
    )
    return WorstCase(
        base=from_minor(found.base_minor, plan.currency),
        match=found.match,
        grades=found.chain,
        total=from_minor(found.total_minor, plan.currency),
        shares=shares,
    )


def _basis(plan: Plan, component: Component, bound: Bound) -> Basis:
    if component.params.rests_on() is not None:
        return "commission"
    return "units" if bound.per_unit_minor else plan.base
