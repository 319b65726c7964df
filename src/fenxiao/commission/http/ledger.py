"""The ledger: what stands on its accounts, its postings and its closed days."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from fenxiao.commission.domain.accounts import AccountName, balance, named
from fenxiao.commission.http import access
from fenxiao.commission.http.balances import CurrencyQuery
from fenxiao.commission.http.files import FILES, Accept, streamed, varies, wanted_file
from fenxiao.commission.queries.books import BookDay
from fenxiao.commission.queries.ledger import Held, PostingFilter, PostingView
from fenxiao.commission.service.books import Books, TrialBalance
from fenxiao.commission.service.ledger_accounts import (
    LedgerAccountMissing,
    LedgerAccounts,
    account,
    change_minor,
)
from fenxiao.infra.http.auth import Caller, Principal, require
from fenxiao.infra.http.fields import Answer, Id, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT


class SumAnswer(Answer):
    """What postings put on one account in one currency, over all distributors.

    `balance` is debit less credit for expenses and cash, credit less debit for all others.
    """

    currency: str
    account: str
    debit: str
    credit: str
    balance: str


class TotalAnswer(Answer):
    """All accounts of a currency together."""

    currency: str
    debit: str
    credit: str


class TrialBalanceAnswer(Answer):
    """试算平衡: the accounts at a moment; `closed_through` is the last closed day in it, null while there is none."""

    at: datetime
    closed_through: date | None
    balanced: bool
    items: Sequence[SumAnswer]
    totals: Sequence[TotalAnswer]


class HeldAnswer(Answer):
    """账户: one account of a distributor; `available` may be below zero."""

    account: str
    distributor_id: int
    currency: str
    balance: str


class PostingAnswer(Answer):
    """分录: one amount from one account (debit) to another (credit); `at` is the time of the fact.

    `change` is what it adds to the account that was asked for, or, in a statement, to all accounts of the distributor.
    """

    posting_id: int
    at: datetime
    recorded_at: datetime
    event: str
    debit: str
    credit: str
    currency: str
    amount: str
    change: str
    order_id: int | None
    period: str | None
    commission_id: int | None
    settlement_id: int | None
    withdrawal_id: int | None


class BookDayAnswer(Answer):
    """日结: one closed day; `hash` is SHA-256 over its postings and the hash of the day before, `previous`."""

    day: date
    ends_at: datetime
    postings: int
    through_posting_id: int
    previous: str
    hash: str
    closed_at: datetime


class _Filter:
    def __init__(
        self,
        *,
        currency: CurrencyQuery = None,
        since: Annotated[Moment | None, Query(alias="from", description="Recorded then or later.")] = None,
        until: Annotated[Moment | None, Query(alias="to", description="Recorded before.")] = None,
        order_id: Id | None = None,
        commission_id: Id | None = None,
        withdrawal_id: Id | None = None,
    ) -> None:
        self.currency = currency
        self.rest: dict[str, Any] = {
            "since": since,
            "until": until,
            "order_id": order_id,
            "commission_id": commission_id,
            "withdrawal_id": withdrawal_id,
        }

    def of(self, whose: AccountName, currency: str) -> PostingFilter:
        """The filter for an account, in the server's currency if none was asked for."""
        return PostingFilter(account=whose, currency=self.currency or currency, **self.rest)


_Asked = Annotated[_Filter, Depends()]
_READ = [require(access.LEDGER)]


def router(books: Books, ledger: LedgerAccounts, currency: str) -> APIRouter:
    """Everything under /api/ledger."""
    routes = new_router(tags=["ledger"])
    _add_books(routes, books)

    @routes.get("/api/ledger/accounts")
    async def ledger_accounts(
        who: Caller,
        *,
        distributor_id: Id | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[HeldAnswer]:
        """The accounts of distributors, three for each currency, and what lies in them; a distributor sees his own."""
        page = await ledger.accounts(
            distributor_id=access.whose_ledger(who, distributor_id), limit=limit, cursor=cursor
        )
        return items(page, [_held(one) for one in page.items])

    @routes.get("/api/ledger/accounts/{account}/postings", responses=FILES)
    async def ledger_postings(
        who: Caller,
        name: Annotated[str, Path(alias="account", max_length=40)],
        asked: _Asked,
        response: Response,
        *,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        accept: Accept = "*/*",
    ) -> Items[PostingAnswer]:
        """The postings of an account such as `cash` or `available:7`, the last first: a page as JSON, all as CSV or Excel."""
        wanted = asked.of(_visible(who, name), currency)
        kind = wanted_file(accept)
        if kind is not None:
            parts = await ledger.written(wanted, kind)
            return streamed(parts, kind, f"postings-{name.replace(':', '-')}")  # type: ignore[no-any-return]
        varies(response)
        page = await ledger.postings(wanted, limit=limit, cursor=cursor)
        kind_of = wanted.account.kind
        return items(page, [posting_answer(one, change_minor(one, kind_of)) for one in page.items])

    return routes


def _add_books(routes: APIRouter, books: Books) -> None:
    @routes.get("/api/ledger/trial-balance", dependencies=_READ)
    async def trial_balance(
        *,
        at: Annotated[
            Moment | None, Query(description="What had been recorded by then; default now.")
        ] = None,
        currency: CurrencyQuery = None,
    ) -> TrialBalanceAnswer:
        """What stands on each account, over all distributors; debits equal credits."""
        return _trial(await books.trial_balance(at=at, currency=currency))

    @routes.get("/api/ledger/days", dependencies=_READ)
    async def book_days(limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Items[BookDayAnswer]:
        """Closed days with their hashes, the last first."""
        page = await books.page(limit=limit, cursor=cursor)
        return items(page, [_day(one) for one in page.items])


def posting_answer(one: PostingView, change: int) -> PostingAnswer:
    """A posting as it is answered."""
    return PostingAnswer(
        posting_id=one.posting_id,
        at=one.at,
        recorded_at=one.recorded_at,
        event=one.event,
        debit=named(one.debit, one.distributor_id),
        credit=named(one.credit, one.distributor_id),
        currency=one.currency,
        amount=from_minor(one.amount_minor, one.currency),
        change=from_minor(change, one.currency),
        order_id=one.order_id,
        period=one.period,
        commission_id=one.commission_id,
        settlement_id=one.settlement_id,
        withdrawal_id=one.withdrawal_id,
    )


def _visible(who: Principal, name: str) -> AccountName:
    """The account, if the caller may see it: his own always; LedgerAccountMissing for others'."""
    found = account(name)
    if found.distributor_id is None:
        who.demand(access.LEDGER)
    elif not access.sees_ledger_of(who, found.distributor_id):
        raise LedgerAccountMissing(account=name)
    return found


def _held(one: Held) -> HeldAnswer:
    return HeldAnswer(
        account=str(one.account),
        distributor_id=one.account.distributor_id or 0,
        currency=one.currency,
        balance=from_minor(one.balance_minor, one.currency),
    )


def _trial(found: TrialBalance) -> TrialBalanceAnswer:
    totals: dict[str, list[int]] = {}
    for one in found.sums:
        total = totals.setdefault(one.currency, [0, 0])
        total[0] += one.debit_minor
        total[1] += one.credit_minor
    return TrialBalanceAnswer(
        at=found.at,
        closed_through=found.closed,
        balanced=found.is_balanced,
        items=[
            SumAnswer(
                currency=one.currency,
                account=one.account,
                debit=from_minor(one.debit_minor, one.currency),
                credit=from_minor(one.credit_minor, one.currency),
                balance=from_minor(
                    balance(one.account, debit_minor=one.debit_minor, credit_minor=one.credit_minor),
                    one.currency,
                ),
            )
            for one in found.sums
        ],
        totals=[
            TotalAnswer(
                currency=currency, debit=from_minor(debit, currency), credit=from_minor(credit, currency)
            )
            for currency, (debit, credit) in totals.items()
        ],
    )


def _day(one: BookDay) -> BookDayAnswer:
    return BookDayAnswer(
        day=one.day,
        ends_at=one.ends_at,
        postings=one.postings,
        through_posting_id=one.through_posting_id,
        previous=one.previous.hex(),
        hash=one.hash.hex(),
        closed_at=one.closed_at,
    )
