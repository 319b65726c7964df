"""generation (代数奖): leaders above the seller, each at or above a boundary grade, earn by generation.

Whoever stands at or above the boundary grade ends a generation: the next one begins above him. He is paid the
rate of the generation that he ends. The level of an amount is the place in the tree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from fenxiao.engine.components import climb
from fenxiao.engine.components.climb import Claim, Visit
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
from fenxiao.engine.fields import CountField, FlagField, RankField, RateField

scope: Scope = "order"
counts: Counts = "places"
BELOW_BOUNDARY = "Component {component} pays grades of rank {boundary} and above; yours is below."
UNPAID_GENERATION = "Component {component} pays nothing for generation {generation}, which you end."
_EMPTY = "Component {component}: nobody stands between you and the leader below you, and empty generations do not count."
reasons: Mapping[Outcome, str] = {
    "below-boundary": BELOW_BOUNDARY,
    "unpaid-generation": UNPAID_GENERATION,
    "empty-generation": _EMPTY,
}
texts = {
    **climb.SENTENCES,
    BELOW_BOUNDARY: "组件 {component} 只发给等级序号 {boundary} 及以上者；您的等级低于此。",
    UNPAID_GENERATION: "组件 {component} 对您所处的第 {generation} 代不发放。",
    _EMPTY: "组件 {component}：您与下方的领导人之间没有其他人，空代不计。",
}


class Override(OverrideParams):
    """Other rates for some lines."""

    rates: tuple[RateField, ...] | None = Field(default=None, max_length=MAX_LEVELS)


class Params(OrderParams):
    """`rates`: a rate for each generation, counted from the seller upward; `boundary_rank`: the rank of the grade
    that ends a generation; `empty_generations`: whether one without anybody below its leader counts;
    `ineligible_boundary`: whether an unqualified leader ends a generation; `seller_boundary`: whether the seller
    does; `depth`: how many places of the upline are walked, all without it.
    """

    type: Literal["generation"]
    rates: tuple[RateField, ...] = Field(max_length=MAX_LEVELS)
    boundary_rank: RankField
    empty_generations: FlagField = True
    ineligible_boundary: FlagField = False
    seller_boundary: FlagField = False
    depth: CountField | None = None
    overrides: tuple[Override, ...] = Overrides

    def override_list(self) -> Sequence[Override]:
        """The overrides in the order of the document."""
        return self.overrides


@dataclass(slots=True)
class Generations:
    """How far the generations have come (代): rates not yet used, and what nobody has earned so far and rolls up."""

    rates: Sequence[Fraction]
    used: int = 0
    members: int = 1
    rolling: list[Claim] | None = None

    def end(self) -> list[Claim]:
        """The generation ends here; what its leader earns, nothing beyond the last rate."""
        self.used += 1
        self.members = 0
        if self.used > len(self.rates) or not self.rates[self.used - 1]:
            return []
        return [Claim(self.rates[self.used - 1], "generation", {"generation": self.used})]

    def left(self) -> list[Claim]:
        """The generations that nobody has ended."""
        return [
            Claim(rate, "generation", {"generation": number})
            for number, rate in enumerate(self.rates[self.used :], self.used + 1)
            if rate
        ]

    def rolled(self) -> list[Claim]:
        """What rolls up to the one who comes now."""
        taken, self.rolling = self.rolling or [], []
        return taken


def lead(
    found: Generations, visited: tuple[int, Party, Outcome], *, ineligible: bool, roll_up: bool
) -> Visit:
    """Someone at or above the boundary: paid if he is qualified, else passed over or a boundary nobody is paid at."""
    place, party, outcome = visited
    if outcome == "qualified":
        claims = found.end()
        earned = [*found.rolled(), *claims]
        if earned:
            return Visit(place, party, "generation", earned)
        return Visit(place, party, "unpaid-generation", values={"generation": found.used})
    if not ineligible:
        found.members += 1
        return Visit(place, party, outcome)
    missed = found.end()
    values = {"generation": found.used} if missed else None
    if roll_up:
        found.rolling = [*(found.rolling or []), *missed]
        return Visit(place, party, outcome, values=values)
    return Visit(place, party, outcome, lost=missed, values=values)


def terms(params: Params, overrides: Sequence[Override]) -> tuple[Fraction, ...]:
    """The rates that apply under these overrides."""
    return climb.higher(params.rates, [one.rates for one in overrides])


def evaluate(component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
    """The generation's rate × base, to whoever ends it."""
    return climb.pay(component, case, _climb, record)


def _climb(component: Component, case: Case, rates: tuple[Fraction, ...]) -> Iterator[Visit]:
    params: Params = component.params
    found = Generations(rates)
    for place, party in climb.places(case, params.depth):
        outcome = standing(component, party)
        leads = (party.rank or 0) >= params.boundary_rank
        if place == 0 and not params.seller_boundary:
            leads = False
        if not leads:
            found.members += place > 0
            told: Outcome = "below-boundary" if outcome == "qualified" else outcome
            yield Visit(place, party, told, values={"boundary": params.boundary_rank})
        elif _empty(params, found, outcome):
            yield Visit(place, party, "empty-generation" if outcome == "qualified" else outcome)
        else:
            yield lead(
                found,
                (place, party, outcome),
                ineligible=params.ineligible_boundary,
                roll_up=case.roll_up,
            )
    unpaid = [*found.rolled(), *found.left()]
    if unpaid:
        yield Visit(len(case.upline) + 1, None, "qualified", lost=unpaid)


def _empty(params: Params, found: Generations, outcome: Outcome) -> bool:
    """Whether a leader would end a generation that has nobody below him, where such do not count."""
    ends = outcome == "qualified" or params.ineligible_boundary
    return ends and not found.members and not params.empty_generations


def sentence(part: Part) -> str:
    """With the number of the generation."""
    return climb.sentence(part)


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The base, the rate and the generation."""
    return climb.describe(part, currency)


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """The highest sum of rates that any line can meet."""
    return Bound(worst(climb.met_alone(component), climb.met_by_tags(component)), 0)


def worst(alone: Sequence[Sequence[Fraction]], tagged: Sequence[Sequence[Fraction]]) -> Fraction:
    """The highest sum of some rates by place, of one list or of the higher of those that meet."""
    return max(sum(climb.higher((), tagged), Fraction(0)), *(sum(one, Fraction(0)) for one in alone))


def depth(component: Component, depths: Mapping[str, int | None]) -> int | None:  # noqa: ARG001 - part of the interface
    """The places walked: a generation is as long as it takes to come to a leader."""
    params: Params = component.params
    return params.depth if worst(climb.met_alone(component), climb.met_by_tags(component)) else 0
