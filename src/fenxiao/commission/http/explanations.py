"""How an amount came about, and why there is none."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter

from fenxiao.commission.http import access
from fenxiao.commission.http.balances import EntryAnswer, entry_answer
from fenxiao.commission.service.explanation import Answered, EntryMissing, Explained, Explanations
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


def _entry(explained: Explained, reader: int | None) -> EntryExplanation:
    entry, language = explained.entry, current().language
    before, after = (from_minor(x, entry.currency) for x in (explained.before_minor, explained.after_minor))
    text = [i18n.render(RULE, {"rule_id": entry.rule_id}, language)]
    if entry.step:
        values = {
            "refund": entry.refund_sequence,
            "order_id": entry.order_id,
            "before": before,
            "after": after,
            "amount": from_minor(entry.commission_amount_minor, entry.currency),
            "currency": entry.currency,
        }
        text.append(i18n.render(CORRECTED, values, language))
    text.extend(render(explained.trace, entry.key, language))
    return EntryExplanation(
        **entry_answer(entry).model_dump(),
        step=entry.step,
        refund_sequence=entry.refund_sequence,
        engine_version=entry.engine_version,
        before=before,
        after=after,
        text="\n".join(text),
        trace=explained.trace.document(reader),
    )


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
