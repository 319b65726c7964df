"""What stands in a plan and can never apply (无效规则): none of it is refused, all of it is told its author."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from fenxiao.engine.components.kind import Bound
from fenxiao.engine.conditions import reach
from fenxiao.engine.conditions.tree import Rank
from fenxiao.engine.findings import Finding
from fenxiao.engine.plan import Component, Plan
from fenxiao.engine.texts import (
    CAP_NEVER,
    CAP_ZERO,
    CONDITION_ALWAYS,
    CONDITION_NEVER,
    FIELD_IDLE,
    GRADE_UNKNOWN,
    OVERRIDE_IDLE,
    PAYS_NOTHING,
    RANK_UNREACHED,
    RATE_FALLS,
    RATES_BEYOND,
    STEP_FALLS,
)


def idle(plan: Plan, grades: Mapping[str, int] | None = None) -> tuple[Finding, ...]:
    """Rules of the plan that never apply; with the grades of the server and their ranks also those no grade meets."""
    bounds: dict[str, Bound] = {}
    found: list[Finding] = []
    for component in plan.components:
        bounds[component.name] = component.kind.bound(component, bounds)
        found.extend(_of(component, bounds[component.name]))
        if grades is not None:
            found.extend(_by_grade(component, grades))
    return tuple(found)


def _finding(code: str, message: str, component: Component, **values: Any) -> Finding:
    return Finding(code, message, {"component": component.name, **values})


def _of(component: Component, bound: Bound) -> Iterator[Finding]:
    if not (bound.rate or bound.per_unit_minor or bound.endless):
        yield _finding("pays-nothing", PAYS_NOTHING, component)
    yield from _caps(component)
    if component.when is not None:
        if reach.never(component.when):
            yield _finding("condition-never", CONDITION_NEVER, component)
        elif reach.always(component.when):
            yield _finding("condition-always", CONDITION_ALWAYS, component)
    yield from _overrides(component)
    yield from _FIELDS.get(component.type, _nothing)(component, component.params)


def _caps(component: Component) -> Iterator[Finding]:
    caps = {
        "cap_per_entry": component.entry_cap_minor,
        "cap_per_order": component.cap_minor,
        "cap_per_period": component.period_cap_minor,
    }
    named = {field: cap for field, cap in caps.items() if cap is not None}
    for field, cap in named.items():
        if not cap:
            yield _finding("cap-zero", CAP_ZERO, component, field=field)
    for wide, narrow in (("cap_per_entry", "cap_per_order"), ("cap_per_entry", "cap_per_period")):
        if wide in named and narrow in named and named[wide] >= named[narrow] > 0:
            yield _finding("cap-never", CAP_NEVER, component, field=wide, other=narrow)


def _overrides(component: Component) -> Iterator[Finding]:
    """Special terms that are the component's own, where no wider ones are kept away by them."""
    matches = [one.match for one in component.params.override_list()]
    kinds = ["product_id" if m.product_id else "category_id" if m.category_id else "tag" for m in matches]
    order = ("product_id", "category_id", "tag")
    for index, kind in enumerate(kinds):
        others = kinds[:index] + kinds[index + 1 :]
        wider = order[order.index(kind) + (kind == "product_id") :]
        if not set(wider) & set(others) and component.terms((index,)) == component.terms(()):
            value = getattr(matches[index], kind)
            yield _finding("override-idle", OVERRIDE_IDLE, component, match=f"{kind} {value}")


# By type


def _nothing(component: Component, params: Any) -> Iterator[Finding]:  # noqa: ARG001 - one of several alike
    yield from ()


def _generation(component: Component, params: Any) -> Iterator[Finding]:
    reached = None if params.depth is None else params.depth + params.seller_boundary
    yield from _beyond(component, "rates", len(params.rates), reached)


def _breakaway(component: Component, params: Any) -> Iterator[Finding]:
    yield from _beyond(component, "generation_rates", len(params.generation_rates), params.depth)


def _beyond(component: Component, field: str, listed: int, reached: int | None) -> Iterator[Finding]:
    if reached is not None and listed > reached:
        yield _finding("rates-beyond", RATES_BEYOND, component, field=field, count=listed, reached=reached)


def _differential(component: Component, params: Any) -> Iterator[Finding]:
    # A depth that is the default may stand in the document only because documents are stored with their defaults.
    default = type(params).model_fields["same_grade_depth"].default
    if params.same_grade_rate and not params.same_grade_depth:
        yield _finding("field-idle", FIELD_IDLE, component, field="same_grade_rate")
    elif not params.same_grade_rate and params.same_grade_depth not in {0, default}:
        yield _finding("field-idle", FIELD_IDLE, component, field="same_grade_depth")


def _stairstep(component: Component, params: Any) -> Iterator[Finding]:
    if params.breakaway_at is None and params.generation_rates:
        yield _finding("field-idle", FIELD_IDLE, component, field="generation_rates")
    for number, (step, later) in enumerate(pairwise(params.steps), 1):
        if later.rate <= step.rate:
            yield _finding("step-falls", STEP_FALLS, component, step=number + 1)


def _binary(component: Component, params: Any) -> Iterator[Finding]:
    if params.max_pairs == 0:
        yield _finding("cap-zero", CAP_ZERO, component, field="max_pairs")
    if params.max_pairs is None and params.beyond_max_pairs != "flush":
        yield _finding("field-idle", FIELD_IDLE, component, field="beyond_max_pairs")
    if params.carry == "none" and params.unqualified == "flush":
        for field in ("carry_cap", "carry_periods"):
            if getattr(params, field) is not None:
                yield _finding("field-idle", FIELD_IDLE, component, field=field)


_FIELDS: Mapping[str, Callable[[Component, Any], Iterator[Finding]]] = {
    "generation": _generation,
    "breakaway": _breakaway,
    "differential": _differential,
    "stairstep": _stairstep,
    "binary": _binary,
}

# By the grades of the server


def _by_grade(component: Component, grades: Mapping[str, int]) -> Iterator[Finding]:
    params, highest = component.params, max(grades.values(), default=0)
    rates = getattr(params, "rates", None)
    if isinstance(rates, Mapping):
        for grade in sorted(rates.keys() - grades.keys()):
            yield _finding("grade-unknown", GRADE_UNKNOWN, component, grade=grade)
        known = sorted((grades[grade], grade) for grade in rates.keys() & grades.keys())
        for (_, lower), (_, higher) in pairwise(known):
            if rates[higher] < rates[lower]:
                yield _finding("rate-falls", RATE_FALLS, component, grade=higher, below=lower)
    for field in ("boundary_rank", "breakaway_rank", "min_rank"):
        if getattr(params, field, 0) > highest:
            yield _finding(
                "rank-unreached", RANK_UNREACHED, component, rank=getattr(params, field), highest=highest
            )
    for one in () if component.when is None else component.when.comparisons():
        if isinstance(one, Rank) and one.op == "at_least" and one.threshold > highest:
            yield _finding("rank-unreached", RANK_UNREACHED, component, rank=one.threshold, highest=highest)
