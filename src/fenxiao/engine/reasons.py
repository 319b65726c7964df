"""Why nothing (为何无佣金): for someone who gets nothing from an order, what stood in the way, component by component."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenxiao.engine.components.kind import Outcome, Stop
from fenxiao.engine.conditions import wording
from fenxiao.engine.conditions.tree import Condition, as_document
from fenxiao.engine.facts import Party
from fenxiao.engine.texts import REASONS, say
from fenxiao.engine.trace import Trace, TracedAward, TracedComponent, exact_text
from fenxiao.kernel.i18n import Language
from fenxiao.kernel.money import from_minor

_EARNING: frozenset[Outcome] = frozenset(("qualified", "difference", "same-grade", "generation", "infinity"))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why someone got nothing: a stable code (a key of `texts.REASONS`) and the values of its text, JSON-able."""

    code: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unmet(Reason):
    """He did not meet a condition; told with the condition and with his own figures."""

    condition: Condition
    party: Party


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
    return tuple(
        _why(trace, one, distributor_id, place)
        if one.component.period is None
        else Reason("paid-at-close", {"component": one.component.name})
        for one in trace.components
    )


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
    if all(component.component.period is not None for component in trace.components):
        return None
    return None if any(portion.base_minor or portion.units for portion in portions) else "nothing-left"


def _why(trace: Trace, traced: TracedComponent, distributor_id: int, place: int) -> Reason:
    """Why this component paid him nothing."""
    name = traced.component.name
    for award in traced.awards:
        if award.distributor_id == distributor_id:
            return _lost(trace, traced, award)
    stops = [stop for walk in traced.walks.values() for stop in walk if stop.distributor_id == distributor_id]
    if traced.component.params.rests_on() is not None and not stops:
        return _unmatched(trace, traced, place)
    if not stops:
        depth = max((stop.level or 0 for walk in traced.walks.values() for stop in walk), default=0)
        return Reason("too-far", {"component": name, "depth": depth, "place": place})
    if any(stop.outcome == "unmet" for stop in stops):
        return _unmet(trace, traced, place)
    for stop in stops:
        if stop.outcome not in _EARNING:
            return Reason(stop.outcome, {"component": name, "place": place, **(stop.values or {})})
    return _unpaid(trace, traced, stops, place)


def _unpaid(trace: Trace, traced: TracedComponent, stops: list[Stop], place: int) -> Reason:
    """He may earn and was come to, but there is nothing to earn where he stands."""
    name = traced.component.name
    if not trace.evaluation.base_minor:
        return Reason("nothing-left", {})
    if place == 0:
        return Reason("seller-not-paid", {"component": name})
    level = min(stop.level for stop in stops if stop.level is not None)
    return Reason("level-not-paid", {"component": name, "level": level})


def _unmatched(trace: Trace, traced: TracedComponent, place: int) -> Reason:
    """He stands in nobody's upline who earned, or too far above."""
    name, of = traced.component.name, traced.component.params.rests_on()
    reached = max((stop.level or 0 for walk in traced.walks.values() for stop in walk), default=0)
    below = {one.distributor_id for one in (trace.order.seller, *trace.order.upline)[:place]}
    if any(
        award.rounded_minor and award.distributor_id in below
        for award in trace.awards()
        if award.component == of
    ):
        return Reason("match-too-far", {"component": name, "of": of, "depth": reached})
    return Reason("nobody-to-match", {"component": name, "of": of})


def _unmet(trace: Trace, traced: TracedComponent, place: int) -> Reason:
    component, party = traced.component, (trace.order.seller, *trace.order.upline)[place]
    when, currency = component.when, trace.plan.currency
    if when is None:
        message = f"nobody can fail a condition that component {component.name} does not have"
        raise ValueError(message)
    document = as_document(when, currency)
    params = {"component": component.name, "condition": document, "facts": dict(party.facts or {})}
    return Unmet("unmet", params, when, party)


def _lost(trace: Trace, traced: TracedComponent, award: TracedAward) -> Reason:
    """Where a share that he did qualify for went."""
    currency, values = trace.plan.currency, {"component": award.component}
    if not award.rounded_minor:
        return Reason("rounded-away", {**values, "exact": exact_text(award.exact, currency)})
    if not award.single_minor:
        cap = from_minor(traced.component.entry_cap_minor or 0, currency)
        return Reason(
            "entry-capped-away", {**values, "cap": cap, "rounded": from_minor(award.rounded_minor, currency)}
        )
    if not award.capped_minor:
        cap = from_minor(traced.component.cap_minor or 0, currency)
        return Reason(
            "capped-away", {**values, "cap": cap, "rounded": from_minor(award.single_minor, currency)}
        )
    limit = from_minor(trace.evaluation.max_payout_minor, currency)
    return Reason(
        "limited-away", {**values, "limit": limit, "capped": from_minor(award.capped_minor, currency)}
    )


def tell(reason: Reason, currency: str, language: Language) -> str:
    """The reason as a sentence."""
    values = dict(reason.params)
    if isinstance(reason, Unmet):
        values["condition"] = wording.told(reason.condition, currency, language)
        values["figures"] = wording.figures(reason.condition, reason.party, currency, language)
    return say(language, REASONS[reason.code], **values)
