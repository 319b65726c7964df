"""Explanations (佣金说明): the evaluation run again with a recorder, and its trace told to the one it concerns.

What is told names people by id and place only, and only those who stand between the reader and the seller.
"""

from collections.abc import Iterable

from fenxiao.engine.components.kind import Part, Stop
from fenxiao.engine.conditions import wording
from fenxiao.engine.evaluate import AwardKey, settle, tally_after
from fenxiao.engine.facts import OrderFacts
from fenxiao.engine.fields import percent as in_percent
from fenxiao.engine.plan import Plan
from fenxiao.engine.reasons import Reason, tell, why_nothing
from fenxiao.engine.recorder import TraceRecorder
from fenxiao.engine.texts import (
    AFTER_REFUNDS,
    BASES,
    CAPPED,
    CONDITION_MET,
    EARNED,
    ENTRY_CAPPED,
    GENERATION_LOST,
    GENERATION_ROLLED,
    LEVEL_LOST,
    LEVEL_ROLLED,
    LEVELS_MOVED,
    LIMITED,
    NOTHING,
    OVERRIDDEN,
    OWN_SALE,
    PASSED_OVER,
    PLACE,
    ROUNDINGS,
    SKIPPED,
    TOGETHER,
    WHATS,
    say,
)
from fenxiao.engine.trace import Trace, TracedAward, TracedComponent, exact_text, subject
from fenxiao.kernel.i18n import Language
from fenxiao.kernel.money import from_minor

__all__ = ["Reason", "explain", "render", "why_nothing"]


def explain(plan: Plan, order: OrderFacts, refunds: int) -> Trace:
    """How the awards after the first `refunds` refunds come about; ValueError as `evaluate`.

    It is the same evaluation with a recorder listening: `trace.evaluation` equals `evaluate`'s answer.
    """
    recorder = TraceRecorder(plan)
    tally = tally_after(plan, order, refunds)
    evaluation = settle(plan, order, tally, recorder)
    return recorder.trace(order, refunds, tally, evaluation)


def render(trace: Trace, who: int | AwardKey, language: Language) -> tuple[str, ...]:
    """Sentences for a distributor to read: how his amounts came about, or why there are none.

    `who` is a distributor's id (all he gets from the order) or the key of one award.
    """
    distributor_id = who if isinstance(who, int) else who[2]
    awards = [
        award
        for award in trace.awards()
        if award.distributor_id == distributor_id
        and (isinstance(who, int) or who == (award.component, award.level, award.distributor_id))
    ]
    paid = [award for award in awards if award.amount_minor and trace.accrued]
    if paid:
        return tuple(sentence for award in paid for sentence in _told(trace, award, language))
    reasons = why_nothing(trace, distributor_id)
    nothing = say(language, NOTHING, order_id=trace.order.order_id)
    return (nothing, *(tell(reason, trace.plan.currency, language) for reason in reasons))


def _told(trace: Trace, award: TracedAward, language: Language) -> Iterable[str]:
    traced = next(one for one in trace.components if one.component.name == award.component)
    currency = trace.plan.currency
    yield say(
        language,
        EARNED,
        amount=from_minor(award.amount_minor, currency),
        currency=currency,
        order_id=trace.order.order_id,
        component=award.component,
        level=award.level,
    )
    yield from _chain(trace, traced, award, language)
    yield from _condition(trace, traced, award, language)
    if traced.component.params.rests_on() is None:
        base = from_minor(trace.evaluation.base_minor, currency)
        yield say(language, BASES[trace.plan.base], base=base, currency=currency)
        if trace.refunds:
            yield say(language, AFTER_REFUNDS, refunds=trace.refunds)
    for part in award.parts:
        yield _part(trace, traced, part, language)
    if len(award.parts) > 1:
        yield say(language, TOGETHER, exact=exact_text(award.exact, currency))
    yield from _cuts(trace, traced, award, language)


def _chain(trace: Trace, traced: TracedComponent, award: TracedAward, language: Language) -> Iterable[str]:
    """Where he stands, and who below him was skipped, by the walk that led to this award."""
    place = trace.place(award.distributor_id)
    if not place:
        yield say(language, OWN_SALE)
        return
    yield say(language, PLACE, place=place, seller_id=trace.order.seller.distributor_id)
    for stop in traced.walks[award.parts[0].key]:
        if stop.outcome in SKIPPED and 0 < stop.place < place:
            who = say(
                language,
                SKIPPED[stop.outcome],
                distributor_id=stop.distributor_id,
                place=stop.place,
                component=award.component,
            )
            yield say(
                language, _consequence(trace, traced, stop), who=who, level=stop.level, **(stop.values or {})
            )


def _consequence(trace: Trace, traced: TracedComponent, stop: Stop) -> str:
    """What followed from somebody being skipped, as a template."""
    rolls = trace.plan.unclaimed == "roll_up"
    if traced.component.order_kind.counts == "places":
        if "generation" not in (stop.values or {}):
            return PASSED_OVER
        return GENERATION_ROLLED if rolls else GENERATION_LOST
    if stop.level is None:
        return LEVELS_MOVED
    return LEVEL_ROLLED if rolls else LEVEL_LOST


def _condition(
    trace: Trace, traced: TracedComponent, award: TracedAward, language: Language
) -> Iterable[str]:
    """The condition that he met, with his own figures."""
    when, place, currency = traced.component.when, trace.place(award.distributor_id), trace.plan.currency
    if when is None or place is None:
        return
    party = (trace.order.seller, *trace.order.upline)[place]
    yield say(
        language,
        CONDITION_MET,
        condition=wording.told(when, currency, language),
        figures=wording.figures(when, party, currency, language),
    )


def _part(trace: Trace, traced: TracedComponent, part: Part, language: Language) -> str:
    currency, kind = trace.plan.currency, traced.component.kind
    told = say(
        language, kind.sentence(part), **kind.describe(part, currency), exact=exact_text(part.exact, currency)
    )
    matched = [
        say(language, WHATS[name], value=value)
        for match in subject(traced.component, part.key).get("overrides", ())
        for name, value in match.items()
    ]
    if not matched:
        return told
    comma = "、" if language == "zh" else ", "
    space = "" if language == "zh" else " "
    return say(language, OVERRIDDEN, what=comma.join(matched)) + space + told


def _cuts(trace: Trace, traced: TracedComponent, award: TracedAward, language: Language) -> Iterable[str]:
    """Rounding, the component's caps and the order's limit, as far as each changed the amount."""
    currency, how = trace.plan.currency, trace.plan.cut
    rounded, single, capped, amount = (
        from_minor(x, currency)
        for x in (award.rounded_minor, award.single_minor, award.capped_minor, award.amount_minor)
    )
    if award.exact != award.rounded_minor:
        yield say(language, ROUNDINGS[trace.plan.rounding], rounded=rounded)
    if award.single_minor != award.rounded_minor:
        yield say(language, ENTRY_CAPPED, cap=single)
    if award.capped_minor != award.single_minor:
        cap, total = (
            from_minor(traced.component.cap_minor or 0, currency),
            from_minor(traced.single_minor, currency),
        )
        yield say(language, CAPPED[how], cap=cap, total=total, capped=capped)
    if award.amount_minor != award.capped_minor:
        percent = in_percent(trace.plan.max_payout_rate)
        limit, total = (
            from_minor(trace.evaluation.max_payout_minor, currency),
            from_minor(trace.capped_minor, currency),
        )
        yield say(language, LIMITED[how], percent=percent, limit=limit, total=total, amount=amount)
