"""How an amount came about, and why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter

from fenxiao.commission.http import access
from fenxiao.commission.http.balances import EntryAnswer, entry_answer
from fenxiao.commission.service.explanation import Answered, EntryMissing, Explained, Explanations
from fenxiao.commission.service.periods.explanation import CapTrace, PeriodExplained
from fenxiao.engine.ceilings import Correction
from fenxiao.engine.close_trace import PeriodTrace, render_period
from fenxiao.engine.explain import render
from fenxiao.engine.texts import NOTHING, say
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.http.auth import Caller
from fenxiao.infra.http.fields import Answer, Id
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.i18n import Language
from fenxiao.kernel.ids import CommissionId, DistributorId, OrderId
from fenxiao.kernel.money import from_minor

TAKEN: Mapping[str, str] = {
    "cap_per_period": "One earner gets at most {cap_per_period} {currency} of component {component} in a period. By level {level} you had earned {accrued}; to keep to it {amount} was booked.",
    "max_payout_rate_per_period": "Of the sales of a period, {sales} {currency}, at most the part {max_payout_rate_per_period} is paid in all. By component {component}, level {level}, you had earned {accrued}; to keep to it {amount} was booked.",
}
PERIOD_RULE = "Rule version {rule_id} was in effect at the end of the period {period}."
PERIOD_CORRECTED = "What became known later of the period {period} changed this commission from {before} to {after} {currency}; that is {amount}."
RULE = "Rule version {rule_id} was in effect when the order was paid."
CORRECTED = "Refund {refund} of order {order_id} changed this commission from {before} to {after} {currency}; that is {amount}."
REASONS: Mapping[str, str] = {
    "cancelled": "The order was cancelled.",
    "no-plan": "No plan was in effect when the order was paid, so it earns nobody any commission.",
    "not-paid": "The order has not been paid yet.",
}


class EntryExplanation(EntryAnswer):
    """The entry, what stood for it before and after, the text to read, and every step of the evaluation."""

    step: int
    refund_sequence: int | None
    engine_version: str
    before: str
    after: str
    text: str
    trace: dict[str, Any]


class ReasonAnswer(Answer):
    """Why somebody got nothing, as a stable code with its values."""

    code: str
    params: dict[str, Any]


class OrderExplanation(Answer):
    """What a distributor gets from an order and why; `reasons` are given where that is nothing."""

    distributor_id: int
    order_id: int
    rule_id: int | None
    amount: str
    currency: str
    reasons: Sequence[ReasonAnswer]
    text: str
    trace: dict[str, Any] | None


def router(explanations: Explanations) -> APIRouter:
    """Explanations of entries, and of their absence."""
    routes = new_router(tags=["commission"])

    @routes.get("/api/commission/entries/{commission_id}/explanation", summary="How an entry came about")
    async def entry(who: Caller, commission_id: Id) -> EntryExplanation:
        found = await explanations.entry(CommissionId(commission_id))
        if not access.sees(who, found.distributor_id):
            raise EntryMissing(commission_id=commission_id)
        explained = await explanations.explain(found)
        return _entry(explained, None if access.sees_all(who) else found.distributor_id)

    @routes.get(
        "/api/commission/{distributor_id}/explanation", summary="What an order earned, and if nothing, why"
    )
    async def why(who: Caller, distributor_id: Id, order_id: Id) -> OrderExplanation:
        access.demand(who, distributor_id)
        everything = access.sees_all(who)
        answered = await explanations.why(
            DistributorId(distributor_id), OrderId(order_id), sees_all=everything
        )
        return _order(answered, None if everything else distributor_id)

    return routes


def _entry(explained: Explained | PeriodExplained, reader: int | None) -> EntryExplanation:
    entry, language, trace = explained.entry, current().language, explained.trace
    before, after = (from_minor(x, entry.currency) for x in (explained.before_minor, explained.after_minor))
    of_period = entry.order_id is None
    values: dict[str, Any] = {"rule_id": entry.rule_id, "period": entry.period}
    text = [i18n.render(PERIOD_RULE if of_period else RULE, values, language)]
    if entry.step:
        values |= {
            "refund": entry.refund_sequence,
            "order_id": entry.order_id,
            "before": before,
            "after": after,
            "amount": from_minor(entry.commission_amount_minor, entry.currency),
            "currency": entry.currency,
        }
        text.append(i18n.render(PERIOD_CORRECTED if of_period else CORRECTED, values, language))
    if isinstance(trace, PeriodTrace):
        # Of this entry alone, and not of what else the period paid him.
        awards = [
            one for one in trace.awards if (one.component.name, one.level) == (entry.component, entry.level)
        ]
        text.extend(render_period(replace(trace, awards=tuple(awards)), language))
        document = trace.document()
    elif isinstance(trace, CapTrace):
        document = trace.document()
        text.extend(_taken(one, document, language) for one in trace.taken)
    else:
        text.extend(render(trace, entry.key, language))
        document = trace.document(reader)
    return EntryExplanation(
        **entry_answer(entry).model_dump(),
        step=entry.step,
        refund_sequence=entry.refund_sequence,
        engine_version=entry.engine_version,
        before=before,
        after=after,
        text="\n".join(text),
        trace=document,
    )


def _taken(one: Correction, document: dict[str, Any], language: Language) -> str:
    amount = from_minor(one.amount_minor, document["currency"])
    return i18n.render(TAKEN[one.why], document | {"amount": amount}, language)


def _order(answered: Answered, reader: int | None) -> OrderExplanation:
    return OrderExplanation(
        distributor_id=answered.distributor_id,
        order_id=answered.order_id,
        rule_id=answered.rule_id,
        amount=from_minor(answered.amount_minor, answered.currency),
        currency=answered.currency,
        reasons=[ReasonAnswer(code=reason.code, params=dict(reason.params)) for reason in answered.reasons],
        text="\n".join(_why(answered, current().language)),
        trace=None if answered.trace is None else answered.trace.document(reader),
    )


def _why(answered: Answered, language: Language) -> Sequence[str]:
    if answered.trace is not None:
        rule = i18n.render(RULE, {"rule_id": answered.rule_id}, language)
        return (rule, *render(answered.trace, answered.distributor_id, language))
    reasons = [i18n.render(REASONS[reason.code], reason.params, language) for reason in answered.reasons]
    return (say(language, NOTHING, order_id=answered.order_id), *reasons)
