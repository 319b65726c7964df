"""Withdrawals over HTTP."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from fenxiao.commission.domain.withdrawal_refusals import WithdrawalMissing
from fenxiao.commission.domain.withdrawals import Status
from fenxiao.commission.http import access
from fenxiao.commission.http.payout_accounts import Owner
from fenxiao.commission.http.withdrawal_answers import (
    ManyAnswer,
    WithdrawalAnswer,
    WithdrawalDetail,
    detail_answer,
    many_answer,
    withdrawal_answer,
)
from fenxiao.commission.queries.withdrawals import Filter, WithdrawalView
from fenxiao.commission.service.withdrawal_decisions import Answer as Decided
from fenxiao.commission.service.withdrawal_decisions import Decision, Decisions, Who
from fenxiao.commission.service.withdrawals import Requested, Withdrawals
from fenxiao.infra.http.auth import Caller, Principal
from fenxiao.infra.http.fields import Amount, Body, Id, Items, items, minor
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Invalid, Refusal
from fenxiao.kernel.paging import DEFAULT_LIMIT

MOST = 200
"""Withdrawals of one request for many."""
ABOVE_ZERO = "Send an amount above 0."

Reason = Annotated[str, Field(min_length=1, max_length=500)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class WithdrawalBody(Body):
    """What is asked for; `currency` is the server's if it is left out."""

    amount: Amount
    account_id: Id
    currency: Currency | None = None


class WhyBody(Body):
    """Why, for the history."""

    reason: Reason | None = None


class RejectBody(Body):
    """Why the money goes back; the distributor reads it."""

    reason: Reason


class ConfirmBody(Body):
    """`reference`: what the bank calls the transfer; it is encrypted."""

    reference: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Reason | None = None


class OneOfMany(Body):
    """One withdrawal of many, and why."""

    withdrawal_id: Id
    reason: Reason | None = None


class RejectOneOfMany(Body):
    """One withdrawal of many, and why the money goes back."""

    withdrawal_id: Id
    reason: Reason


class ApproveMany(Body):
    """1 to 200 withdrawals."""

    items: Annotated[Sequence[OneOfMany], Field(min_length=1, max_length=MOST)]


class RejectMany(Body):
    """1 to 200 withdrawals."""

    items: Annotated[Sequence[RejectOneOfMany], Field(min_length=1, max_length=MOST)]


def router(withdrawals: Withdrawals, decisions: Decisions, currency: str) -> APIRouter:
    """All routes of withdrawals; `currency` is meant where none is named."""
    routes = new_router(tags=["withdrawals"])
    _requests(routes, withdrawals, currency)
    _many(routes, decisions)
    _decisions(routes, withdrawals, decisions)
    return routes


def _requests(routes: APIRouter, withdrawals: Withdrawals, currency: str) -> None:
    @routes.post("/api/withdrawals", status_code=201)
    async def request_withdrawal(who: Caller, body: WithdrawalBody, once: Idempotency) -> WithdrawalAnswer:
        """Ask to be paid: the amount leaves what is available until it is paid or comes back."""
        distributor_id = access.requesting(who)
        meant = body.currency or currency
        amount_minor = minor("amount", body.amount, meant)
        if amount_minor <= 0:
            raise Invalid(errors=(FieldError("amount", ABOVE_ZERO),))
        asked = Requested(
            distributor_id=distributor_id,
            account_id=body.account_id,
            currency=meant,
            amount_minor=amount_minor,
        )
        return withdrawal_answer(await withdrawals.request(asked, once=once), who)

    @routes.get("/api/withdrawals")
    async def list_withdrawals(
        who: Caller,
        *,
        distributor_id: Owner = None,
        status: Annotated[Status | None, Query()] = None,
        currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[WithdrawalAnswer]:
        """Withdrawals, the newest first: one's own, or everybody's for those who see all."""
        wanted = Filter(distributor_id=access.whose(who, distributor_id), status=status, currency=currency)
        page = await withdrawals.page(wanted, limit=limit, cursor=cursor)
        return items(page, [withdrawal_answer(one, who) for one in page.items])

    @routes.get("/api/withdrawals/{withdrawal_id}")
    async def withdrawal(who: Caller, withdrawal_id: Id) -> WithdrawalDetail:
        """One withdrawal with its whole history."""
        return detail_answer(await withdrawals.detail(await _visible(withdrawals, who, withdrawal_id)), who)


def _many(routes: APIRouter, decisions: Decisions) -> None:
    @routes.post("/api/withdrawals/approve", response_model_exclude_unset=True)
    async def approve_withdrawals(who: Caller, body: ApproveMany, request: Request) -> ManyAnswer:
        """Approve many; each is answered for itself, in the order sent."""
        _demand(who)
        asked = [Decision(withdrawal_id=one.withdrawal_id, reason=one.reason) for one in body.items]
        return many_answer(asked, await decisions.approve(asked, _who(who)), who, request.url.path)

    @routes.post("/api/withdrawals/reject", response_model_exclude_unset=True)
    async def reject_withdrawals(who: Caller, body: RejectMany, request: Request) -> ManyAnswer:
        """Reject many, each with its reason; each is answered for itself, in the order sent."""
        _demand(who)
        asked = [Decision(withdrawal_id=one.withdrawal_id, reason=one.reason) for one in body.items]
        return many_answer(asked, await decisions.reject(asked, _who(who)), who, request.url.path)


def _decisions(routes: APIRouter, withdrawals: Withdrawals, decisions: Decisions) -> None:
    @routes.post("/api/withdrawals/{withdrawal_id}/approve")
    async def approve_withdrawal(
        who: Caller, withdrawal_id: Id, body: WhyBody | None = None
    ) -> WithdrawalAnswer:
        """Somebody else's request is approved: the tax is fixed, the payout is asked for."""
        await _decidable(withdrawals, who, withdrawal_id)
        decision = Decision(withdrawal_id=withdrawal_id, reason=body.reason if body else None)
        return withdrawal_answer(_only(await decisions.approve([decision], _who(who))), who)

    @routes.post("/api/withdrawals/{withdrawal_id}/reject")
    async def reject_withdrawal(who: Caller, withdrawal_id: Id, body: RejectBody) -> WithdrawalAnswer:
        """The money goes back; by bank also after approval, as long as nobody has made the transfer."""
        await _decidable(withdrawals, who, withdrawal_id)
        decision = Decision(withdrawal_id=withdrawal_id, reason=body.reason)
        return withdrawal_answer(_only(await decisions.reject([decision], _who(who))), who)

    @routes.post("/api/withdrawals/{withdrawal_id}/retry")
    async def retry_withdrawal(
        who: Caller, withdrawal_id: Id, once: Idempotency, body: WhyBody | None = None
    ) -> WithdrawalAnswer:
        """A failed one takes its money again, as a new payout with a number of its own."""
        await _decidable(withdrawals, who, withdrawal_id)
        decision = Decision(withdrawal_id=withdrawal_id, reason=body.reason if body else None)
        return withdrawal_answer(await decisions.retry(decision, _who(who), once=once), who)

    @routes.post("/api/withdrawals/{withdrawal_id}/confirm")
    async def confirm_withdrawal(who: Caller, withdrawal_id: Id, body: ConfirmBody) -> WithdrawalAnswer:
        """By bank: the transfer was made."""
        await _decidable(withdrawals, who, withdrawal_id)
        decision = Decision(withdrawal_id=withdrawal_id, reason=body.reason)
        return withdrawal_answer(await decisions.confirm(decision, _who(who), reference=body.reference), who)


async def _visible(withdrawals: Withdrawals, who: Principal, withdrawal_id: int) -> WithdrawalView:
    found = await withdrawals.find(withdrawal_id)
    if not access.sees_withdrawals_of(who, found.distributor_id):
        raise WithdrawalMissing(withdrawal_id=withdrawal_id)
    return found


async def _decidable(withdrawals: Withdrawals, who: Principal, withdrawal_id: int) -> None:
    """What belongs to somebody else does not exist; whoever sees it is told what he lacks."""
    await _visible(withdrawals, who, withdrawal_id)
    _demand(who)


def _demand(who: Principal) -> None:
    who.demand(access.APPROVE)
    if not who.sees_all():
        who.demand(access.WITHDRAWALS)


def _who(who: Principal) -> Who:
    return Who(actor=who.actor, distributor_id=who.distributor_id)


def _only(answers: Sequence[Decided]) -> WithdrawalView:
    (answer,) = answers
    if isinstance(answer, Refusal):
        raise answer
    return answer
