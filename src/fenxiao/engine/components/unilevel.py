"""unilevel (单层级比例): each level of the seller's upline, and with `self_rate` the seller, gets a rate of the base."""

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
    Outcome,
    Part,
    Place,
    Recorder,
    Scope,
)
from fenxiao.engine.components.params import MAX_LEVELS, OrderParams, OverrideParams, Overrides
from fenxiao.engine.fields import FlagField, RateField, percent
from fenxiao.kernel.money import from_minor, from_rate

scope: Scope = "order"
counts: Counts = "levels"
reasons: Mapping[Outcome, str] = {}
_SENTENCE = "{base} × {percent} % = {exact}"
texts = {_SENTENCE: "{base} × {percent}% = {exact}"}


class Override(OverrideParams):
    """Other rates for some lines."""

    levels: tuple[RateField, ...] | None = Field(default=None, max_length=MAX_LEVELS)
    self_rate: RateField | None = None
    compress: FlagField | None = None


class Params(OrderParams):
    """`levels`: a rate for each upline level, nearest first; `self_rate`: the seller's; `compress`: pass over the unqualified."""

    type: Literal["unilevel"]
    levels: tuple[RateField, ...] = Field(max_length=MAX_LEVELS)
    self_rate: RateField = Fraction(0)
    compress: FlagField = False
    overrides: tuple[Override, ...] = Overrides

    def override_list(self) -> Sequence[Override]:
        """The overrides in the order of the document."""
        return self.overrides


def terms(params: Params, overrides: Sequence[Override]) -> ladder.Ladder:
    """The rates that apply under these overrides."""
    return ladder.ladder(_rungs(params), [_rungs(override) for override in overrides])


def _rungs(params: Params | Override) -> ladder.Rungs:
    return ladder.Rungs(params.levels, params.self_rate, params.compress)


def evaluate(component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
    """Rate × base per level."""
    return ladder.pay(component, case, lambda portion: portion.base_minor, record)


def sentence(part: Part) -> str:  # noqa: ARG001 - part of the interface
    """All parts are told alike."""
    return _SENTENCE


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The base and the rate, also in percent."""
    return {
        "base": from_minor(part.measure, currency),
        "rate": from_rate(part.factor),
        "percent": percent(part.factor),
    }


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """The highest sum of rates that any line can meet."""
    return Bound(ladder.worst(component), 0)


def depth(component: Component, depths: Mapping[str, int | None]) -> int:  # noqa: ARG001 - part of the interface
    """The last level with a rate above 0, overrides included."""
    return ladder.depth(component)
