"""Statements: what they say, the postings behind it, and both as files. Every figure is a sum of the ledger's postings."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from fenxiao.commission.domain.accounts import OWN
from fenxiao.commission.domain.statement import Figures, figures
from fenxiao.commission.queries import ledger, statements
from fenxiao.commission.queries.ledger import PostingView
from fenxiao.commission.queries.statements import Statement
from fenxiao.commission.service import sheets
from fenxiao.commission.service.ledger_accounts import POSTINGS, posting_row
from fenxiao.commission.service.sheets import Cell, Format, Layout, Rows
from fenxiao.infra.db.database import Database
from fenxiao.infra.i18n import render
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.i18n import Language
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

_ID = re.compile(r"([1-9]\d{0,17})-([1-9]\d{0,17})-([A-Z]{3})", re.ASCII)
_ROWS = 1000
_NOTHING = (0, 0, 0)
LIST = Layout(
    (
        "statement_id",
        "settlement_id",
        "distributor_id",
        "currency",
        "opening",
        "released",
        "closing",
        "entries",
        "created_at",
    ),
    frozenset({"opening", "released", "closing"}),
)
"""Statements in a file."""

TEXTS = {
    "title": "Statement {statement_id}",
    "distributor": "Distributor",
    "settlement": "Settlement",
    "cutoff": "Matured until",
    "currency": "Currency",
    "created": "Written",
    "opening": "Opening balance",
    "accruals": "Commission earned",
    "rewards": "Rewards",
    "clawbacks": "Taken back after refunds",
    "paid": "Paid out",
    "fee": "Fees",
    "tax": "Tax withheld",
    "closing": "Closing balance",
    "of_pending": "of which on hold",
    "of_available": "of which available",
    "of_withdrawing": "of which being withdrawn",
    "released": "Released in this stretch",
    "requested": "Withdrawals requested",
    "returned": "Withdrawals given back",
}
"""The words of a statement, as they are looked up in the catalogue."""


class StatementMissing(NotFound):
    """There is no statement {statement_id}."""

    code = "statement-missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """A statement with the figures of its stretch: behind the posting `after`, through its own last release."""

    statement: Statement
    after: int
    figures: Figures

    @property
    def key(self) -> tuple[int, str]:
        """Whose, in what currency."""
        return (self.statement.distributor_id, self.statement.currency)


class Statements:
    """Reads statements."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_settlement(
        self, settlement_id: int, distributor_id: int | None, *, limit: int, cursor: str | None
    ) -> Page[Statement]:
        """The statements that a settlement has written so far, of one distributor or of all."""
        return await statements.of_settlement(
            self._db, settlement_id, distributor_id, limit=limit, cursor=cursor
        )

    async def of_distributor(self, distributor_id: int, *, limit: int, cursor: str | None) -> Page[Statement]:
        """A distributor's statements, the newest first."""
        return await statements.of_distributor(self._db, distributor_id, limit=limit, cursor=cursor)

    async def find(self, statement_id: str) -> Statement:
        """One statement; StatementMissing."""
        match = _ID.fullmatch(statement_id)
        found = match and await statements.find(self._db, int(match[1]), int(match[2]), match[3])
        if not found:
            raise StatementMissing(statement_id=statement_id)
        return found

    async def detail(self, one: Statement) -> Detail:
        """Its figures: the ledger from the statement before to this one."""
        before = await statements.before(self._db, one)
        key = (one.distributor_id, one.currency)
        after, opening = (0, _NOTHING) if before is None else (before.through, before.lying)
        if opening is None:
            past = await statements.flows(self._db, key, after=0, through=after)
            opening = figures(_NOTHING, past).closing
        found = await statements.flows(self._db, key, after=after, through=one.through)
        return Detail(statement=one, after=after, figures=figures(opening, found))

    async def lines(self, one: Detail, *, limit: int, cursor: str | None) -> Page[PostingView]:
        """The postings of its stretch, in the order of booking."""
        after = one.after if cursor is None else max(one.after, decode_cursor(cursor, int)[0])
        found = await ledger.stretch(
            self._db, one.key, after=after, through=one.statement.through, limit=limit + 1
        )
        more = len(found) > limit
        return Page(tuple(found[:limit]), encode_cursor(found[limit - 1].posting_id) if more else None)

    async def written(self, one: Detail, kind: Format, language: Language) -> AsyncIterator[bytes]:
        """The postings of its stretch as a file; in Excel with a first sheet that says what they come to."""
        front = summary(one, language) if kind == "xlsx" else ()
        return await sheets.written(kind, POSTINGS, self._line_pages(one), front)

    async def list_written(
        self, settlement_id: int, distributor_id: int | None, kind: Format
    ) -> AsyncIterator[bytes]:
        """All statements of a settlement as a file."""
        return await sheets.written(kind, LIST, self._pages(settlement_id, distributor_id))

    async def _line_pages(self, one: Detail) -> AsyncIterator[Rows]:
        cursor: str | None = None
        while True:
            page = await self.lines(one, limit=_ROWS, cursor=cursor)
            yield [posting_row(line, whole_change(line)) for line in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _pages(self, settlement_id: int, distributor_id: int | None) -> AsyncIterator[Rows]:
        cursor: str | None = None
        while True:
            page = await self.of_settlement(settlement_id, distributor_id, limit=_ROWS, cursor=cursor)
            yield [_row(one) for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return


def whole_change(one: PostingView) -> int:
    """What a posting adds to all accounts of its distributor together."""
    return (one.amount_minor if one.credit in OWN else 0) - (one.amount_minor if one.debit in OWN else 0)


def summary(one: Detail, language: Language) -> Sequence[Sequence[Cell]]:
    """The statement in words and figures, a line each."""
    statement, found = one.statement, one.figures
    said = {
        name: render(text, {"statement_id": statement.statement_id}, language) for name, text in TEXTS.items()
    }

    def money(name: str, amount_minor: int) -> Sequence[Cell]:
        return (said[name], from_minor(amount_minor, statement.currency))

    return (
        (said["title"], ""),
        (said["distributor"], str(statement.distributor_id)),
        (said["settlement"], str(statement.settlement_id)),
        (said["cutoff"], statement.cutoff.isoformat()),
        (said["created"], statement.created_at.isoformat()),
        (said["currency"], statement.currency),
        money("opening", sum(found.opening)),
        money("accruals", found.accruals),
        money("rewards", found.rewards),
        money("clawbacks", -found.clawbacks),
        money("paid", -found.paid),
        money("fee", -found.fee),
        money("tax", -found.tax),
        money("closing", sum(found.closing)),
        money("of_pending", found.closing[0]),
        money("of_available", found.closing[1]),
        money("of_withdrawing", found.closing[2]),
        money("released", found.released),
        money("requested", found.requested),
        money("returned", found.returned),
    )


def _row(one: Statement) -> Sequence[Cell]:
    amounts = (one.opening_minor, one.released_minor, one.closing_minor)
    return [
        one.statement_id,
        one.settlement_id,
        one.distributor_id,
        one.currency,
        *(from_minor(amount, one.currency) for amount in amounts),
        one.entries,
        one.created_at.isoformat(),
    ]
