"""fixed (固定金额): each level of the seller's upline, and with `self_amount` the seller, gets an amount per unit sold."""

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
from fenxiao.engine.fields import AmountField, FlagField
from fenxiao.kernel.money import from_minor

scope: Scope = "order"
counts: Counts = "levels"
reasons: Mapping[Outcome, str] = {}
_SENTENCE = "{units} units × {amount} = {exact}"
texts = {_SENTENCE: "{units} 件 × {amount} = {exact}"}


class Override(OverrideParams):
    """Other amounts for some lines."""

    amounts: tuple[AmountField, ...] | None = Field(default=None, max_length=MAX_LEVELS)
    self_amount: AmountField | None = None
    compress: FlagField | None = None


class Params(OrderParams):
    """`amounts`: per unit for each upline level, nearest first; `self_amount`: the seller's; `compress`: pass over the unqualified."""

    type: Literal["fixed"]
    amounts: tuple[AmountField, ...] = Field(max_length=MAX_LEVELS)
    self_amount: AmountField = 0
    compress: FlagField = False
    overrides: tuple[Override, ...] = Overrides

    def override_list(self) -> Sequence[Override]:
        """The overrides in the order of the document."""
        return self.overrides


def terms(params: Params, overrides: Sequence[Override]) -> ladder.Ladder:
    """The amounts that apply under these overrides, in minor units."""
    return ladder.ladder(_rungs(params), [_rungs(override) for override in overrides])


def _rungs(params: Params | Override) -> ladder.Rungs:
    return ladder.Rungs(params.amounts, params.self_amount, params.compress)


def evaluate(component: Component, case: Case, record: Recorder | None) -> dict[Place, Fraction]:
    """Amount × units not returned per level."""
    return ladder.pay(component, case, lambda portion: portion.units, record)


def sentence(part: Part) -> str:  # noqa: ARG001 - part of the interface
    """All parts are told alike."""
    return _SENTENCE


def describe(part: Part, currency: str) -> dict[str, Any]:
    """The units and the amount for each."""
    return {"units": part.measure, "amount": from_minor(int(part.factor), currency)}


def bound(component: Component, bounds: Mapping[str, Bound]) -> Bound:  # noqa: ARG001 - part of the interface
    """The highest sum of amounts that one unit can meet."""
    return Bound(Fraction(0), int(ladder.worst(component)))


def depth(component: Component, depths: Mapping[str, int | None]) -> int:  # noqa: ARG001 - part of the interface
    """The last level with an amount above 0, overrides included."""
    return ladder.depth(component)
