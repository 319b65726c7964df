"""infinity (无限代奖): beyond a depth, the first qualified upline of high enough a grade earns a rate of the sale,
however far above he stands.

From his side: he earns on everything deeper than `beyond`, down to the next of his own or a higher grade. That
next one either blocks him, or the two share the rate. The level of an amount is the place in the tree.
"""

from collections.abc import Iterator, Mapping, Sequence
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
from fenxiao.engine.facts import Party
from fenxiao.engine.fields import CountField, RankField, RateField

scope: Scope = "order"
counts: Counts = "places"
_BELOW_RANK = "Component {component} pays grades of rank {rank} and above; yours is below."
_WITHIN_DEPTH = (
    "Component {component} pays beyond place {beyond} above the seller; you stand at place {place}."
)
_BLOCKED = "Component {component}: somebody nearer to the seller earns it; it stops with him."
_SHARED = "Shared between two: {base} × {percent} % = {exact}"
reasons: Mapping[Outcome, str] = {
    "below-rank": _BELOW_RANK,
    "within-depth": _WITHIN_DEPTH,
    "blocked": _BLOCKED,
}
texts = {
    **climb.SENTENCES,
    _BELOW_RANK: "组件 {component} 只发给等级序号 {rank} 及以上者；您的等级低于此。",
    _WITHIN_DEPTH: "组件 {component} 只发给卖家之上第 {beyond} 位以外者；您位于第 {place} 位。",
    _BLOCKED: "组件 {component}：离卖家更近的人已获得该奖，到其为止。",
    _SHARED: "两人平分：{base} × {percent}% = {exact}",
}


class Override(OverrideParams):
    """Another rate for some lines."""

    rate: RateField | None = None


class Params(OrderParams):
    """`rate`: what is paid; `min_rank`: the rank of the lowest grade that earns it; `beyond`: how many places above
    the seller do not earn it; `next_leader`: whether the next of the same or a higher grade is `blocked` or the two
    have it `shared`.
    """

    type: Literal["infinity"]
    rate: RateField
    min_rank: RankField
    beyond: CountField = 0
    next_leader: Literal["blocked", "shared"] = "blocked"
    overrides: tuple[Override, ...] = Overrides

    def override_list(self) -> Sequence[Override]:
        """The overrides in the order of the document."""
        return self.overrides


def terms(params: Params, overrides: Sequence[Override]) -> Fraction:
    """The rate that applies under these overrides."""
    return max((one.rate for one in overrides if one.rate is not None), default=params.rate)


def evaluate(component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
    """The rate × base to the first, or half of it each to the first two."""
    return climb.pay(component, case, _climb, record)


def _climb(component: Component, case: Case, rate: Fraction) -> Iterator[Visit]:
    params: Params = component.params
    first, second = _leaders(component, case)
    share = Claim(rate / 2, "shared") if second else Claim(rate, "infinity")
    for place, party in climb.places(case, None):
        outcome = standing(component, party)
        if party in (first, second):
            yield Visit(place, party, "infinity", (share,))
        elif outcome != "qualified":
            yield Visit(place, party, outcome)
        elif place <= params.beyond:
            yield Visit(place, party, "within-depth", values={"beyond": params.beyond})
        elif (party.rank or 0) < params.min_rank:
            yield Visit(place, party, "below-rank", values={"rank": params.min_rank})
        else:
            yield Visit(place, party, "blocked")
    if first is None:
        yield Visit(len(case.upline) + 1, None, "qualified", lost=(share,))


def _leaders(component: Component, case: Case) -> tuple[Party | None, Party | None]:
    """The first who earns it, and where it is shared the next of his or a higher grade."""
    params: Params = component.params
    able = [
        party
        for party in case.upline[params.beyond :]
        if (party.rank or 0) >= params.min_rank and standing(component, party) == "qualified"
    ]
    if not able:
        return None, None
    first = able[0]
    if params.next_leader == "blocked":
        return first, None
    return first, next((party for party in able[1:] if (party.rank or 0) >= (first.rank or 0)), None)


def sentence(part: Part) -> str:
    """Alone or shared."""
    return _SHARED if part.note == "shared" else climb.sentence(part)


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The base and the rate."""
    return climb.describe(part, currency)


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """The highest rate of any line: it is paid once."""
    return Bound(max([*climb.met_alone(component), *climb.met_by_tags(component)]), 0)


def depth(component: Component, depths: Mapping[str, int | None]) -> int | None:  # noqa: ARG001 - part of the interface
    """Without end: that is what it is for."""
    return None if bound(component, {}).rate else 0
