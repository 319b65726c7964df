"""stairstep (级差团队奖): the rate of a step that one's group reached in the period, less what was paid below; legs
that reach the volume of a leader break away, and leaders above earn by generation on them.

The group of somebody are he and all below him in the sponsor tree, save the legs that broke away. Other than
`breakaway`, which pays each order by the grades of its chain, ranks here are volumes of the period. Whoever does
not qualify reaches no step and breaks nothing away; his group counts above.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

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
from fenxiao.engine.faults import fault
from fenxiao.engine.fields import SCALE, AmountField, Document, RateField, percent
from fenxiao.engine.periods import Member
from fenxiao.kernel.money import from_minor

scope: Scope = "period"
divided = False
_STEP = "Your group sold {group}, which is the step of {own_percent} %: {volume} × ({own_percent} % − {paid_percent} %) = {exact}"
_LEG = "Generation {generation} of the legs that broke away below you: {volume} × {percent} % = {exact}"
_BELOW_STEP = "Component {component}: your group sold {group}, a step of {own_percent} %, which is not above what was paid below you."
reasons: Mapping[Outcome, str] = {"below-step": _BELOW_STEP}
texts = {
    _STEP: "您的小组销售 {group}，对应 {own_percent}% 档：{volume} × ({own_percent}% − {paid_percent}%) = {exact}",
    _LEG: "您下方第 {generation} 代脱离线：{volume} × {percent}% = {exact}",
    _BELOW_STEP: "组件 {component}：您的小组销售 {group}，对应 {own_percent}% 档，不高于下方已发放的比例。",
}


class Step(Document):
    """From a group volume on (included), a rate."""

    volume: AmountField
    rate: RateField


def _ascending(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if any(later.volume <= earlier.volume for earlier, later in pairwise(steps)):
        raise fault("ascending")
    return steps


class Params(PeriodParams):
    """`steps`: rates by what the group sold in the period; `breakaway_at`: the group volume at which a leg breaks away,
    never without it; `generation_rates`: for the leaders above a leg that broke away, nearest first;
    `breakaway_volume`: whether such a leg still counts above, for groups and differences.
    """

    type: Literal["stairstep"]
    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_LEVELS), AfterValidator(_ascending)]
    breakaway_at: AmountField | None = None
    generation_rates: tuple[RateField, ...] = Field(default=(), max_length=MAX_LEVELS)
    breakaway_volume: Literal["excluded", "included"] = "excluded"


@dataclass(slots=True)
class Group:
    """What rises from somebody and all below him: the volume of his group, and the volume by what is paid on it.

    `stairs`: by (rate paid, whether it broke away already); `legs`: by how many generations were paid.
    """

    volume: int = 0
    stairs: dict[tuple[int, bool], int] = field(default_factory=dict)
    legs: dict[int, int] = field(default_factory=dict)

    def take(self, other: "Group") -> None:
        """Add what rises from one below."""
        self.volume += other.volume
        for what, volume in other.stairs.items():
            self.stairs[what] = self.stairs.get(what, 0) + volume
        for used, volume in other.legs.items():
            self.legs[used] = self.legs.get(used, 0) + volume


def close(component: Component, case: PeriodCase, record: PeriodRecorder | None) -> Earned:
    """The differences (level 0) and the generations (level n) of every member."""
    params: Params = component.params
    earned = Earned()
    groups: dict[int, Group] = {}
    for member in case.trees.by_sponsor:
        group = groups.pop(member.distributor_id, None) or Group()
        group.take(Group(member.personal_minor, {(0, False): member.personal_minor}))
        outcome = standing(component, member)
        if outcome == "qualified":
            _climb(params, member, group, _Ear(earned, record))
        elif record:
            record.stood(member.distributor_id, outcome)
        if member.sponsor_id is None:
            _lose(params, group, earned)
        elif member.sponsor_id in groups:
            groups[member.sponsor_id].take(group)
        else:
            groups[member.sponsor_id] = group
    return earned


@dataclass(frozen=True, slots=True)
class _Ear:
    """Adds up what is earned and tells the recorder."""

    earned: Earned
    record: PeriodRecorder | None

    def earn(self, place: tuple[int, int], part: Part) -> None:
        self.earned.add(place, part.exact)
        if self.record:
            self.record.claimed(place, part)


def _climb(params: Params, member: Member, group: Group, ear: _Ear) -> None:
    """Somebody qualified earns, and perhaps breaks away with all below him."""
    own, number = _rate(params.steps, group.volume), member.distributor_id
    scaled, leads = int(own * SCALE), params.breakaway_at is not None and group.volume >= params.breakaway_at
    below = {what: volume for what, volume in group.stairs.items() if what[0] < scaled and volume}
    for (paid, broke), volume in sorted(below.items()):
        rate = Fraction(paid, SCALE)
        values = {"group": group.volume, "own_percent": own, "paid_percent": rate}
        ear.earn((0, number), Part((), own - rate, volume, "step", values))
        del group.stairs[paid, broke]
        group.stairs[scaled, broke] = group.stairs.get((scaled, broke), 0) + volume
    legs = leads and _lead(params, number, group, ear)
    if ear.record:
        values = {"group": group.volume, "own_percent": own}
        ear.record.stood(number, "qualified" if below or legs else "below-step", values)
    if leads:
        _break_away(params, group)


def _lead(params: Params, number: int, group: Group, ear: _Ear) -> bool:
    """A leader earns one generation on every leg that broke away below him; whether there is one to earn."""
    legs, group.legs = group.legs, {}
    for used, volume in sorted(legs.items()):
        if used < len(params.generation_rates):
            values = {"generation": str(used + 1)}
            part = Part((), params.generation_rates[used], volume, "generation", values)
            ear.earn((used + 1, number), part)
            group.legs[used + 1] = volume
    return bool(group.legs)


def _break_away(params: Params, group: Group) -> None:
    """The leg of a leader breaks away; only what has not done so before becomes a leg of its own."""
    fresh = sum(volume for (_, broke), volume in group.stairs.items() if not broke)
    if fresh and params.generation_rates:
        group.legs[0] = fresh
    stairs, group.stairs = group.stairs, {}
    if params.breakaway_volume == "excluded":
        group.volume = 0
        return
    for (paid, _), volume in stairs.items():
        group.stairs[paid, True] = group.stairs.get((paid, True), 0) + volume


def _lose(params: Params, group: Group, earned: Earned) -> None:
    """Above the top nobody earns the generations that are left."""
    for used, volume in group.legs.items():
        for level, rate in enumerate(params.generation_rates[used:], used + 1):
            earned.lose(level, rate * volume)


def _rate(steps: Sequence[Step], volume: int) -> Fraction:
    """The rate of the highest step reached, 0 below the first."""
    return next((step.rate for step in reversed(steps) if volume >= step.volume), Fraction(0))


def sentence(part: Part) -> str:
    """A difference or a generation."""
    return _LEG if part.note == "generation" else _STEP


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The volume, the rate and how it was earned."""
    volume = from_minor(part.measure, currency)
    return {**figures.told(part.values, currency), "volume": volume, "percent": percent(part.factor)}


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """The highest step, and all generations where legs can break away."""
    params: Params = component.params
    legs = params.generation_rates if params.breakaway_at is not None else ()
    return Bound(max((step.rate for step in params.steps), default=Fraction(0)) + sum(legs, Fraction(0)), 0)


def depth(component: Component, depths: Mapping[str, int | None]) -> int | None:  # noqa: ARG001 - part of the interface
    """Without end: a group is as deep as the tree."""
    return None if bound(component, {}).rate else 0
