"""team_growth (团队增长奖): tiers on by how much team sales have grown against the period before.

Team sales are one's own and the downline's, by the chains frozen with the orders; with the scope `team`, those of the
members of the team that one leads at the end of the period. From nothing there is no growth:
who had no team sales in the period before gets nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from fenxiao.engine.faults import fault
from fenxiao.engine.fields import AmountField
from fenxiao.engine.periods import Period, period_before
from fenxiao.engine.rewards.kind import Figures, Payment, Result, Spans, pay
from fenxiao.engine.rewards.params import MAX_TIERS, GrowthField, RewardParams, TierParams, ascending
from fenxiao.kernel.money import Rounding, from_minor

_GROWN = "The sales of your team, your own included and less refunds, were {sales} {currency}, and {before} {currency} in the period before: {growth} {currency} more."
_SHRUNK = "The sales of your team, your own included and less refunds, were {sales} {currency}, and {before} {currency} in the period before; they have not grown."
_FROM_NOTHING = "Your team had no sales in the period before, and from nothing there is no growth."
_LED_GROWN = "The sales of the members of team {team}, which you led at the end of the period, less refunds, were {sales} {currency}, and {before} {currency} in the period before: {growth} {currency} more. An order counts if its seller was in the team when it was paid."
_LED_SHRUNK = "The sales of the members of team {team}, which you led at the end of the period, less refunds, were {sales} {currency}, and {before} {currency} in the period before; they have not grown. An order counts if its seller was in the team when it was paid."
_LED_FROM_NOTHING = "The members of team {team}, which you led at the end of the period, had no sales in the period before, and from nothing there is no growth."
texts = {
    _LED_GROWN: "您在该周期末负责的团队 {team} 的成员销售额（扣除退款）为 {sales} {currency}，上一周期为 {before} {currency}：增长 {growth} {currency}。订单付款时卖家在该团队中的，计入。",
    _LED_SHRUNK: "您在该周期末负责的团队 {team} 的成员销售额（扣除退款）为 {sales} {currency}，上一周期为 {before} {currency}；没有增长。订单付款时卖家在该团队中的，计入。",
    _LED_FROM_NOTHING: "您在该周期末负责的团队 {team} 的成员上一周期没有销售额；从零不计增长。",
    _GROWN: "您的团队销售额（含本人，扣除退款）为 {sales} {currency}，上一周期为 {before} {currency}：增长 {growth} {currency}。",
    _SHRUNK: "您的团队销售额（含本人，扣除退款）为 {sales} {currency}，上一周期为 {before} {currency}；没有增长。",
    _FROM_NOTHING: "您的团队上一周期没有销售额；从零不计增长。",
}


class Tier(TierParams):
    """From a growth of `threshold` on, or of `threshold_rate` of the period before."""

    threshold: AmountField | None = None
    threshold_rate: GrowthField | None = None

    @model_validator(mode="after")
    def _one_threshold(self) -> "Tier":
        if (self.threshold is None) == (self.threshold_rate is None):
            raise fault("growth_threshold")
        return self


def _rising(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    if not tiers:
        raise fault("empty")
    amounts = [tier.threshold for tier in tiers if tier.threshold is not None]
    rates = [tier.threshold_rate for tier in tiers if tier.threshold_rate is not None]
    # Which of an amount and a rate comes first would be another thing for everybody.
    if amounts and rates:
        raise fault("tiers_alike")
    if not ascending(amounts or rates):
        raise fault("tiers_ascending")
    return tiers


class Params(RewardParams):
    """`tiers`: by the growth; `scope`: whose sales are the team's."""

    type: Literal["team_growth"]
    scope: Literal["downline", "team"] = "downline"
    tiers: Annotated[tuple[Tier, ...], Field(max_length=MAX_TIERS), AfterValidator(_rising)]

    def tier_list(self) -> Sequence[TierParams]:
        """The tiers, the lowest first."""
        return self.tiers


def spans(params: Params, period: Period, zone: tzinfo) -> Spans:
    """The period and the one before."""
    return Spans("led" if params.scope == "team" else "team", period, period_before(period, zone))


def evaluate(params: Params, figures: Figures, rounding: Rounding) -> Result:
    """What the tiers pay on the growth."""
    growth = max(0, figures.sales_minor - figures.before_minor)
    if not figures.before_minor:
        return Result(None, 0, 0, Payment(None, (), 0))
    floors = [threshold(params, place, figures) for place in range(len(params.tiers))]
    payment = pay(params.tiers, floors, growth, rounding, marginal=params.mode == "marginal")
    return Result(payment.tier, payment.amount_minor, growth, payment)


def tell(params: Params, figures: Figures, currency: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """The growth that counts."""
    growth = figures.sales_minor - figures.before_minor
    values = {
        "sales": from_minor(figures.sales_minor, currency),
        "before": from_minor(figures.before_minor, currency),
        "growth": from_minor(growth, currency),
        "currency": currency,
        "team": figures.team_id,
    }
    led = params.scope == "team"
    if not figures.before_minor:
        return ((_LED_FROM_NOTHING if led else _FROM_NOTHING, values),)
    if growth > 0:
        return ((_LED_GROWN if led else _GROWN, values),)
    return ((_LED_SHRUNK if led else _SHRUNK, values),)


def threshold(params: Params, tier: int, figures: Figures) -> Fraction:
    """The amount, or the rate of the period before."""
    one = params.tiers[tier]
    if one.threshold_rate is not None:
        return one.threshold_rate * figures.before_minor
    return Fraction(one.threshold or 0)
