"""The worst case (最坏情况): how much a plan can pay at most, known before anything is sold."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from fenxiao.engine import witness
from fenxiao.engine.components.kind import Bound, Scope
from fenxiao.engine.fields import percent
from fenxiao.engine.findings import Finding
from fenxiao.engine.idle import idle
from fenxiao.engine.plan import Plan
from fenxiao.engine.texts import (
    RATE_ABOVE_LIMIT,
    RATIO_ENDLESS,
    RATIO_MISSING,
    UNIT_ABOVE_LIMIT,
    UNIT_WITHOUT_LIMIT,
)
from fenxiao.kernel.money import from_minor


def worst_case(plan: Plan, scope: Scope | None = None) -> Bound:
    """The most that all components together, or those of one scope, would pay without payout limits and caps.

    `rate` is a rate of the plan's base, `per_unit_minor` comes on top for every unit sold; where it is `endless`, no rate
    bounds it. It is the sum of
    the components' worst cases; where those are overrides of different lines they cannot meet, and the
    true worst case is lower. Rounding half up may add up to half a minor unit per award.
    """
    bounds: dict[str, Bound] = {}
    for component in plan.components:
        bounds[component.name] = component.kind.bound(component, bounds)
    counted = [
        bounds[component.name] for component in plan.components if scope in {None, component.kind.scope}
    ]
    return Bound(
        sum((bound.rate for bound in counted), Fraction(0)),
        sum(bound.per_unit_minor for bound in counted),
        endless=any(bound.endless for bound in counted),
    )


def worst_rate(plan: Plan) -> Fraction:
    """The worst case of all that is paid as a rate of the base."""
    return worst_case(plan).rate


def warnings(plan: Plan, grades: Mapping[str, int] | None = None) -> tuple[Finding, ...]:
    """What an author should know about the payout limits, and of rules that never apply; none of it stops a publication.

    With the grades of the server and their ranks also of those that no grade meets.
    """
    return (*_of_an_order(plan), *_of_a_period(plan), *idle(plan, grades))


def _of_a_period(plan: Plan) -> Iterator[Finding]:
    """What a period can pay on top of its orders, where the company has set no ratio."""
    if plan.max_payout_rate_per_period is not None:
        return
    bounds: dict[str, Bound] = {}
    for component in plan.components:
        bounds[component.name] = component.kind.bound(component, bounds)
        if component.period is not None and bounds[component.name].endless:
            yield Finding("no-company-ratio", RATIO_ENDLESS, {"component": component.name})
    worst = worst_case(plan, "period").rate
    if worst and worst + worst_case(plan, "order").rate > plan.max_payout_rate:
        yield Finding("no-company-ratio", RATIO_MISSING, {"worst": percent(worst)})


def _of_an_order(plan: Plan) -> tuple[Finding, ...]:
    worst, limit, currency = worst_case(plan, "order"), plan.max_payout_rate, plan.currency
    if worst.rate > limit:
        values = {"worst": percent(worst.rate), "limit": percent(limit)}
        return (Finding("worst-case-above-limit", RATE_ABOVE_LIMIT, values), *witness.told(plan))
    if not worst.per_unit_minor:
        return ()
    if worst.rate == limit:
        amount = from_minor(worst.per_unit_minor, currency)
        return (Finding("amounts-above-limit", UNIT_WITHOUT_LIMIT, {"amount": amount, "currency": currency}),)
    # p × limit < p × rate + amount holds for every unit whose base p lies below this.
    threshold = -(-worst.per_unit_minor // (limit - worst.rate))
    return (
        Finding(
            "cheap-units-above-limit",
            UNIT_ABOVE_LIMIT,
            {"threshold": from_minor(threshold, currency), "currency": currency},
        ),
    )
