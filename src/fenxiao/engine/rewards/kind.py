"""What a reward type is: the interface between granting and one file per type, and the figures it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from fractions import Fraction
from typing import Any, Literal, Protocol

from fenxiao.engine.periods import Period
from fenxiao.engine.rewards.params import RewardParams, TierParams
from fenxiao.kernel.i18n import Catalogue
from fenxiao.kernel.money import Rounding, rounded

Whose = Literal["personal", "team", "led"]
"""Whose sales count: one's own, one's own and the downline's by the orders' frozen chains, or those of the members of
the team that one leads at the end of the period, each as long as he was in it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one distributor's reward rests on: sales in minor units, net of the refunds known.

    `before_minor` is what `Spans.before` asks for, 0 where it asks nothing. `team_id` is the team that was led, where
    its members' sales count.
    """

    sales_minor: int
    before_minor: int = 0
    team_id: int | None = None


@dataclass(frozen=True, slots=True)
class Spans:
    """Of which stretches sales are asked: `sales` from its start to before its end, and `before` likewise."""

    whose: Whose
    sales: Period
    before: Period | None


@dataclass(frozen=True, slots=True)
class Part:
    """What one tier pays: its place among the tiers, and `measure` of what (None where it pays an amount)."""

    tier: int
    measure: Fraction | None
    exact: Fraction


@dataclass(frozen=True, slots=True)
class Payment:
    """What tiers pay on a measure: the highest tier reached (from 0, None for none), the parts, rounded together."""

    tier: int | None
    parts: tuple[Part, ...]
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a reward comes to: the tier reached, what it pays, and how; `paid_before` was the part of earlier periods."""

    tier: int | None
    amount_minor: int
    measure_minor: int
    payment: Payment
    paid_before: Payment | None = None


class RewardKind(Protocol):
    """A reward type, as a module."""

    @property
    def Params(self) -> type[RewardParams]:  # noqa: N802 - it is a class
        """Its parameters with a `type` field; their JSON schema is the console's form."""

    @property
    def texts(self) -> Catalogue:
        """Its texts in English with their Chinese."""

    def spans(self, params: Any, period: Period, zone: tzinfo) -> Spans:
        """Of which stretches it needs sales."""

    def evaluate(self, params: Any, figures: Figures, rounding: Rounding) -> Result:
        """What it comes to on these figures."""

    def tell(self, params: Any, figures: Figures, currency: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """How its measure came about: templates with their values."""

    def threshold(self, params: Any, tier: int, figures: Figures) -> Fraction:
        """From which measure on a tier is reached, in minor units."""


def pay(
    tiers: Sequence[TierParams],
    floors: Sequence[Fraction],
    measure: int,
    rounding: Rounding,
    *,
    marginal: bool,
) -> Payment:
    """What the tiers pay: the highest alone on all of the measure, or each reached one on what is above its floor.

    `floors` are where the tiers begin. An amount is paid once the tier is reached; with `marginal` amounts add up.
    """
    reached = [place for place, floor in enumerate(floors) if measure >= floor]
    if not reached:
        return Payment(None, (), 0)
    if not marginal:
        parts = [_part(tiers[reached[-1]], reached[-1], Fraction(measure))]
    else:
        ends = [*floors[1 : len(reached)], Fraction(measure)]
        parts = [_part(tiers[place], place, ends[place] - floors[place]) for place in reached]
    exact = sum((part.exact for part in parts), Fraction(0))
    return Payment(reached[-1], tuple(parts), rounded(exact, rounding))


def _part(tier: TierParams, place: int, measure: Fraction) -> Part:
    if tier.rate is not None:
        return Part(place, measure, tier.rate * measure)
    return Part(place, None, Fraction(tier.amount or 0))
