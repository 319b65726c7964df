"""Explanations (佣金说明): the evaluation run again with a recorder, and its trace told to the one it concerns.

What is told names people by id and place only, and only those who stand between the reader and the seller.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fenxiao.engine.components.kind import Part
from fenxiao.engine.evaluate import AwardKey, settle, tally_after
from fenxiao.engine.facts import OrderFacts
from fenxiao.engine.fields import percent as in_percent
from fenxiao.engine.plan import Plan
from fenxiao.engine.recorder import TraceRecorder
from fenxiao.engine.texts import (
    AFTER_REFUNDS,
    BASES,
    CAPPED,
    EARNED,
    LEVEL_LOST,
    LIMITED,
    NOTHING,
    OVERRIDDEN,
    OWN_SALE,
    PASSED_OVER,
    PLACE,
    REASONS,
    ROUNDINGS,
    TOGETHER,
    WHATS,
    say,
)
from fenxiao.engine.trace import Trace, TracedAward, TracedComponent, exact_text, overrides
from fenxiao.kernel.i18n import Language
from fenxiao.kernel.money import from_minor


@dataclass(frozen=True, slots=True)
class Reason:
    """Why someone got nothing: a stable code (a key of `texts.REASONS`) and the values of its text."""

    code: str
    params: Mapping[str, Any]


def explain(plan: Plan, order: OrderFacts, refunds: int) -> Trace:
    """How the awards after the first `refunds` refunds come about; ValueError as `evaluate`.

    It is the same evaluation with a recorder listening: `trace.evaluation` equals `evaluate`'s answer.
    """
    recorder = TraceRecorder(plan)
    tally = tally_after(plan, order, refunds)
    evaluation = settle(plan, order, tally, recorder)
    return recorder.trace(order, refunds, tally, evaluation)


def why_nothing(trace: Trace, distributor_id: int) -> tuple[Reason, ...]:
    """Why this distributor gets nothing from the order; empty if he does get something.

    One reason where it lies with him or the order, else one for each component.
    """
    place = trace.place(distributor_id)
    if place is None:
        return (Reason("not-in-chain", {}),)
    if not (trace.order.seller, *trace.order.upline)[place].active:
        return (Reason("suspended", {}),)
    code = _of_the_order(trace)
    if code:
        return (Reason(code, {}),)
    if any(award.amount_minor for award in trace.awards() if award.distributor_id == distributor_id):
        return ()
    return tuple(_why(trace, component, distributor_id, place) for component in trace.components)


def _of_the_order(trace: Trace) -> str | None:
    """Why nobody gets anything."""
    if trace.refunds and not any(line.paid_minor for line in trace.lines):
        # Also an order that never came so far as to accrue, and now never will.
        return "nothing-left"
    if not trace.accrued:
        return f"not-{trace.plan.accrue_on}-yet"
    if not trace.components:
        return "no-component"
    portions = [portion for component in trace.components for portion in component.portions]
    return None if any(portion.base_minor or portion.units for portion in portions) else "nothing-left"


def _why(trace: Trace, traced: TracedComponent, distributor_id: int, place: int) -> Reason:
    """Why this component paid him nothing."""
    name = traced.component.name
    for award in traced.awards:
        if award.distributor_id == distributor_id:
            return _lost(trace, traced, award)
    levels = [
        stop.level
        for stops in traced.walks.values()
        for stop in stops
        if stop.distributor_id == distributor_id
    ]
    reached = [level for level in levels if level is not None]
    if not reached:
        depth = max((stop.level or 0 for stops in traced.walks.values() for stop in stops), default=0)
        return Reason("too-far", {"component": name, "depth": depth, "place": place})
    if not trace.evaluation.base_minor:
        return Reason("nothing-left", {})
    if place == 0:
        return Reason("seller-not-paid", {"component": name})
    return Reason("level-not-paid", {"component": name, "level": min(reached)})


def _lost(trace: Trace, traced: TracedComponent, award: TracedAward) -> Reason:
    """Where a share that he did qualify for went."""
    currency, values = trace.plan.currency, {"component": award.component}
    if not award.rounded_minor:
        return Reason("rounded-away", {**values, "exact": exact_text(award.exact, currency)})
    if not award.capped_minor:
        cap = from_minor(traced.component.cap_minor or 0, currency)
        return Reason(
            "capped-away", {**values, "cap": cap, "rounded": from_minor(award.rounded_minor, currency)}
        )
    limit = from_minor(trace.evaluation.max_payout_minor, currency)
    return Reason(
        "limited-away", {**values, "limit": limit, "capped": from_minor(award.capped_minor, currency)}
    )


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
    return (nothing, *(say(language, REASONS[reason.code], **reason.params) for reason in reasons))


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
        if stop.outcome == "suspended" and 0 < stop.place < place:
            template = PASSED_OVER if stop.level is None else LEVEL_LOST
            yield say(
                language, template, distributor_id=stop.distributor_id, place=stop.place, level=stop.level
            )


def _part(trace: Trace, traced: TracedComponent, part: Part, language: Language) -> str:
    currency, kind = trace.plan.currency, traced.component.kind
    told = say(
        language, kind.sentence, **kind.describe(part, currency), exact=exact_text(part.exact, currency)
    )
    matched = [
        say(language, WHATS[name], value=value)
        for match in overrides(traced.component, part.key)
        for name, value in match.items()
    ]
    if not matched:
        return told
    comma = "、" if language == "zh" else ", "
    space = "" if language == "zh" else " "
    return say(language, OVERRIDDEN, what=comma.join(matched)) + space + told


def _cuts(trace: Trace, traced: TracedComponent, award: TracedAward, language: Language) -> Iterable[str]:
    """Rounding, the component's cap and the order's limit, as far as each changed the amount."""
    currency = trace.plan.currency
    rounded, capped, amount = (
        from_minor(x, currency) for x in (award.rounded_minor, award.capped_minor, award.amount_minor)
    )
    if award.exact != award.rounded_minor:
        yield say(language, ROUNDINGS[trace.plan.rounding], rounded=rounded)
    if award.capped_minor != award.rounded_minor:
        cap, total = (
            from_minor(traced.component.cap_minor or 0, currency),
            from_minor(traced.rounded_minor, currency),
        )
        yield say(language, CAPPED, cap=cap, total=total, capped=capped)
    if award.amount_minor != award.capped_minor:
        percent = in_percent(trace.plan.max_payout_rate)
        limit, total = (
            from_minor(trace.evaluation.max_payout_minor, currency),
            from_minor(trace.capped_minor, currency),
        )
        yield say(language, LIMITED, percent=percent, limit=limit, total=total, amount=amount)
