"""Explanations of a period (周期佣金说明): the close run again with a recorder, told to the one it concerns.

A period has too many members to keep what was done with each, so a trace is of one person; it names nobody else.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from fenxiao.engine import ENGINE_VERSION
from fenxiao.engine.close import PeriodOutcome, settle
from fenxiao.engine.components.figures import told
from fenxiao.engine.components.kind import Outcome, Part, Place
from fenxiao.engine.conditions import wording
from fenxiao.engine.conditions.tree import as_document
from fenxiao.engine.periods import Member, PeriodFacts
from fenxiao.engine.plan import Component, Plan
from fenxiao.engine.reasons import Reason, Unmet, tell
from fenxiao.engine.texts import (
    CONDITION_MET,
    DIVIDED,
    ENTRY_CAPPED,
    PERIOD_CAPPED,
    PERIOD_EARNED,
    PERIOD_NOTHING,
    ROUNDINGS,
    TOGETHER,
    say,
)
from fenxiao.engine.trace import exact_text
from fenxiao.kernel.i18n import Language
from fenxiao.kernel.money import from_minor


@dataclass(frozen=True, slots=True)
class PeriodAward:
    """How one amount of a period came about: its parts, rounded, after the cap of an entry, after the earner's cap."""

    component: Component
    level: int
    parts: tuple[Part, ...]
    rounded_minor: int
    single_minor: int
    amount_minor: int

    @property
    def exact(self) -> Fraction:
        """The sum of the parts."""
        return sum((part.exact for part in self.parts), Fraction(0))


@dataclass(frozen=True, slots=True)
class Stood:
    """How it went with him in a component, and the figures of that."""

    component: Component
    outcome: Outcome
    values: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class PeriodTrace:
    """What a period did for one person (周期计算过程); `member` is None for somebody who was not there at its end.

    `outcome` is that of the whole period, equal to `evaluate_period`'s.
    """

    plan: Plan
    facts: PeriodFacts
    distributor_id: int
    member: Member | None
    awards: tuple[PeriodAward, ...]
    stood: tuple[Stood, ...]
    outcome: PeriodOutcome

    def document(self) -> dict[str, Any]:
        """His part of the trace as JSON-able data; amounts and rates are strings."""
        plan, currency = self.plan, self.plan.currency
        return {
            "engine_version": ENGINE_VERSION,
            "plan": plan.name,
            "currency": currency,
            "period": self.facts.period.key,
            "distributor_id": self.distributor_id,
            "sales": from_minor(self.facts.sales_minor, currency),
            "rounding": plan.rounding,
            "cut": plan.cut,
            "components": [_component(self, one) for one in self.stood],
        }


def explain_period(plan: Plan, facts: PeriodFacts, distributor_id: int) -> PeriodTrace:
    """How the awards of one person come about; errors as `evaluate_period`.

    It is the same evaluation with a recorder listening: `trace.outcome` equals `evaluate_period`'s answer.
    """
    ear = _Ear(distributor_id)
    outcome = settle(plan, facts, ear)
    closed = [component for component in plan.components if component.period == facts.period.kind]
    awards = (award for component in closed for award in ear.awards(component))
    stood = (
        Stood(component, heard.outcome, heard.values)
        for component in closed
        for heard in (ear.heard[component.name],)
    )
    member = next((one for one in facts.members if one.distributor_id == distributor_id), None)
    return PeriodTrace(plan, facts, distributor_id, member, tuple(awards), tuple(stood), outcome)


def why_nothing_for(trace: PeriodTrace) -> tuple[Reason, ...]:
    """Why he gets nothing for the period: one reason where it lies with him, else one for each component; empty if he does."""
    if any(award.amount_minor for award in trace.awards):
        return ()
    if trace.member is None:
        return (Reason("not-a-member", {}),)
    if not trace.member.active:
        return (Reason("suspended-at-close", {}),)
    if not trace.stood:
        return (Reason("no-component", {}),)
    return tuple(_why(trace, trace.member, one) for one in trace.stood)


def render_period(trace: PeriodTrace, language: Language) -> tuple[str, ...]:
    """Sentences for a distributor to read: how his amounts of the period came about, or why there are none."""
    paid = [award for award in trace.awards if award.amount_minor]
    if paid:
        return tuple(sentence for award in paid for sentence in _told(trace, award, language))
    nothing = say(language, PERIOD_NOTHING, period=trace.facts.period.key)
    reasons = why_nothing_for(trace)
    return (nothing, *(tell(reason, trace.plan.currency, language) for reason in reasons))


@dataclass(slots=True)
class _Heard:
    """What was heard of one person in one component."""

    distributor_id: int
    outcome: Outcome = "no-volume"
    values: Mapping[str, Any] | None = None
    parts: defaultdict[int, list[Part]] = field(default_factory=lambda: defaultdict(list))
    settled: tuple[Mapping[Place, int], ...] = ()

    def stood(self, distributor_id: int, outcome: Outcome, values: Mapping[str, Any] | None = None) -> None:
        if distributor_id == self.distributor_id:
            self.outcome, self.values = outcome, values

    def claimed(self, place: Place, part: Part) -> None:
        if place[1] == self.distributor_id and part.exact:
            self.parts[place[0]].append(part)


class _Ear:
    """Listens to a close for one person."""

    def __init__(self, distributor_id: int) -> None:
        self._distributor_id = distributor_id
        self.heard: dict[str, _Heard] = {}

    def of(self, component: str) -> _Heard:
        """Who hears what a component does."""
        return self.heard.setdefault(component, _Heard(self._distributor_id))

    def settled(
        self,
        component: str,
        amounts: Mapping[Place, int],
        single: Mapping[Place, int],
        capped: Mapping[Place, int],
    ) -> None:
        """The amounts of a component after each cap."""
        self.heard[component].settled = (amounts, single, capped)

    def awards(self, component: Component) -> Iterable[PeriodAward]:
        """His amounts by the component, those that came to 0 too."""
        heard = self.heard[component.name]
        for level, parts in sorted(heard.parts.items()):
            rounded, single, kept = (
                amounts.get((level, self._distributor_id), 0) for amounts in heard.settled
            )
            yield PeriodAward(component, level, tuple(parts), rounded, single, kept)


def _component(trace: PeriodTrace, stood: Stood) -> dict[str, Any]:
    component, currency = stood.component, trace.plan.currency
    caps = {"cap_per_entry": component.entry_cap_minor, "cap_per_period": component.period_cap_minor}
    return {
        "component": component.name,
        "type": component.type,
        component.condition_field: None if component.when is None else as_document(component.when, currency),
        **{name: None if cap is None else from_minor(cap, currency) for name, cap in caps.items()},
        "outcome": stood.outcome,
        "values": told(stood.values, currency),
        "awards": [_award(trace, award) for award in trace.awards if award.component == component],
    }


def _award(trace: PeriodTrace, award: PeriodAward) -> dict[str, Any]:
    currency, kind = trace.plan.currency, award.component.kind
    return {
        "level": award.level,
        "parts": [
            {**kind.describe(part, currency), "exact": exact_text(part.exact, currency)}
            for part in award.parts
        ],
        "exact": exact_text(award.exact, currency),
        "rounded": from_minor(award.rounded_minor, currency),
        "after_entry_cap": from_minor(award.single_minor, currency),
        "amount": from_minor(award.amount_minor, currency),
    }


def _told(trace: PeriodTrace, award: PeriodAward, language: Language) -> Iterable[str]:
    component, currency, kind = award.component, trace.plan.currency, award.component.period_kind
    yield say(
        language,
        PERIOD_EARNED,
        amount=from_minor(award.amount_minor, currency),
        currency=currency,
        period=trace.facts.period.key,
        component=component.name,
        level=award.level,
    )
    if component.when is not None and trace.member is not None:
        yield say(
            language,
            CONDITION_MET,
            condition=wording.told(component.when, currency, language),
            figures=wording.figures(component.when, trace.member, currency, language),
        )
    for part in award.parts:
        exact = exact_text(part.exact, currency)
        yield say(language, kind.sentence(part), **kind.describe(part, currency), exact=exact)
    if len(award.parts) > 1:
        yield say(language, TOGETHER, exact=exact_text(award.exact, currency))
    yield from _cuts(trace, award, language)


def _cuts(trace: PeriodTrace, award: PeriodAward, language: Language) -> Iterable[str]:
    """Rounding and the caps, as far as each changed the amount."""
    currency = trace.plan.currency
    rounded, single, amount = (
        from_minor(x, currency) for x in (award.rounded_minor, award.single_minor, award.amount_minor)
    )
    if award.exact != award.rounded_minor:
        divided = award.component.period_kind.divided
        yield say(language, DIVIDED if divided else ROUNDINGS[trace.plan.rounding], rounded=rounded)
    if award.single_minor != award.rounded_minor:
        yield say(language, ENTRY_CAPPED, cap=single)
    if award.amount_minor != award.single_minor:
        cap = from_minor(award.component.period_cap_minor or 0, currency)
        yield say(language, PERIOD_CAPPED, cap=cap, capped=amount)


def _why(trace: PeriodTrace, member: Member, stood: Stood) -> Reason:
    """Why a component paid him nothing."""
    component, currency = stood.component, trace.plan.currency
    for award in trace.awards:
        if award.component == component:
            return _lost(award, currency)
    if stood.outcome == "unmet" and component.when is not None:
        document = as_document(component.when, currency)
        params = {"component": component.name, "condition": document, "facts": dict(member.facts or {})}
        return Unmet("unmet", params, component.when, member)
    code = "no-sales" if stood.outcome == "qualified" else stood.outcome
    return Reason(code, {"component": component.name, **told(stood.values, currency)})


def _lost(award: PeriodAward, currency: str) -> Reason:
    """Where a share that he did qualify for went."""
    values = {"component": award.component.name}
    if not award.rounded_minor:
        return Reason("rounded-away", {**values, "exact": exact_text(award.exact, currency)})
    code, cap = "entry-capped-away", award.component.entry_cap_minor
    if award.single_minor:
        code, cap = "period-capped-away", award.component.period_cap_minor
    rounded = from_minor(award.rounded_minor, currency)
    return Reason(code, {**values, "cap": from_minor(cap or 0, currency), "rounded": rounded})
