"""sales_target (销售达标奖): tiers on one's own sales of a month or a quarter, or of a season up to it.

With the scope `team` the sales are those of the members of the team that one leads at the end of the period.

With a `season` the sales accumulate from the first day of its first month, and start again a year later. What the
tiers pay on them is paid as it grows: each period pays what its sales add to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, tzinfo
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from fenxiao.engine.faults import fault
from fenxiao.engine.fields import AmountField, Document, PositiveField
from fenxiao.engine.periods import Period
from fenxiao.engine.rewards.kind import Figures, Result, Spans, Whose, pay
from fenxiao.engine.rewards.params import MAX_TIERS, RewardParams, TierParams, ascending
from fenxiao.kernel.money import Rounding, from_minor

_MONTHS = 12
_QUARTERS = (1, 4, 7, 10)
_OWN = "Your own sales of the period, less refunds, were {sales} {currency}."
_SEASON = "Your own sales of the season up to the end of the period, less refunds, were {sales} {currency}; {before} {currency} of them are from before it."
_LED = "The sales of the members of team {team}, which you led at the end of the period, less refunds, were {sales} {currency}. An order counts if its seller was in the team when it was paid."
_LED_SEASON = "The sales of the members of team {team}, which you led at the end of the period, were {sales} {currency} in the season up to then, less refunds; {before} {currency} of them are from before the period. An order counts if its seller was in the team when it was paid."
texts = {
    _LED: "您在该周期末负责的团队 {team} 的成员销售额（扣除退款）为 {sales} {currency}。订单付款时卖家在该团队中的，计入。",
    _LED_SEASON: "您在该周期末负责的团队 {team} 的成员在本赛季截至该周期末的销售额（扣除退款）为 {sales} {currency}，其中 {before} {currency} 来自该周期之前。订单付款时卖家在该团队中的，计入。",
    _OWN: "您在该周期的个人销售额（扣除退款）为 {sales} {currency}。",
    _SEASON: "您在本赛季截至该周期末的个人销售额（扣除退款）为 {sales} {currency}，其中 {before} {currency} 来自该周期之前。",
}


class Tier(TierParams):
    """From sales of `threshold` on."""

    threshold: AmountField


def _rising(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    if not tiers:
        raise fault("empty")
    if not ascending(tier.threshold for tier in tiers):
        raise fault("tiers_ascending")
    return tiers


def _month(month: int) -> int:
    if month > _MONTHS:
        raise fault("whole", least=1, most=_MONTHS)
    return month


class Season(Document):
    """A year of sales that accumulate, from the first day of a month on."""

    start_month: Annotated[
        PositiveField,
        AfterValidator(_month),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _MONTHS}),
    ]


class Params(RewardParams):
    """`tiers`: by one's own sales; `season`: they accumulate since its start instead of counting period by period.

    `scope` `team`: not one's own, but those of the members of the team that one leads.
    """

    type: Literal["sales_target"]
    scope: Literal["team"] | None = None
    tiers: Annotated[tuple[Tier, ...], Field(max_length=MAX_TIERS), AfterValidator(_rising)]
    season: Season | None = None

    def tier_list(self) -> Sequence[TierParams]:
        """The tiers, the lowest first."""
        return self.tiers

    @model_validator(mode="after")
    def _of_whole_quarters(self) -> "Params":
        if self.season and self.period == "quarter" and self.season.start_month not in _QUARTERS:
            raise fault("season_quarter")
        return self


def spans(params: Params, period: Period, zone: tzinfo) -> Spans:
    """The period, or the season up to its end and up to its start."""
    whose: Whose = "personal" if params.scope is None else "led"
    if params.season is None:
        return Spans(whose, period, None)
    first, month = period.start.astimezone(zone).date(), params.season.start_month
    begun = date(first.year if first.month >= month else first.year - 1, month, 1)
    start = datetime.combine(begun, time.min, zone).astimezone(period.start.tzinfo)
    before = replace(period, start=start, end=period.start) if start < period.start else None
    return Spans(whose, replace(period, start=start), before)


def evaluate(params: Params, figures: Figures, rounding: Rounding) -> Result:
    """What the tiers pay on the sales; of a season, what that is more than they paid on those before."""
    floors, marginal = [Fraction(tier.threshold) for tier in params.tiers], params.mode == "marginal"
    now = pay(params.tiers, floors, figures.sales_minor, rounding, marginal=marginal)
    if params.season is None:
        return Result(now.tier, now.amount_minor, figures.sales_minor, now)
    before = pay(params.tiers, floors, figures.before_minor, rounding, marginal=marginal)
    # A higher tier may have a lower rate: what was paid for earlier periods is not asked back for selling more.
    amount = max(0, now.amount_minor - before.amount_minor)
    return Result(now.tier, amount, figures.sales_minor, now, before)


def tell(params: Params, figures: Figures, currency: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """The sales that count."""
    values = {
        "sales": from_minor(figures.sales_minor, currency),
        "before": from_minor(figures.before_minor, currency),
        "currency": currency,
        "team": figures.team_id,
    }
    single, season = (_OWN, _SEASON) if params.scope is None else (_LED, _LED_SEASON)
    return ((single if params.season is None else season, values),)


def threshold(params: Params, tier: int, figures: Figures) -> Fraction:  # noqa: ARG001 - part of the interface
    """As the tier says."""
    return Fraction(params.tiers[tier].threshold)
