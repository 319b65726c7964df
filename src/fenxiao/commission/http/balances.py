"""What a distributor has earned."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from fenxiao.commission.http import access
from fenxiao.commission.queries.balances import Balance
from fenxiao.commission.queries.entries import Entry
from fenxiao.commission.service.balances import Account, Balances
from fenxiao.infra.http.auth import Caller
from fenxiao.infra.http.fields import Answer, Id
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.ids import DistributorId, OrderId
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT


class EntryAnswer(Answer):
    """佣金明细: what one distributor earns by one component at one level, or a correction of it.

    It comes from one order, or from the close of a period: `order_id` or `period` is null.
    """

    commission_id: int
    order_id: int | None
    period: str | None
    distributor_id: int
    rule_id: int
    component: str
    level: int
    kind: str
    commission_amount: str
    currency: str
    status: str
    created_at: datetime
    release_at: datetime | None
    released_at: datetime | None
    corrects: int | None


class BalanceAnswer(Answer):
    """What a distributor has in one currency; `available` may be below zero, `debt` then says by how much."""

    currency: str
    pending: str
    available: str
    withdrawing: str
    paid: str
    debt: str
    next_release_at: datetime | None


class AccountAnswer(BalanceAnswer):
    """A distributor's balance, the balances in all currencies, and a page of the entries."""

    distributor_id: int
    balances: Sequence[BalanceAnswer]
    items: Sequence[EntryAnswer]
    next_cursor: str | None


CurrencyQuery = Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="ISO 4217, such as CNY.")]


def router(balances: Balances) -> APIRouter:
    """GET /api/commission/{distributor_id}."""
    routes = new_router(tags=["commission"])

    @routes.get("/api/commission/{distributor_id}", summary="Balances and entries of a distributor")
    async def account(
        who: Caller,
        distributor_id: Id,
        *,
        currency: CurrencyQuery = None,
        order_id: Annotated[Id | None, Query(description="Only entries of this order.")] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> AccountAnswer:
        access.demand(who, distributor_id)
        found = await balances.account(
            DistributorId(distributor_id),
            currency=currency,
            order_id=None if order_id is None else OrderId(order_id),
            limit=limit,
            cursor=cursor,
        )
        return _account(found)

    return routes


def entry_answer(entry: Entry) -> EntryAnswer:
    """An entry as it is answered."""
    return EntryAnswer(
        commission_id=entry.commission_id,
        order_id=entry.order_id,
        period=entry.period,
        distributor_id=entry.distributor_id,
        rule_id=entry.rule_id,
        component=entry.component,
        level=entry.level,
        kind=entry.kind,
        commission_amount=from_minor(entry.commission_amount_minor, entry.currency),
        currency=entry.currency,
        status=entry.status,
        created_at=entry.created_at,
        release_at=entry.release_at,
        released_at=entry.released_at,
        corrects=entry.corrects,
    )


def _account(account: Account) -> AccountAnswer:
    return AccountAnswer(
        **_balance(account.balance).model_dump(),
        distributor_id=account.distributor_id,
        balances=[_balance(balance) for balance in account.balances],
        items=[entry_answer(entry) for entry in account.page.items],
        next_cursor=account.page.next_cursor,
    )


def _balance(balance: Balance) -> BalanceAnswer:
    currency = balance.currency
    return BalanceAnswer(
        currency=currency,
        pending=from_minor(balance.pending_minor, currency),
        available=from_minor(balance.available_minor, currency),
        withdrawing=from_minor(balance.withdrawing_minor, currency),
        paid=from_minor(balance.paid_minor, currency),
        debt=from_minor(balance.debt_minor, currency),
        next_release_at=balance.next_release_at,
    )
