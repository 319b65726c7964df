"""How a reward came about: the evaluation run again on the stored figures, told in Chinese or English, and as a document."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fenxiao.engine.fields import percent
from fenxiao.engine.plan import Plan
from fenxiao.engine.rewards import REWARDS, wording
from fenxiao.engine.rewards.grant import Standing, result, stand
from fenxiao.engine.rewards.kind import Figures, Part, Result
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.engine.texts import say
from fenxiao.kernel.i18n import Language
from fenxiao.kernel.money import exponent, from_minor, from_rate


@dataclass(frozen=True, slots=True)
class RewardTrace:
    """The evaluation of one reward of one distributor in one period, and where he stood before and stands after it."""

    plan: Plan
    params: RewardParams
    period: str
    figures: Figures
    made: Result
    before: Standing
    after: Standing

    def document(self) -> dict[str, Any]:
        """JSON-able: figures, tiers with where they begin, what each paid."""
        currency, kind = self.plan.currency, REWARDS[self.params.type]
        tiers = [
            {
                "threshold": _exact(kind.threshold(self.params, place, self.figures), currency),
                **tier.model_dump(
                    mode="json", exclude_none=True, context={"currency": currency}, exclude={"threshold"}
                ),
            }
            for place, tier in enumerate(self.params.tier_list())
        ]
        return {
            "reward": self.params.name,
            "type": self.params.type,
            "mode": self.params.mode,
            "on_refund": self.params.on_refund,
            "rounding": self.plan.rounding,
            "team_id": self.figures.team_id,
            "sales": from_minor(self.figures.sales_minor, currency),
            "sales_before": from_minor(self.figures.before_minor, currency),
            "measure": from_minor(self.made.measure_minor, currency),
            "tiers": tiers,
            "tier": None if self.after.tier is None else self.after.tier + 1,
            "paid": [_paid(part, self.params, currency) for part in self.made.payment.parts],
            "result": from_minor(self.made.amount_minor, currency),
        }


def explain_reward(
    plan: Plan, params: RewardParams, period: str, figures: Figures, before: Standing
) -> RewardTrace:
    """Evaluate again, from where somebody stood before."""
    made = result(params, figures, plan.rounding)
    return RewardTrace(plan, params, period, figures, made, before, stand(params, made, before))


def render_reward(trace: RewardTrace, language: Language) -> tuple[str, ...]:
    """The whole story, line by line."""
    params, currency = trace.params, trace.plan.currency
    head = wording.EARNED if trace.after.amount_minor else wording.NOTHING
    values = {"period": trace.period, "reward": params.name, "currency": currency}
    lines = [say(language, head, **values, amount=from_minor(trace.after.amount_minor, currency))]
    told = REWARDS[params.type].tell(params, trace.figures, currency)
    lines += [say(language, template, **named) for template, named in told]
    # From nothing there is no growth, whatever the tiers say.
    if trace.figures.before_minor or params.type != "team_growth":
        lines.append(_tier(trace, language))
    lines += _payment(trace, language)
    if trace.after.amount_minor != trace.made.amount_minor:
        kept = from_minor(trace.after.amount_minor, currency)
        lines.append(say(language, wording.KEPT, kept=kept, currency=currency))
    lines += _grade(trace, language)
    return tuple(lines)


def _tier(trace: RewardTrace, language: Language) -> str:
    currency, kind, reached = trace.plan.currency, REWARDS[trace.params.type], trace.made.tier
    count = len(trace.params.tier_list())

    def begins(place: int) -> str:
        return _exact(kind.threshold(trace.params, place, trace.figures), currency)

    if reached is None:
        return say(language, wording.BELOW, next=begins(0), currency=currency)
    values = {"tier": reached + 1, "threshold": begins(reached), "currency": currency}
    if reached + 1 == count:
        return say(language, wording.REACHED_HIGHEST, **values)
    return say(language, wording.REACHED, **values, next=begins(reached + 1))


def _payment(trace: RewardTrace, language: Language) -> list[str]:
    payment, currency, params = trace.made.payment, trace.plan.currency, trace.params
    if not payment.parts:
        return []
    parts = "; ".join(_part(part, params, currency, language) for part in payment.parts)
    template = wording.MARGINAL if params.mode == "marginal" else wording.WHOLE
    lines = [say(language, template, parts=parts)]
    if sum((part.exact for part in payment.parts), Fraction(0)) != payment.amount_minor:
        whole = from_minor(payment.amount_minor, currency)
        lines.append(say(language, wording.ROUNDED[trace.plan.rounding], rounded=whole, currency=currency))
    if trace.made.paid_before is not None:
        lines.append(
            say(
                language,
                wording.EARLIER,
                before=from_minor(trace.made.paid_before.amount_minor, currency),
                amount=from_minor(trace.made.amount_minor, currency),
                currency=currency,
            )
        )
    return lines


def _grade(trace: RewardTrace, language: Language) -> list[str]:
    if trace.after.tier is None:
        return []
    tier = trace.params.tier_list()[trace.after.tier]
    if tier.grade is None:
        return []
    if tier.keep_periods is None:
        return [say(language, wording.GRADE, grade=tier.grade)]
    return [say(language, wording.GRADE_KEPT, grade=tier.grade, periods=tier.keep_periods)]


def _part(part: Part, params: RewardParams, currency: str, language: Language) -> str:
    values: dict[str, Any] = {"tier": part.tier + 1, "exact": _exact(part.exact, currency)}
    rate = params.tier_list()[part.tier].rate
    if part.measure is None or rate is None:
        return say(language, wording.BY_AMOUNT, **values)
    return say(
        language, wording.BY_RATE, **values, measure=_exact(part.measure, currency), percent=percent(rate)
    )


def _paid(part: Part, params: RewardParams, currency: str) -> dict[str, Any]:
    rate = params.tier_list()[part.tier].rate
    found: dict[str, Any] = {"tier": part.tier + 1, "exact": _exact(part.exact, currency)}
    if part.measure is not None and rate is not None:
        found |= {"measure": _exact(part.measure, currency), "rate": from_rate(rate)}
    return found


def _exact(minor: Fraction, currency: str) -> str:
    """An exact amount as a decimal: the currency's decimals, and more where it has more."""
    if minor.denominator == 1:
        return from_minor(int(minor), currency)
    # Rates have at most twelve decimals, so every exact amount is a finite decimal.
    exact = Decimal(minor.numerator) / Decimal(minor.denominator)
    return f"{exact.scaleb(-exponent(currency)).normalize():f}"
