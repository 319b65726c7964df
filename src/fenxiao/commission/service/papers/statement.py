"""Statements as PDF: the ledger's lines and figures on pages, made in a thread, one file at a time in a process."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import get_currency_symbol

from fenxiao.commission.queries import statements as reads
from fenxiao.commission.queries.ledger import PostingView
from fenxiao.commission.queries.statements import EntryName
from fenxiao.commission.service.papers.document import Document
from fenxiao.commission.service.papers.fonts import Typeface, faces
from fenxiao.commission.service.papers.layout import Front, Paper, Row
from fenxiao.commission.service.statements import TEXTS, Detail, Statements
from fenxiao.infra.db.database import Database
from fenxiao.infra.i18n import TAGS, render, translate
from fenxiao.kernel.errors import Conflict
from fenxiao.kernel.i18n import Language
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.money import from_minor
from fenxiao.network.api import NetworkApi

MAX_LINES = 100_000
"""Lines of a PDF, some two and a half thousand pages. Nobody reads more; the other files have no such bound."""

_LINES = 500
"""Lines that are laid out in one stretch of a thread."""
_PART = 256 * 1024
_LOCALES = {"en": "en_GB", "zh": "zh_CN"}
_ACCOUNTS = ("pending", "available", "withdrawing")

WORDS = {
    **TEXTS,
    "paper": "Commission statement",
    "number": "No. {statement_id}",
    "whose": "{name} (distributor {distributor_id})",
    "covers": "Covers",
    "since": "{since} to {until}",
    "until": "Up to {until}",
    "times": "Times in",
    "pending": "On hold",
    "available": "Available",
    "withdrawing": "In withdrawal",
    "total": "Total",
    "begin": "Opening",
    "end": "Closing",
    "day": "Date",
    "event": "Entry",
    "about": "Order",
    "component": "Component · level",
    "lines": "Entries",
    "change": "Sum of the entries",
    "correction": "Correction",
    "reward": "Reward",
    "clawback": "Taken back",
    "release": "Released",
    "withdrawal": "Withdrawal requested",
    "return": "Withdrawal given back",
    "named": "Withdrawal {withdrawal_id}",
    "page_of": "Page {page} of {pages}",
    "note": "Every line is a posting of the ledger and says what it adds to each balance. Opening balance and lines together are"
    " the closing balance. All amounts in {currency}.",
}
"""The words on paper, as they are looked up in the catalogue."""

_NAMED = {
    "accrual": "accruals",
    "cash": "paid",
    "fee_income": "fee",
    "tax_payable": "tax",
}


class StatementTooLong(Conflict):
    """A statement of more than {most} lines is not written as PDF; ask for text/csv or Excel."""

    code = "statement-too-long"


class Papers:
    """Writes statements as PDF."""

    def __init__(self, db: Database, statements: Statements, network: NetworkApi, timezone: ZoneInfo) -> None:
        self._db, self._statements, self._network, self._zone = db, statements, network, timezone
        self._one = asyncio.Semaphore(1)

    async def written(self, one: Detail, language: Language) -> AsyncIterator[bytes]:
        """The parts of the file; PdfMissing, StatementTooLong before there is any. The same statement, the same bytes."""
        await asyncio.to_thread(faces)
        count = await reads.line_count(self._db, one.key, after=one.after, through=one.statement.through)
        if count > MAX_LINES:
            raise StatementTooLong(most=MAX_LINES)
        owner = DistributorId(one.statement.distributor_id)
        name = (await self._network.names(distributor_ids=[owner])).get(owner, "")
        before = await reads.before(self._db, one.statement)
        words = Words(one, language, self._zone, None if before is None else before.created_at)
        parts = self._parts(words, name, count)
        first = await anext(parts)

        async def whole() -> AsyncIterator[bytes]:
            yield first
            async for part in parts:
                yield part

        return whole()

    async def _parts(self, words: "Words", name: str, count: int) -> AsyncIterator[bytes]:
        with tempfile.TemporaryFile(prefix="fenxiao-") as file:
            async with self._one:
                face = Typeface()
                document = Document(file, face)
                paper = await asyncio.to_thread(Paper, document, face, words.front(name), count)
                async for lines, entries in self._lines(words.detail):
                    await asyncio.to_thread(_fill, paper, words, lines, entries)
                await asyncio.to_thread(_end, paper, document, words)
            await asyncio.to_thread(file.seek, 0)
            while part := await asyncio.to_thread(file.read, _PART):
                yield part

    async def _lines(
        self, one: Detail
    ) -> AsyncIterator[tuple[Sequence[PostingView], Mapping[int, EntryName]]]:
        cursor: str | None = None
        while True:
            page = await self._statements.lines(one, limit=_LINES, cursor=cursor)
            entries = await reads.entry_names(
                self._db, [line.commission_id for line in page.items if line.commission_id is not None]
            )
            yield page.items, entries
            cursor = page.next_cursor
            if cursor is None:
                return


def _fill(
    paper: Paper, words: "Words", lines: Sequence[PostingView], entries: Mapping[int, EntryName]
) -> None:
    for one in lines:
        paper.row(words.row(one, entries.get(one.commission_id or 0)))


def _end(paper: Paper, document: Document, words: "Words") -> None:
    paper.close()
    document.close(title=words.title, language=words.tag, at=words.detail.statement.created_at)


class Words:
    """A statement said in a language, its amounts and times as that language writes them."""

    def __init__(self, detail: Detail, language: Language, zone: ZoneInfo, since: datetime | None) -> None:
        self.detail, self._language, self._zone, self._since = detail, language, zone, since
        self.tag = TAGS[language]
        self._said = {
            name: translate(text, language) if "{page}" in text else self._render(text)
            for name, text in WORDS.items()
        }
        self.title = self._said["title"]
        symbol = get_currency_symbol(detail.statement.currency, locale=_LOCALES[language])
        self._symbol = symbol + " " if symbol.isalpha() else symbol

    def front(self, name: str) -> Front:
        """Everything but the lines."""
        said, found = self._said, self.detail.figures
        return Front(
            title=said["paper"],
            number=self._render(WORDS["number"]),
            name=self._render(
                WORDS["whose"], name=name, distributor_id=self.detail.statement.distributor_id
            ).lstrip(),
            facts=self._facts(),
            summary=self._summary(),
            accounts=[
                (said["begin"], [self._plain(one) for one in (*found.opening, sum(found.opening))]),
                (said["end"], [self._plain(one) for one in (*found.closing, sum(found.closing))]),
            ],
            account_names=[said[one] for one in (*_ACCOUNTS, "total")],
            moved=[
                (said[one], self._money(getattr(found, one))) for one in ("released", "requested", "returned")
            ],
            heading=[said[one] for one in ("day", "event", "about", "component", *_ACCOUNTS)],
            lines=said["lines"],
            totals=[
                Row([said["opening"]], [self._plain(one) for one in found.opening]),
                Row(
                    [said["change"]],
                    [self._plain(b - a) for a, b in zip(found.opening, found.closing, strict=True)],
                ),
                Row([said["closing"]], [self._plain(one) for one in found.closing]),
            ],
            note=said["note"],
            foot=f"{said['title']} · {self._time(self.detail.statement.created_at)}",
            page_of=said["page_of"],
        )

    def row(self, one: PostingView, entry: EntryName | None) -> Row:
        """A posting: what it is and what it moves on each account."""
        moved = ((one.credit == place) - (one.debit == place) for place in _ACCOUNTS)
        return Row(
            (
                one.at.astimezone(self._zone).strftime("%Y-%m-%d"),
                self._said[_kind(one, entry)],
                self._about(one),
                "" if entry is None else f"{entry.component} · {entry.level}",
            ),
            [self._plain(sign * one.amount_minor) if sign else "" for sign in moved],
        )

    def _facts(self) -> list[tuple[str, str]]:
        said, one = self._said, self.detail.statement
        until = self._day(one.created_at)
        covers = (
            self._render(WORDS["until"], until=until)
            if self._since is None
            else self._render(WORDS["since"], since=self._day(self._since), until=until)
        )
        return [
            (said["covers"], covers),
            (said["settlement"], str(one.settlement_id)),
            (said["currency"], one.currency),
            (said["cutoff"], self._time(one.cutoff)),
            (said["created"], self._time(one.created_at)),
            (said["times"], str(self._zone)),
        ]

    def _summary(self) -> list[tuple[str, str]]:
        said, found = self._said, self.detail.figures
        taken = [
            (said[one], self._money(-getattr(found, one))) for one in ("clawbacks", "paid", "fee", "tax")
        ]
        return [
            (said["opening"], self._money(sum(found.opening))),
            (said["accruals"], self._money(found.accruals)),
            (said["rewards"], self._money(found.rewards)),
            *taken,
            (said["closing"], self._money(sum(found.closing))),
        ]

    def _about(self, one: PostingView) -> str:
        if one.withdrawal_id is not None:
            return self._render(WORDS["named"], withdrawal_id=one.withdrawal_id)
        return str(one.order_id) if one.order_id is not None else one.period or ""

    def _render(self, text: str, **values: object) -> str:
        one = self.detail.statement
        return render(
            text, {"statement_id": one.statement_id, "currency": one.currency, **values}, self._language
        )

    def _day(self, at: datetime) -> str:
        return str(format_date(at.astimezone(self._zone), "long", locale=_LOCALES[self._language]))

    def _time(self, at: datetime) -> str:
        return f"{self._day(at)} {at.astimezone(self._zone):%H:%M}"

    def _plain(self, amount_minor: int) -> str:
        """Grouped by thousands, as both languages do; never rounded."""
        whole, dot, rest = from_minor(abs(amount_minor), self.detail.statement.currency).partition(".")
        return f"{'-' if amount_minor < 0 else ''}{int(whole):,}{dot}{rest}"

    def _money(self, amount_minor: int) -> str:
        shown = self._plain(amount_minor)
        return f"-{self._symbol}{shown[1:]}" if amount_minor < 0 else self._symbol + shown


def _kind(one: PostingView, entry: EntryName | None) -> str:
    if one.event == "accrual" and entry is not None and entry.correction:
        return "correction"
    return _NAMED.get(one.credit if one.event == "payout" else one.event, one.event)
