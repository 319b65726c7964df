"""Payout accounts over HTTP: always masked."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from fenxiao.commission.domain.payout_accounts import Channel, Destination, PayoutAccountMissing
from fenxiao.commission.http import access
from fenxiao.commission.service.payout_accounts import MaskedAccount, PayoutAccounts
from fenxiao.infra.http.auth import Caller, Principal
from fenxiao.infra.http.fields import MAX_ID, Answer, Body, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.paging import DEFAULT_LIMIT

Owner = Annotated[int | None, Query(ge=1, le=MAX_ID, description="Only this distributor's.")]


class AccountBody(Body):
    """`number`: account number or IBAN, Alipay or PayPal address, WeChat openid, Stripe account; by `channel`."""

    channel: Channel
    holder: Annotated[str, Field(min_length=1, max_length=200)]
    number: Annotated[str, Field(min_length=1, max_length=300)]
    bank: Annotated[str, Field(max_length=300)] | None = None
    branch: Annotated[str, Field(max_length=300)] | None = None


class AccountAnswer(Answer):
    """收款账户: holder and number are masked, null once its person was erased; `status` is active, closed or erased."""

    account_id: int
    distributor_id: int
    channel: Channel
    status: str
    holder: str | None
    number: str | None
    created_at: datetime


def router(accounts: PayoutAccounts) -> APIRouter:
    """Registering, listing and closing accounts."""
    routes = new_router(tags=["withdrawals"])

    @routes.get("/api/payout-accounts")
    async def list_payout_accounts(
        who: Caller, *, distributor_id: Owner = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Items[AccountAnswer]:
        """Accounts, the newest first: one's own, or everybody's for those who see all withdrawals."""
        owner = access.whose(who, distributor_id)
        page = await accounts.page(distributor_id=owner, limit=limit, cursor=cursor)
        return items(page, [account_answer(one) for one in page.items])

    @routes.post("/api/payout-accounts", status_code=201)
    async def register_payout_account(who: Caller, body: AccountBody, once: Idempotency) -> AccountAnswer:
        """Register an account of one's own; what it says is encrypted and never shown again."""
        distributor_id = access.requesting(who)
        given = Destination(
            channel=body.channel, holder=body.holder, number=body.number, bank=body.bank, branch=body.branch
        )
        return account_answer(await accounts.register(distributor_id, given, once=once))

    @routes.get("/api/payout-accounts/{account_id}")
    async def payout_account(who: Caller, account_id: Id) -> AccountAnswer:
        """One account."""
        return account_answer(await _visible(accounts, who, account_id))

    @routes.delete("/api/payout-accounts/{account_id}", status_code=204)
    async def close_payout_account(who: Caller, account_id: Id) -> Response:
        """Take no new withdrawal to it; those under way still go there."""
        found = await _visible(accounts, who, account_id)
        if not who.owns(found.distributor_id):
            who.demand(access.MANAGE)
        await accounts.close(account_id)
        return Response(status_code=204)

    return routes


async def _visible(accounts: PayoutAccounts, who: Principal, account_id: int) -> MaskedAccount:
    found = await accounts.find(account_id)
    if not access.sees_withdrawals_of(who, found.distributor_id):
        raise PayoutAccountMissing(account_id=account_id)
    return found


def account_answer(one: MaskedAccount) -> AccountAnswer:
    """An account as it is answered."""
    return AccountAnswer(
        account_id=one.account_id,
        distributor_id=one.distributor_id,
        channel=one.channel,
        status=one.status,
        holder=one.holder,
        number=one.number,
        created_at=one.created_at,
    )
