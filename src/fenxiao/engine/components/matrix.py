"""matrix (矩阵): a tree in which nobody has more than `width` people directly below him; each level of it is paid.

Whoever comes when the positions are full spills over to the next free one below, so the placement tree, not the
sponsor tree, says who stands above whom. A rate for each level above a sale; positions beyond `width` are none, and
what stands there counts for nobody above. Volume counts above whoever qualifies or not.
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
from fenxiao.engine.fields import FlagField, PositiveField, RateField, percent
from fenxiao.engine.periods import Member
from fenxiao.kernel.money import from_minor

scope: Scope = "period"
divided = False
_LEVEL = "Level {level} of your matrix sold {volume} × {percent} % = {exact}"
_NO_VOLUME = "Component {component}: nobody in the {levels} levels of your matrix sold anything."
reasons: Mapping[Outcome, str] = {"no-volume": _NO_VOLUME}
texts = {
    _LEVEL: "您矩阵的第 {level} 层销售 {volume} × {percent}% = {exact}",
    _NO_VOLUME: "组件 {component}：您矩阵的 {levels} 层内无人有销售额。",
}


class Params(PeriodParams):
    """`width`: how many people stand directly below one; `levels`: a rate for each level, the nearest first, so many
    levels deep is the matrix; `compress`: the unqualified use up no level.
    """

    type: Literal["matrix"]
    width: PositiveField
    levels: tuple[RateField, ...] = Field(max_length=MAX_LEVELS)
    compress: FlagField = False


def close(component: Component, case: PeriodCase, record: PeriodRecorder | None) -> Earned:
    """Rate × volume, for each level of each member's matrix."""
    params: Params = component.params
    members = case.trees.by_placement
    ascent = rising.Ascent(
        members,
        {member.distributor_id: _parent(member, params.width) for member in members},
        {member.distributor_id: member.personal_minor for member in members},
        params.levels,
        params.compress,
        "no-volume",
        {"levels": str(len(params.levels))},
    )
    return rising.pay(component, case, ascent, record)


def _parent(member: Member, width: int) -> int | None:
    """Who stands above, within the matrix."""
    return member.placement_parent_id if (member.position or 0) <= width else None


def sentence(part: Part) -> str:  # noqa: ARG001 - part of the interface
    """All parts are told alike."""
    return _LEVEL


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The level, its volume and its rate."""
    volume = from_minor(part.measure, currency)
    return {**figures.told(part.values, currency), "volume": volume, "percent": percent(part.factor)}


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """All levels of one sale."""
    params: Params = component.params
    return Bound(sum(params.levels, Fraction(0)), 0)


def depth(component: Component, depths: Mapping[str, int | None]) -> int:  # noqa: ARG001 - part of the interface
    """The last level with a rate above 0."""
    params: Params = component.params
    return max((level for level, rate in enumerate(params.levels, 1) if rate), default=0)
