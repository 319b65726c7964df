"""The ledger, as it is read: its accounts, their postings, and both as files."""

from collections.abc import AsyncIterator, Sequence

from fenxiao.commission.domain.accounts import AccountName, account_name, balance, named
from fenxiao.commission.queries import ledger as reads
from fenxiao.commission.queries.ledger import Held, PostingFilter, PostingView
from fenxiao.commission.service import sheets
from fenxiao.commission.service.sheets import Cell, Format, Layout, Rows
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import Page

_ROWS = 1000
POSTINGS = Layout(
    (
        "posting_id",
        "at",
        "recorded_at",
        "event",
        "debit",
        "credit",
        "currency",
        "amount",
        "change",
        "order_id",
        "period",
        "commission_id",
        "settlement_id",
        "withdrawal_id",
    ),
    frozenset({"amount", "change"}),
)
"""A posting in a file; `change` is what it adds to the account that is asked for."""


class LedgerAccountMissing(NotFound):
    """There is no account {account}; there are cash, fee_income and the like, and pending:7, available:7, withdrawing:7."""

    code = "ledger-account-missing"


class LedgerAccounts:
    """Reads accounts and postings."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def accounts(self, *, distributor_id: int | None, limit: int, cursor: str | None) -> Page[Held]:
        """The accounts of distributors and what lies in them."""
        return await reads.accounts(self._db, distributor_id=distributor_id, limit=limit, cursor=cursor)

    async def postings(self, wanted: PostingFilter, *, limit: int, cursor: str | None) -> Page[PostingView]:
        """The postings of an account, the last first."""
        return await reads.postings(self._db, wanted, limit=limit, cursor=cursor)

    async def written(self, wanted: PostingFilter, kind: Format) -> AsyncIterator[bytes]:
        """All postings of an account as a file, the last first; SheetFull before there is any part of it."""
        return await sheets.written(kind, POSTINGS, self._pages(wanted))

    async def _pages(self, wanted: PostingFilter) -> AsyncIterator[Rows]:
        cursor: str | None = None
        while True:
            page = await reads.postings(self._db, wanted, limit=_ROWS, cursor=cursor)
            yield [posting_row(one, change_minor(one, wanted.account.kind)) for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return


def account(text: str) -> AccountName:
    """The account of this name; LedgerAccountMissing."""
    found = account_name(text)
    if found is None:
        raise LedgerAccountMissing(account=text)
    return found


def change_minor(one: PostingView, kind: str) -> int:
    """What a posting adds to what such an account holds."""
    credit = one.amount_minor if one.credit == kind else 0
    debit = one.amount_minor if one.debit == kind else 0
    return balance(kind, debit_minor=debit, credit_minor=credit)


def posting_row(one: PostingView, change: int) -> Sequence[Cell]:
    """A posting as a row of a file."""
    return [
        one.posting_id,
        one.at.isoformat(),
        one.recorded_at.isoformat(),
        one.event,
        named(one.debit, one.distributor_id),
        named(one.credit, one.distributor_id),
        one.currency,
        from_minor(one.amount_minor, one.currency),
        from_minor(change, one.currency),
        one.order_id,
        one.period,
        one.commission_id,
        one.settlement_id,
        one.withdrawal_id,
    ]
