"""matching (对碰/匹配奖): the upline of whoever earned by an earlier component gets a share of what that one earned.

It rests on the rounded amounts of `of` before any cap; a level is the place in the upline of the earner
matched. There are no overrides: the amounts it rests on are no longer those of single lines.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from fenxiao.engine.components import ladder
from fenxiao.engine.components.kind import (
    Bound,
    Case,
    Component,
    Counts,
    Key,
    Outcome,
    Part,
    Place,
    Recorder,
    Scope,
)
from fenxiao.engine.components.params import MAX_LEVELS, OrderParams
from fenxiao.engine.fields import FlagField, NameField, RateField, percent
from fenxiao.kernel.money import from_minor, from_rate

scope: Scope = "order"
counts: Counts = "levels"
reasons: Mapping[Outcome, str] = {}
_SENTENCE = "{percent} % of the {matched} that distributor {matched_id} earned by component {of} = {exact}"
texts = {_SENTENCE: "分销商 {matched_id} 由组件 {of} 所得 {matched} 的 {percent}% = {exact}"}


class Params(OrderParams):
    """`of`: the earlier component that is matched; `levels`: a rate for each level above the earner; `compress`:
    pass over the unqualified.
    """

    type: Literal["matching"]
    of: NameField
    levels: tuple[RateField, ...] = Field(max_length=MAX_LEVELS)
    compress: FlagField = False

    def rests_on(self) -> str:
        """The component matched."""
        return self.of


def terms(params: Params, overrides: Sequence[Any]) -> None:
    """Nothing of it depends on the lines."""


def evaluate(component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
    """Rate × what the one matched earned, per level above him."""
    params: Params = component.params
    earned: dict[int, int] = {}
    for (_, earner), amount in case.earlier[params.of].items():
        earned[earner] = earned.get(earner, 0) + amount
    exact: dict[Place, Fraction] = {}
    for place, party in enumerate((case.seller, *case.upline)):
        amount = earned.get(party.distributor_id, 0)
        if amount:
            _match(component, case, (place, party.distributor_id, amount), exact, record)
    return exact


def _match(
    component: Component,
    case: Case,
    matched: tuple[int, int, int],
    exact: dict[Place, Fraction],
    record: Recorder | None,
) -> None:
    """Pay the upline of one earner: (his place, his id, what he earned)."""
    params: Params = component.params
    place, matched_id, amount = matched
    levels, above = len(params.levels), case.upline[place:]
    key: Key = (matched_id,)
    stops = list(ladder.ascend(component, above, place + 1, levels, compress=params.compress))
    held = ladder.holders(component, case, stops)
    if record:
        record.walked(component.name, key, stops)
    for level, rate in enumerate(params.levels, 1):
        if not rate:
            continue
        earner = held.get(level)
        if earner is not None:
            exact[level, earner] = exact.get((level, earner), Fraction(0)) + rate * amount
        if record:
            part = Part(key, rate, amount, values={"of": params.of})
            if earner is None:
                record.unclaimed(component.name, level, part)
            else:
                record.claimed(component.name, (level, earner), part)


def sentence(part: Part) -> str:  # noqa: ARG001 - part of the interface
    """All parts are told alike."""
    return _SENTENCE


def describe(part: Part, currency: str) -> dict[str, Any]:
    """Whose amount was matched, and the rate, also in percent."""
    return {
        "of": (part.values or {})["of"],
        "matched_id": part.key[0],
        "matched": from_minor(part.measure, currency),
        "rate": from_rate(part.factor),
        "percent": percent(part.factor),
    }


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:
    """All levels on all that `of` can pay."""
    params: Params = component.params
    rates, of = sum(params.levels, Fraction(0)), bounds[params.of]
    return Bound(rates * of.rate, -(-of.per_unit_minor * rates.numerator // rates.denominator))


def depth(component: Component, depths: Mapping[str, int | None]) -> int | None:
    """Its levels on top of those of `of`: what is paid on pay stands as far above the sale."""
    params: Params = component.params
    own = max((level for level, rate in enumerate(params.levels, 1) if rate), default=0)
    below = depths[params.of]
    if not own:
        return 0
    return None if below is None else own + below
