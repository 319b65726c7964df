"""The worst case (最坏情况): how much a plan can pay at most, known before anything is sold."""

from fractions import Fraction

from fenxiao.engine.components.kind import Bound
from fenxiao.engine.fields import percent
from fenxiao.engine.findings import Finding
from fenxiao.engine.plan import Plan
from fenxiao.engine.texts import RATE_ABOVE_LIMIT, UNIT_ABOVE_LIMIT, UNIT_WITHOUT_LIMIT
from fenxiao.kernel.money import from_minor


def worst_case(plan: Plan) -> Bound:
    """The most that all components together would pay without `max_payout_rate` and caps.

    `rate` is a rate of the plan's base, `per_unit_minor` comes on top for every unit sold. It is the sum of
    the components' worst cases; where those are overrides of different lines they cannot meet, and the
    true worst case is lower. Rounding half up may add up to half a minor unit per award.
    """
    bounds: dict[str, Bound] = {}
    for component in plan.components:
        bounds[component.name] = component.kind.bound(component, bounds)
    rate = sum((bound.rate for bound in bounds.values()), Fraction(0))
    return Bound(rate, sum(bound.per_unit_minor for bound in bounds.values()))


def worst_rate(plan: Plan) -> Fraction:
    """The worst case of all that is paid as a rate of the base."""
    return worst_case(plan).rate


def warnings(plan: Plan) -> tuple[Finding, ...]:
    """What an author should know about the payout limit; none of it stops a publication."""
    worst, limit, currency = worst_case(plan), plan.max_payout_rate, plan.currency
    if worst.rate > limit:
        return (
            Finding(
                "worst-case-above-limit",
                RATE_ABOVE_LIMIT,
                {"worst": percent(worst.rate), "limit": percent(limit)},
            ),
        )
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
