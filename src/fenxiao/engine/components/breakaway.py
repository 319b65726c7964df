"""breakaway (级差脱离, stair-step): grades earn differences up to the grade at which a leg breaks away; above it
leaders earn by generation on the leg that broke away.

For one order: the climb pays differences until it has come to the first qualified leader, somebody at or above
the breakaway grade. He still earns his difference; with him the leg has broken away from all above, and the
leaders above him earn `generation_rates`, the nearest first. The level of an amount is the place in the tree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from fenxiao.engine.components import climb, generation
from fenxiao.engine.components.climb import Visit
from fenxiao.engine.components.differential import NO_DIFFERENCE
from fenxiao.engine.components.generation import BELOW_BOUNDARY, UNPAID_GENERATION, Generations
from fenxiao.engine.components.kind import (
    Bound,
    Case,
    Component,
    Counts,
    Outcome,
    Part,
    Place,
    Recorder,
    Scope,
    standing,
)
from fenxiao.engine.components.params import MAX_LEVELS, OrderParams, OverrideParams, Overrides
from fenxiao.engine.facts import Party
from fenxiao.engine.fields import CountField, FlagField, GradeRatesField, RankField, RateField

scope: Scope = "order"
counts: Counts = "places"
reasons: Mapping[Outcome, str] = {
    "no-difference": NO_DIFFERENCE,
    "below-boundary": BELOW_BOUNDARY,
    "unpaid-generation": UNPAID_GENERATION,
}
texts = climb.SENTENCES


class Override(OverrideParams):
    """Other rates for some lines."""

    rates: GradeRatesField | None = None
    generation_rates: tuple[RateField, ...] | None = Field(default=None, max_length=MAX_LEVELS)


class Params(OrderParams):
    """`rates`: a rate for each grade, 0 for one that is missing; `breakaway_rank`: the rank of the grade at which a
    leg breaks away; `generation_rates`: for the leaders above it; `ineligible_boundary`: whether an unqualified
    leader uses up a generation; `breakaway_volume`: whether differences go on above the leader; `depth`: how many
    places of the upline are walked, all without it.
    """

    type: Literal["breakaway"]
    rates: GradeRatesField
    breakaway_rank: RankField
    generation_rates: tuple[RateField, ...] = Field(default=(), max_length=MAX_LEVELS)
    ineligible_boundary: FlagField = False
    breakaway_volume: Literal["excluded", "included"] = "excluded"
    depth: CountField | None = None
    overrides: tuple[Override, ...] = Overrides

    def override_list(self) -> Sequence[Override]:
        """The overrides in the order of the document."""
        return self.overrides


@dataclass(frozen=True, slots=True)
class Terms:
    """The rates of some lines."""

    rates: Mapping[str, Fraction]
    generation_rates: tuple[Fraction, ...]


def terms(params: Params, overrides: Sequence[Override]) -> Terms:
    """The rates that apply under these overrides."""
    return Terms(
        climb.higher_by_grade(params.rates, [one.rates for one in overrides]),
        climb.higher(params.generation_rates, [one.generation_rates for one in overrides]),
    )


def evaluate(component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
    """Differences up to the leader, generations above him."""
    return climb.pay(component, case, _climb, record)


def _climb(component: Component, case: Case, terms: Terms) -> Iterator[Visit]:
    params: Params = component.params
    paid, found = Fraction(0), None
    for place, party in climb.places(case, params.depth):
        outcome = standing(component, party)
        leads = (party.rank or 0) >= params.breakaway_rank
        own = terms.rates.get(party.grade or "", Fraction(0))
        step = _step(place, party, outcome, (own, paid))
        stairs = found is None or params.breakaway_volume == "included"
        visit = step
        if found is not None:
            above = _above(params, found, (place, party, outcome), roll_up=case.roll_up)
            visit = _joined(step, above) if stairs else above
        elif leads and outcome == "qualified":
            found = Generations(terms.generation_rates)
        if stairs and step.claims:
            paid = own
        yield visit
    unpaid = [] if found is None else found.rolled()
    if unpaid:
        yield Visit(len(case.upline) + 1, None, "qualified", lost=unpaid)


def _step(place: int, party: Party, outcome: Outcome, rates: tuple[Fraction, Fraction]) -> Visit:
    """Someone on the stairs: he earns what his rate is above the one paid below."""
    own, paid = rates
    if outcome != "qualified":
        return Visit(place, party, outcome)
    if own > paid:
        return Visit(place, party, "difference", (climb.difference(own, paid),))
    return Visit(place, party, "no-difference", values={"own_percent": own, "paid_percent": paid})


def _joined(step: Visit, above: Visit) -> Visit:
    """Someone above a broken-away leg whose volume still counts for the stairs: he earns by both."""
    if above.claims:
        return replace(above, claims=(*step.claims, *above.claims))
    return step if step.outcome in {"difference", "no-difference"} else above


def _above(
    params: Params, found: Generations, visited: tuple[int, Party, Outcome], *, roll_up: bool
) -> Visit:
    """Someone above a leg that has broken away."""
    place, party, outcome = visited
    if (party.rank or 0) >= params.breakaway_rank:
        return generation.lead(found, visited, ineligible=params.ineligible_boundary, roll_up=roll_up)
    told: Outcome = "below-boundary" if outcome == "qualified" else outcome
    return Visit(place, party, told, values={"boundary": params.breakaway_rank})


def sentence(part: Part) -> str:
    """A difference or a generation."""
    return climb.sentence(part)


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The base and the rate, and how it was earned."""
    return climb.describe(part, currency)


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """The highest rate of a grade and all generations, on the worst line."""
    alone: list[Terms] = climb.met_alone(component)
    tagged: list[Terms] = climb.met_by_tags(component)
    together = Terms(
        climb.higher_by_grade({}, [one.rates for one in tagged]),
        climb.higher((), [one.generation_rates for one in tagged]),
    )
    return Bound(max(_worst(one) for one in (together, *alone)), 0)


def _worst(terms: Terms) -> Fraction:
    return max(terms.rates.values(), default=Fraction(0)) + sum(terms.generation_rates, Fraction(0))


def depth(component: Component, depths: Mapping[str, int | None]) -> int | None:  # noqa: ARG001 - part of the interface
    """The places walked."""
    params: Params = component.params
    return params.depth if bound(component, {}).rate else 0
