"""differential (级差): each higher grade earns the difference to the best rate paid below; the next of the same
grade a same-grade bonus (平级奖).

The climb passes over the unqualified, so their difference goes to the next above. A rate above the highest
paid so far earns the difference; otherwise whoever has the grade of the last one who earned a difference gets
the bonus, for the first `same_grade_depth` such people, also with lower grades in between. The bonus does not
raise what counts as paid.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

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
from fenxiao.engine.components.params import OrderParams, OverrideParams, Overrides
from fenxiao.engine.fields import CountField, GradeRatesField, RateField

scope: Scope = "order"
counts: Counts = "places"
NO_DIFFERENCE = "Component {component}: the rate of your grade, {own_percent} %, is not above the {paid_percent} % paid below you."
_USED_UP = "Component {component}: the same-grade bonus goes to the first {depth} of your grade above the one who earned a difference; you come after them."
reasons: Mapping[Outcome, str] = {"no-difference": NO_DIFFERENCE, "same-grade-used-up": _USED_UP}
texts = {
    **climb.SENTENCES,
    NO_DIFFERENCE: "组件 {component}：您的等级比例 {own_percent}% 不高于下方已发放的 {paid_percent}%。",
    _USED_UP: "组件 {component}：平级奖只发给获得级差者之上同等级的前 {depth} 人，您排在其后。",
}


class Override(OverrideParams):
    """Other rates for some lines."""

    rates: GradeRatesField | None = None
    same_grade_rate: RateField | None = None
    same_grade_depth: CountField | None = None
    depth: CountField | None = None


class Params(OrderParams):
    """`rates`: a rate for each grade, 0 for one that is missing; `same_grade_rate` for the first `same_grade_depth`
    people of the same grade; `depth`: how many places of the upline are walked, all without it.
    """

    type: Literal["differential"]
    rates: GradeRatesField
    same_grade_rate: RateField = Fraction(0)
    same_grade_depth: CountField = 1
    depth: CountField | None = None
    overrides: tuple[Override, ...] = Overrides

    def override_list(self) -> Sequence[Override]:
        """The overrides in the order of the document."""
        return self.overrides


@dataclass(frozen=True, slots=True)
class Terms:
    """The parameters of some lines; `depth` None: the whole upline."""

    rates: Mapping[str, Fraction]
    same_grade_rate: Fraction
    same_grade_depth: int
    depth: int | None


def terms(params: Params, overrides: Sequence[Override]) -> Terms:
    """The parameters that apply under these overrides; of several, each parameter is the higher."""
    depths = [one.depth for one in overrides if one.depth is not None]
    same = [one.same_grade_rate for one in overrides if one.same_grade_rate is not None]
    bonuses = [one.same_grade_depth for one in overrides if one.same_grade_depth is not None]
    return Terms(
        climb.higher_by_grade(params.rates, [one.rates for one in overrides]),
        max(same, default=params.same_grade_rate),
        max(bonuses, default=params.same_grade_depth),
        max(depths) if depths else params.depth,
    )


def evaluate(component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
    """(rate − best rate paid below) × base, or the bonus × base, per place."""
    return climb.pay(component, case, _climb, record)


def _climb(component: Component, case: Case, terms: Terms) -> Iterator[Visit]:
    paid, grade, bonuses = Fraction(0), None, 0
    for place, party in climb.places(case, terms.depth):
        outcome = standing(component, party)
        own = terms.rates.get(party.grade or "", Fraction(0))
        if outcome != "qualified":
            yield Visit(place, party, outcome)
        elif own > paid:
            yield Visit(place, party, "difference", (climb.difference(own, paid),))
            paid, grade, bonuses = own, party.grade, 0
        elif grade is None or party.grade != grade or not terms.same_grade_rate:
            values = {"own_percent": own, "paid_percent": paid}
            yield Visit(place, party, "no-difference", values=values)
        elif bonuses < terms.same_grade_depth:
            bonuses += 1
            yield Visit(place, party, "same-grade", (Claim(terms.same_grade_rate, "same-grade"),))
        else:
            yield Visit(place, party, "same-grade-used-up", values={"depth": terms.same_grade_depth})


def sentence(part: Part) -> str:
    """A difference or a bonus."""
    return climb.sentence(part)


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The base and the rate; of a difference also the two rates."""
    return climb.describe(part, currency)


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """The highest rate, and as many bonuses as can meet on one line."""
    tagged: list[Terms] = climb.met_by_tags(component)
    grades = {grade for one in tagged for grade, rate in one.rates.items() if rate}
    depths = [one.depth for one in tagged]
    together = _worst(
        max((rate for one in tagged for rate in one.rates.values()), default=Fraction(0)),
        len(grades),
        max(one.same_grade_rate for one in tagged),
        max(one.same_grade_depth for one in tagged),
        _deepest(depths),
    )
    alone = (
        _worst(
            max(one.rates.values(), default=Fraction(0)),
            len({rate for rate in one.rates.values() if rate}),
            one.same_grade_rate,
            one.same_grade_depth,
            one.depth,
        )
        for one in climb.met_alone(component)
    )
    return Bound(max(together if len(tagged) > 1 else Fraction(0), *alone), 0)


def _worst(highest: Fraction, steps: int, same: Fraction, same_depth: int, depth: int | None) -> Fraction:
    """`steps` differences come to the highest rate; each can be followed by bonuses while there are people."""
    if not steps:
        return Fraction(0)
    if depth is None:
        return highest + same * steps * same_depth
    people = depth + 1
    bonuses = max(min(taken * same_depth, people - taken) for taken in range(1, min(steps, people) + 1))
    return highest + same * bonuses


def depth(component: Component, depths: Mapping[str, int | None]) -> int | None:  # noqa: ARG001 - part of the interface
    """The places walked, overrides included; 0 where no grade has a rate."""
    every: list[Terms] = [*climb.met_alone(component), *climb.met_by_tags(component)]
    if not any(rate for one in every for rate in one.rates.values()):
        return 0
    return _deepest([one.depth for one in every])


def _deepest(depths: Sequence[int | None]) -> int | None:
    found = [one for one in depths if one is not None]
    return None if len(found) < len(depths) else max(found)
