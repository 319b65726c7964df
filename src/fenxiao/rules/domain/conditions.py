"""Which conditions (条件) of a plan can be published: only those whose facts commission has."""

from collections.abc import Iterator
from dataclasses import dataclass

from fenxiao.engine.conditions.subjects import SUBJECTS, FactField, Field
from fenxiao.engine.conditions.tree import All, Comparison, Condition, Not
from fenxiao.engine.plan import Plan

GATHERED: frozenset[FactField] = frozenset(("paid_orders", "personal_sales", "days_registered"))
"""The facts that commission gathers when an order is paid. What the frozen chain itself has, the rank, needs none."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A comparison that cannot be evaluated: where it stands in the document, in which component, on what."""

    place: str
    component: str
    field: Field


def gathered(field: Field) -> bool:
    """Whether there is all that a condition on this field needs."""
    fact = SUBJECTS[field].fact
    return fact is None or fact in GATHERED


def lacks(plan: Plan) -> list[Lack]:
    """Every comparison of the plan that asks for a fact nobody gathers, in the order of the document."""
    return [
        Lack(f"{place}.field", component.name, field)
        for index, component in enumerate(plan.components)
        if component.when is not None
        for place, one in _comparisons(component.when, f"components.{index}.when")
        if not gathered(field := getattr(one, "field"))  # noqa: B009 - each has its own `field`
    ]


def _comparisons(condition: Condition, place: str) -> Iterator[tuple[str, Comparison]]:
    if isinstance(condition, Comparison):
        yield place, condition
    elif isinstance(condition, Not):
        yield from _comparisons(condition.negated, f"{place}.not")
    else:
        word, parts = ("all", condition.all) if isinstance(condition, All) else ("any", condition.any)
        for index, part in enumerate(parts):
            yield from _comparisons(part, f"{place}.{word}.{index}")
