"""Withdrawal policies over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from fenxiao.commission.domain.tax import Strategy
from fenxiao.commission.domain.withdrawal_policy import Policy
from fenxiao.commission.http import access
from fenxiao.commission.service.withdrawal_policies import WithdrawalPolicies
from fenxiao.infra.http.auth import Caller, Principal, require
from fenxiao.infra.http.fields import Amount, Answer, Body, Items, Moment, RateText, items, minor
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT

NOT_BELOW_ZERO = "Send an amount of 0 or more."
ABOVE_ZERO_OR_NONE = "Send an amount above 0, or leave the field out for none."


class PolicyBody(Body):
    """A version: what is left out is as in a new installation (no minimum, no fee, no limit, no tax)."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    effective_from: Moment | None = None
    minimum: Amount | None = None
    fee_fixed: Amount | None = None
    fee_rate: RateText = "0.00"
    daily_limit: Amount | None = None
    tax: Strategy = "none"
    tax_rate: RateText | None = None
    auto_approve_up_to: Amount | None = None
    new_account_days: Annotated[int, Field(ge=0, le=3650)] = 7
    most_per_day: Annotated[int, Field(ge=1, le=10_000)] = 3


class PolicyAnswer(Answer):
    """提现政策: one version. `policy_id` null, `version` 0: no policy was ever published for the currency."""

    policy_id: int | None
    currency: str
    version: int
    effective_from: datetime | None
    minimum: str
    fee_fixed: str
    fee_rate: str
    daily_limit: str | None
    tax: Strategy
    tax_rate: str | None
    auto_approve_up_to: str | None
    new_account_days: int | None
    most_per_day: int | None


_INSIDE = ("auto_approve_up_to", "new_account_days", "most_per_day")


CurrencyQuery = Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="ISO 4217, such as CNY.")]


def router(policies: WithdrawalPolicies, currency: str) -> APIRouter:
    """Reading and publishing policies; `currency` is meant where none is named."""
    routes = new_router(tags=["withdrawals"])

    @routes.get("/api/withdrawal-policies")
    async def list_withdrawal_policies(
        who: Annotated[Principal, require(access.MANAGE)],  # noqa: ARG001 - asked for its permission
        *,
        currency: CurrencyQuery = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[PolicyAnswer]:
        """All versions, the one that was written last first."""
        page = await policies.page(currency=currency, limit=limit, cursor=cursor)
        return items(page, [_answer(one) for one in page.items])

    meant = currency

    @routes.get("/api/withdrawal-policies/current")
    async def current_withdrawal_policy(who: Caller, *, currency: CurrencyQuery = None) -> PolicyAnswer:
        """The version in effect now; what makes an approver look twice only for those who manage policies."""
        answer = _answer(await policies.current(currency or meant))
        return answer if who.may(access.MANAGE) else answer.model_copy(update=dict.fromkeys(_INSIDE))

    @routes.post("/api/withdrawal-policies", status_code=201)
    async def publish_withdrawal_policy(
        who: Annotated[Principal, require(access.MANAGE)],  # noqa: ARG001 - asked for its permission
        body: PolicyBody,
        once: Idempotency,
    ) -> PolicyAnswer:
        """Write a version, in effect now or from a later moment; withdrawals that exist keep theirs."""
        return _answer(await policies.publish(_given(body), once=once))

    return routes


def _given(body: PolicyBody) -> Policy:
    return Policy(
        policy_id=None,
        currency=body.currency,
        effective_from=body.effective_from,
        minimum_minor=_amount("minimum", body) or 0,
        fee_fixed_minor=_amount("fee_fixed", body) or 0,
        fee_rate=body.fee_rate,
        daily_limit_minor=_most("daily_limit", body),
        tax=body.tax,
        tax_rate=body.tax_rate,
        auto_approve_up_to_minor=_most("auto_approve_up_to", body),
        new_account_days=body.new_account_days,
        most_per_day=body.most_per_day,
    )


def _amount(field: str, body: PolicyBody) -> int | None:
    value = getattr(body, field)
    if value is None:
        return None
    amount = minor(field, value, body.currency)
    if amount < 0:
        raise Invalid(errors=(FieldError(field, NOT_BELOW_ZERO),))
    return amount


def _most(field: str, body: PolicyBody) -> int | None:
    amount = _amount(field, body)
    if amount == 0:
        raise Invalid(errors=(FieldError(field, ABOVE_ZERO_OR_NONE),))
    return amount


def _answer(one: Policy) -> PolicyAnswer:
    def money(amount: int | None) -> str | None:
        return None if amount is None else from_minor(amount, one.currency)

    return PolicyAnswer(
        policy_id=one.policy_id,
        currency=one.currency,
        version=one.version,
        effective_from=one.effective_from,
        minimum=from_minor(one.minimum_minor, one.currency),
        fee_fixed=from_minor(one.fee_fixed_minor, one.currency),
        fee_rate=one.fee_rate,
        daily_limit=money(one.daily_limit_minor),
        tax=one.tax,
        tax_rate=one.tax_rate,
        auto_approve_up_to=money(one.auto_approve_up_to_minor),
        new_account_days=one.new_account_days,
        most_per_day=one.most_per_day,
    )
