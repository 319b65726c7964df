"""What stands where on a statement: a first page that says who, what period and what it comes to, then the lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fenxiao.commission.service.papers.document import WIDTH, Document, Page
from fenxiao.commission.service.papers.fonts import Typeface

LEFT, RIGHT = 44.0, WIDTH - 44.0
_TOP, _BOTTOM, _FOOT = 48.0, 786.0, 812.0
_ROW, _HEADING = 15.5, 24.0
_TOTALS = 3
"""Rows that the sums below the lines take; they stay together."""
_ACCENT = (0.09, 0.29, 0.42)
_TINT = (0.945, 0.957, 0.968)
_SMALLEST = 4.0
_MIDDLE = 296.0

# The left edges of texts, the right edges of amounts.
_TEXTS = (LEFT + 4, LEFT + 60, LEFT + 152, LEFT + 218)
_AMOUNTS = (RIGHT - 132, RIGHT - 68, RIGHT - 4)
_ENDS = (*_TEXTS[1:], LEFT + 316)


class Row(NamedTuple):
    """A line: its texts, and what it moves on each of the three accounts, already as text."""

    texts: Sequence[str]
    amounts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What the first page says above the lines, and what stands below the last of them."""

    title: str
    number: str
    name: str
    facts: Sequence[tuple[str, str]]
    summary: Sequence[tuple[str, str]]
    accounts: Sequence[tuple[str, Sequence[str]]]
    account_names: Sequence[str]
    moved: Sequence[tuple[str, str]]
    heading: Sequence[str]
    lines: str
    totals: Sequence[Row]
    note: str
    foot: str
    page_of: str


class Paper:
    """Lays a statement out, page by page; it knows beforehand how many pages there will be."""

    def __init__(self, document: Document, typeface: Typeface, front: Front, count: int) -> None:
        self._document, self._face, self._front = document, typeface, front
        self._page = Page(typeface)
        self._y = self._first()
        self._striped = False
        self.pages = self._counted(count)
        self._heading()

    def row(self, row: Row) -> None:
        """One line, on a new page with the heading again where this one is full."""
        if self._y + _ROW > _BOTTOM:
            self._turn()
        if self._striped:
            self._page.box(LEFT, self._y, RIGHT - LEFT, _ROW, _TINT)
        self._striped = not self._striped
        self._put(row, self._y + 10.6, bold=False)
        self._y += _ROW

    def close(self) -> None:
        """The sums, and the last page written."""
        if self._y + _TOTALS * _ROW > _BOTTOM:
            self._turn()
        self._page.line(LEFT, self._y, RIGHT, thick=0.9, grey=0.25)
        for row in self._front.totals:
            self._put(row, self._y + 11.2, bold=row is self._front.totals[-1])
            self._y += _ROW
        self._page.line(LEFT, self._y + 1, RIGHT, thick=0.9, grey=0.25)
        self._out()

    def _first(self) -> float:
        front, page, y = self._front, self._page, _TOP + 12
        page.box(LEFT, _TOP - 14, RIGHT - LEFT, 3, _ACCENT)
        page.text(LEFT, y + 4, front.title, 19, bold=True)
        page.right(RIGHT, y + 4, front.number, 9.5, grey=0.35)
        y += 34
        for line in wrapped(self._face, front.name, 12.5, RIGHT - LEFT):
            page.text(LEFT, y, line, 12.5, bold=True)
            y += 17
        y = self._facts(y + 2)
        top = y + 18
        left = self._listed(LEFT, _MIDDLE - 14, top, front.summary, ruled=True)
        right = self._listed(_MIDDLE + 14, RIGHT, self._balances(top), front.moved, ruled=False)
        y = max(left, right) + 8
        for line in wrapped(self._face, front.note, 7.5, RIGHT - LEFT):
            page.text(LEFT, y, line, 7.5, grey=0.4)
            y += 10.5
        page.text(LEFT, y + 16, front.lines, 11, bold=True)
        return y + 24

    def _facts(self, y: float) -> float:
        half = (len(self._front.facts) + 1) // 2
        for place, (name, value) in enumerate(self._front.facts):
            x, row = (LEFT if place < half else _MIDDLE + 14), place % half
            self._page.text(x, y + row * 14.5, name, 8.5, grey=0.42)
            self._page.text(x + 84, y + row * 14.5, value, 9)
        return y + half * 14.5 - 8

    def _listed(
        self, left: float, right: float, y: float, rows: Sequence[tuple[str, str]], *, ruled: bool
    ) -> float:
        """Names and amounts below each other; ruled, the first and the last are balances."""
        for place, (name, amount) in enumerate(rows):
            ends = ruled and place in {0, len(rows) - 1}
            if ends:
                self._page.box(left, y - 11, right - left, 16.5, _TINT)
            self._page.text(left + 4, y, name, 9, bold=ends)
            self._fit(right - 4, y, amount, (9, right - left - 90), bold=ends)
            y += 16.5
        return y

    def _balances(self, y: float) -> float:
        """Opening and closing of each account, side by side."""
        names = self._front.account_names
        left, columns = _MIDDLE + 14, (RIGHT - 78, RIGHT - 4)
        self._page.box(left, y - 11, RIGHT - left, 16.5, _ACCENT)
        for (name, _), right in zip(self._front.accounts, columns, strict=True):
            self._white(right, y, name)
        for place, name in enumerate(names):
            y += 16.5
            last = place == len(names) - 1
            if last:
                self._page.line(left, y - 11.5, RIGHT, grey=0.4)
            self._page.text(left + 4, y, name, 9, bold=last)
            for (_, amounts), right in zip(self._front.accounts, columns, strict=True):
                self._fit(right, y, amounts[place], (9, 70), bold=last)
        return y + 20

    def _white(self, right: float, y: float, text: str) -> None:
        self._page.right(right, y, text, 8.5, bold=True, grey=1)

    def _heading(self) -> None:
        self._page.box(LEFT, self._y, RIGHT - LEFT, 18, _ACCENT)
        texts, amounts = self._front.heading[: len(_TEXTS)], self._front.heading[len(_TEXTS) :]
        for x, text in zip(_TEXTS, texts, strict=True):
            self._page.text(x, self._y + 12.2, text, 8.2, bold=True, grey=1)
        for x, text in zip(_AMOUNTS, amounts, strict=True):
            self._page.right(x, self._y + 12.2, text, 8.2, bold=True, grey=1)
        self._y += _HEADING - 5
        self._striped = False

    def _put(self, row: Row, y: float, *, bold: bool) -> None:
        for x, end, text in zip(_TEXTS, _ENDS, row.texts, strict=False):
            # A line of sums has one text, which may go on over the columns that it leaves empty.
            room = (end if len(row.texts) == len(_TEXTS) else _ENDS[-1]) - x - 5
            size, shown = _fitting(self._face, text, (8.2, room), bold=bold)
            self._page.text(x, y, shown, size, bold=bold)
        for x, text in zip(_AMOUNTS, row.amounts, strict=True):
            self._fit(x, y, text, (8.2, 58), bold=bold)

    def _fit(self, x: float, y: float, amount: str, room: tuple[float, float], *, bold: bool) -> None:
        """An amount, smaller where it is too long: no digit is ever left out."""
        size, width = room
        wide = self._face.width(amount, size, bold=bold)
        self._page.right(x, y, amount, min(size, size * width / wide) if wide else size, bold=bold)

    def _turn(self) -> None:
        self._out()
        self._page, self._y = Page(self._face), _TOP - 8
        self._heading()

    def _out(self) -> None:
        number = self._document.pages + 1
        self._page.line(LEFT, _FOOT - 13, RIGHT, grey=0.8)
        self._page.text(LEFT, _FOOT, self._front.foot, 7.5, grey=0.4)
        shown = self._front.page_of.format(page=number, pages=self.pages)
        self._page.right(RIGHT, _FOOT, shown, 7.5, grey=0.4)
        self._document.add(self._page)

    def _counted(self, count: int) -> int:
        first, rest = self._room(self._y), self._room(_TOP - 8)
        pages, left = 1, first - count
        if left < 0:
            more = -(-(count - first) // rest)
            pages, left = 1 + more, more * rest - (count - first)
        return pages + (left < _TOTALS)

    @staticmethod
    def _room(top: float) -> int:
        y, rows = top + _HEADING - 5, 0
        while y + _ROW <= _BOTTOM:
            y, rows = y + _ROW, rows + 1
        return rows


def wrapped(face: Typeface, text: str, size: float, room: float) -> list[str]:
    """The text in lines no wider than the room, broken at a space where there is one near."""
    lines: list[str] = []
    while text:
        end = len(text)
        while end > 1 and face.width(text[:end], size, bold=True) > room:
            end -= 1
        space = text.rfind(" ", end // 2, end) if end < len(text) else -1
        cut = space if space > 0 else end
        lines.append(text[:cut])
        text = text[cut:].lstrip(" ")
    return lines


def _fitting(face: Typeface, text: str, room: tuple[float, float], *, bold: bool) -> tuple[float, str]:
    """The size at which the text fits; below the smallest one its end is left out, and three dots say so."""
    size, width = room
    wide = face.width(text, size, bold=bold)
    if wide <= width:
        return size, text
    if size * width / wide >= _SMALLEST:
        return size * width / wide, text
    while text and face.width(text + "…", _SMALLEST, bold=bold) > width:
        text = text[:-1]
    return _SMALLEST, text + "…"
