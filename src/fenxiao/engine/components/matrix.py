"""matrix (矩阵): a tree in which nobody has more than `width` people directly below him; each level of it is paid.

Whoever comes when the positions are full spills over to the next free one below, so the placement tree, not the
sponsor tree, says who stands above whom. A rate for each level above a sale; positions beyond `width` are none, and
what stands there counts for nobody above. Volume counts above whoever qualifies or not.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from fenxiao.engine.components import figures
from fenxiao.engine.components.kind import (
    Bound,
    Component,
    Earned,
    Outcome,
    Part,
    PeriodCase,
    PeriodRecorder,
    Scope,
    standing,
)
from fenxiao.engine.components.params import MAX_LEVELS, PeriodParams
from fenxiao.engine.fields import SCALE, FlagField, PositiveField, RateField, percent
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


Rising = list[int]
"""Volume that rises: at each place what has that many levels behind it."""


def close(component: Component, case: PeriodCase, record: PeriodRecorder | None) -> Earned:
    """Rate × volume, for each level of each member's matrix."""
    params: Params = component.params
    earned, walk = Earned(), _Walk(component, case)
    for member in case.trees.by_placement:
        rising = walk.rising.pop(member.distributor_id, [0] * (len(params.levels) + 1))
        outcome = standing(component, member)
        reached = list(rising)
        if outcome == "qualified" or not params.compress:
            walk.pay(member, rising, earned, record)
            reached = [0, *rising[:-1]]
        reached[0] += member.personal_minor
        walk.pass_on(member, reached, earned)
        if record:
            idle = outcome == "qualified" and not any(rising[:-1])
            values = {"levels": str(len(params.levels))}
            record.stood(member.distributor_id, "no-volume" if idle else outcome, values)
    return earned


class _Walk:
    """The way of the volume up the matrix, everyone before the one above him."""

    def __init__(self, component: Component, case: PeriodCase) -> None:
        params: Params = component.params
        self.rates = [int(rate * SCALE) for rate in params.levels]
        self.width = params.width
        self.rising: dict[int, Rising] = {}
        self._heirs = self._heirs_of(component, case)

    def _parent(self, member: Member) -> int | None:
        """Who stands above, within the matrix."""
        return member.placement_parent_id if (member.position or 0) <= self.width else None

    def _heirs_of(self, component: Component, case: PeriodCase) -> dict[int, int | None]:
        """For each unqualified one who earns in his place: with roll-up the next qualified above, else nobody."""
        heirs: dict[int, int | None] = {}
        for member in reversed(case.trees.by_placement):
            number, parent = member.distributor_id, self._parent(member)
            if standing(component, member) == "qualified":
                heirs[number] = number
            else:
                heirs[number] = heirs[parent] if case.roll_up and parent is not None else None
        return heirs

    def pay(self, member: Member, rising: Rising, earned: Earned, record: PeriodRecorder | None) -> None:
        """Each level that reaches him, to him or to whoever earns in his place."""
        earner = self._heirs[member.distributor_id]
        for level, (rate, volume) in enumerate(zip(self.rates, rising, strict=False), 1):
            if not volume or not rate:
                continue
            if earner is None:
                earned.lose(level, Fraction(rate * volume, SCALE))
                continue
            earned.add((level, earner), Fraction(rate * volume, SCALE))
            if record:
                record.claimed(
                    (level, earner), Part((), Fraction(rate, SCALE), volume, "", {"level": str(level)})
                )

    def pass_on(self, member: Member, reached: Rising, earned: Earned) -> None:
        """Hand the volume to the one above; at the top, the levels above it are nobody's."""
        parent = self._parent(member)
        if parent is None:
            for behind, volume in enumerate(reached):
                for level in range(behind + 1, len(self.rates) + 1) if volume else ():
                    earned.lose(level, Fraction(self.rates[level - 1] * volume, SCALE))
            return
        above = self.rising.setdefault(parent, [0] * len(reached))
        for behind, volume in enumerate(reached):
            above[behind] += volume


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
