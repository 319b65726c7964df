"""periodmatch (周期匹配奖, 对等奖): the upline of whoever earned for a period gets a share of what that one earned.

It rests on the rounded amounts that an earlier component of the same period pays, before any cap; a level is the place
above the earner in the sponsor tree as of the end of the period. What members earn is added up by level and told so:
nobody learns what a single one below him was paid.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from fenxiao.engine.components import figures, rising
from fenxiao.engine.components.kind import (
    Bound,
    Component,
    Earned,
    Outcome,
    Part,
    PeriodCase,
    PeriodRecorder,
    Scope,
)
from fenxiao.engine.components.params import MAX_LEVELS, PeriodParams
from fenxiao.engine.fields import FlagField, NameField, RateField, percent
from fenxiao.kernel.money import from_minor

scope: Scope = "period"
divided = False
_LEVEL = "Level {level} below you earned {matched} by the component that is matched × {percent} % = {exact}"
_NO_EARNER = (
    "Component {component}: nobody up to level {levels} below you earned anything by {of} in this period."
)
reasons: Mapping[Outcome, str] = {"nobody-earned": _NO_EARNER}
texts = {
    _LEVEL: "您下方第 {level} 层由被匹配的组件所得 {matched} × {percent}% = {exact}",
    _NO_EARNER: "组件 {component}：您下方第 {levels} 层以内无人在本周期由 {of} 获得收入。",
}


class Params(PeriodParams):
    """`of`: the earlier component of the same period that is matched; `levels`: a rate for each level above the earner;
    `compress`: the unqualified use up no level.
    """

    type: Literal["periodmatch"]
    of: NameField
    levels: tuple[RateField, ...] = Field(max_length=MAX_LEVELS)
    compress: FlagField = False

    def rests_on(self) -> str:
        """The component matched."""
        return self.of


def close(component: Component, case: PeriodCase, record: PeriodRecorder | None) -> Earned:
    """Rate × what was earned, for each level below each member."""
    params: Params = component.params
    own: dict[int, int] = {}
    for (_, earner), amount in case.earlier[params.of].items():
        own[earner] = own.get(earner, 0) + amount
    members = case.trees.by_sponsor
    ascent = rising.Ascent(
        members,
        {member.distributor_id: member.sponsor_id for member in members},
        own,
        params.levels,
        params.compress,
        "nobody-earned",
        {"levels": str(len(params.levels)), "of": params.of},
    )
    return rising.pay(component, case, ascent, record)


def sentence(part: Part) -> str:  # noqa: ARG001 - part of the interface
    """All parts are told alike."""
    return _LEVEL


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The level, what was earned there, and the rate."""
    matched = from_minor(part.measure, currency)
    return {**figures.told(part.values, currency), "matched": matched, "percent": percent(part.factor)}


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:
    """All levels on all that `of` can pay."""
    params: Params = component.params
    rates, of = sum(params.levels, Fraction(0)), bounds[params.of]
    return Bound(rates * of.rate, 0, endless=of.endless and rates > 0)


def depth(component: Component, depths: Mapping[str, int | None]) -> int | None:
    """Its levels on top of those of `of`: what is paid on pay stands as far above the sale."""
    params: Params = component.params
    own = max((level for level, rate in enumerate(params.levels, 1) if rate), default=0)
    below = depths[params.of]
    if not own:
        return 0
    return None if below is None else own + below
