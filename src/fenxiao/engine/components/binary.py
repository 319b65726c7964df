"""binary (双轨): a member has two legs in the placement tree; what the weaker leg sold is paid on, what is left may carry.

The volume of a leg is what everyone in it sold in the period, and what was carried. `ratio` 2:1 takes two of the
stronger leg against one of the weaker. The matched volume is used up in both legs, the oldest first; `carry` says
what stays. Volume counts above whoever qualifies or not; one's own sales count for those above alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from pydantic import model_validator

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
from fenxiao.engine.components.params import PeriodParams
from fenxiao.engine.faults import fault
from fenxiao.engine.fields import AmountField, CountField, PositiveField, RateField, percent
from fenxiao.engine.periods import Carry
from fenxiao.kernel.money import from_minor

scope: Scope = "period"
divided = False
_RATE = "Your legs had {left} and {right}: {matched} matched × {percent} % = {exact}"
_PAIRS = "Your legs had {left} and {right}: {pairs} pairs of {pair_volume} × {amount} = {exact}"
_NOTHING = "Component {component} pays on what both of your legs sold; they had {left} and {right}."
reasons: Mapping[Outcome, str] = {"nothing-matched": _NOTHING}
texts = {
    _RATE: "您的两区业绩为 {left} 和 {right}：对碰 {matched} × {percent}% = {exact}",
    _PAIRS: "您的两区业绩为 {left} 和 {right}：{pairs} 对（每对 {pair_volume}）× {amount} = {exact}",
    _NOTHING: "组件 {component} 按您两区都有的业绩发放；两区业绩为 {left} 和 {right}。",
}
LEGS = (1, 2)
_STRONGER = {"1:1": 1, "2:1": 2}


class Params(PeriodParams):
    """Either `rate` of the matched volume, or `amount_per_pair` for every whole `pair_volume` of it, at most
    `max_pairs` (those above are flushed or carry, `beyond_max_pairs`); `ratio` stronger to weaker leg; `carry`: what is
    left of which leg counts on, at most `carry_cap` a leg and for `carry_periods` periods; `unqualified`: whether the
    volume of somebody who does not qualify is flushed or kept.
    """

    type: Literal["binary"]
    rate: RateField | None = None
    pair_volume: AmountField | None = None
    amount_per_pair: AmountField | None = None
    max_pairs: CountField | None = None
    beyond_max_pairs: Literal["flush", "carry"] = "flush"
    ratio: Literal["1:1", "2:1"] = "1:1"
    carry: Literal["both", "stronger", "none"] = "both"
    carry_cap: AmountField | None = None
    carry_periods: PositiveField | None = None
    unqualified: Literal["flush", "keep"] = "flush"

    @model_validator(mode="after")
    def _rate_or_pairs(self) -> "Params":
        pairs = (self.pair_volume, self.amount_per_pair)
        if (self.rate is None) == (None in pairs) or (
            self.rate is not None and (*pairs, self.max_pairs) != (None, None, None)
        ):
            raise fault("rate_or_pairs")
        if self.pair_volume == 0:
            raise fault("pair_volume")
        return self


Lots = Sequence[tuple[int, int]]
"""What a leg has, the oldest first: (age, amount); age 0 is the volume of this period."""


@dataclass(frozen=True, slots=True)
class Match:
    """What the legs of one member come to: the volume paid on and the volume used up, both of the weaker leg, and
    the pairs paid.
    """

    paid: int = 0
    used: int = 0
    pairs: int = 0


def close(component: Component, case: PeriodCase, record: PeriodRecorder | None) -> Earned:
    """Rate × matched volume, or amount × pairs, for each member; and what of his legs carries."""
    params: Params = component.params
    earned = Earned()
    sold = _sold(case)
    # Whoever has no volume at all is only looked at for an explanation.
    having = case.trees.members.keys() if record else {number for number, _ in sold} | case.carries.keys()
    for number in sorted(having):
        legs = [_lots(case, number, leg, sold) for leg in LEGS]
        outcome = standing(component, case.trees.members[number])
        match, left = Match(), legs
        if outcome == "qualified":
            match = _match(params, *map(_volume, legs))
            left = _left(params, match, legs)
            earned.add((0, number), _part(params, match, legs).exact)
        elif params.unqualified == "flush":
            left = [(), ()]
        kept = [(leg, lot) for leg, lots in zip(LEGS, left, strict=True) for lot in _kept(params, lots)]
        earned.carries.extend(Carry(component.name, number, leg, age, volume) for leg, (age, volume) in kept)
        spent = match.paid * (1 + _STRONGER[params.ratio])
        earned.flushed += sum(map(_volume, legs)) - spent - sum(volume for _, (_, volume) in kept)
        if record:
            _tell(number, outcome, _part(params, match, legs), record)
    return earned


def _sold(case: PeriodCase) -> dict[tuple[int, int], int]:
    """What was sold in each leg that sold anything: by (whose, leg)."""
    found: dict[tuple[int, int], int] = {}
    below: dict[int, int] = {}
    for member in case.trees.by_placement:
        volume = below.pop(member.distributor_id, 0) + member.personal_minor
        parent, leg = member.placement_parent_id, member.position
        if volume and parent is not None and leg in LEGS:
            found[parent, leg] = volume
            below[parent] = below.get(parent, 0) + volume
    return found


def _lots(case: PeriodCase, number: int, leg: int, sold: Mapping[tuple[int, int], int]) -> Lots:
    carried = [(one.age, one.amount_minor) for one in case.carries.get(number, ()) if one.leg == leg]
    new = sold.get((number, leg), 0)
    return [*carried, (0, new)] if new else carried


def _volume(lots: Lots) -> int:
    return sum(volume for _, volume in lots)


def _match(params: Params, left: int, right: int) -> Match:
    weaker = min(left, right, max(left, right) // _STRONGER[params.ratio])
    if params.pair_volume is None:
        return Match(weaker, weaker)
    pairs = weaker // params.pair_volume
    paid = pairs if params.max_pairs is None else min(pairs, params.max_pairs)
    used = pairs if params.beyond_max_pairs == "flush" else paid
    return Match(paid * params.pair_volume, used * params.pair_volume, paid)


def _left(params: Params, match: Match, legs: Sequence[Lots]) -> list[Lots]:
    """What is left of both legs, as far as it may carry."""
    stronger = 0 if _volume(legs[0]) >= _volume(legs[1]) else 1
    left: list[Lots] = []
    for leg, lots in enumerate(legs):
        counts = params.carry == "both" or (params.carry == "stronger" and leg == stronger)
        used = match.used * (_STRONGER[params.ratio] if leg == stronger else 1)
        left.append(_without(lots, used) if counts else ())
    return left


def _without(lots: Lots, volume: int) -> Lots:
    """The lots less a volume, the oldest first."""
    found = []
    for age, lot in lots:
        taken = min(lot, volume)
        volume -= taken
        if lot > taken:
            found.append((age, lot - taken))
    return found


def _kept(params: Params, lots: Lots) -> Lots:
    """What counts in the next period: not too old, and of more than `carry_cap` the oldest goes."""
    older = [
        (age + 1, lot) for age, lot in lots if params.carry_periods is None or age < params.carry_periods
    ]
    if params.carry_cap is None:
        return older
    return _without(older, max(0, _volume(older) - params.carry_cap))


def _part(params: Params, match: Match, legs: Sequence[Lots]) -> Part:
    left, right = map(_volume, legs)
    values = {"left": left, "right": right}
    if params.rate is not None:
        return Part((), params.rate, match.paid, "rate", values)
    pairs = {**values, "pair_volume": params.pair_volume}
    return Part((), Fraction(params.amount_per_pair or 0), match.pairs, "pairs", pairs)


def _tell(number: int, outcome: Outcome, part: Part, record: PeriodRecorder) -> None:
    if outcome == "qualified" and not part.exact:
        outcome = "nothing-matched"
    record.stood(number, outcome, part.values)
    if part.exact:
        record.claimed((0, number), part)


def sentence(part: Part) -> str:
    """By a rate or by pairs."""
    return _PAIRS if part.note == "pairs" else _RATE


def describe(part: Part, currency: str) -> dict[str, Any]:
    """What the legs had, and the matched volume with its rate or the pairs with their amount."""
    told = figures.told(part.values, currency)
    if part.note == "pairs":
        return {**told, "pairs": part.measure, "amount": from_minor(int(part.factor), currency)}
    return {**told, "matched": from_minor(part.measure, currency), "percent": percent(part.factor)}


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """Without end: a sale counts in a leg of everyone above it."""
    params: Params = component.params
    return Bound(Fraction(0), 0, endless=bool(params.rate or params.amount_per_pair))


def depth(component: Component, depths: Mapping[str, int | None]) -> int | None:  # noqa: ARG001 - part of the interface
    """Without end, as far up as the placement tree goes."""
    return None if bound(component, {}).endless else 0
