"""Tables as files: CSV as it is read, Excel in a thread beside the event loop. Amounts are exact in both."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import xlsxwriter

from fenxiao.kernel.errors import Conflict
from fenxiao.kernel.money import exponent

Format = Literal["csv", "xlsx"]
Cell = str | int | None
Rows = Sequence[Sequence[Cell]]
MAX_ROWS = 1_048_575
"""Rows of a sheet without the heading; Excel has no more."""

_EXACT = 15
"""Characters of an amount that a number in a sheet is sure to keep."""
_PART = 256 * 1024
# Texts stay texts: nothing is guessed to be a formula, an address or a number.
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class SheetFull(Conflict):
    """There are more rows than the {most} that a sheet has; ask for text/csv, or for less."""

    code = "sheet-full"


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands over the columns, and which of them are amounts, in the currency of the column `currency`."""

    heading: Sequence[str]
    amounts: frozenset[str]


async def written(
    kind: Format, layout: Layout, pages: AsyncIterator[Rows], front: Rows = ()
) -> AsyncIterator[bytes]:
    """The parts of the file; SheetFull before there is any. A workbook may have a first sheet of lines as they are."""
    parts = _csv(layout, pages) if kind == "csv" else _workbook(layout, pages, front)
    first = await anext(parts)

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for part in parts:
            yield part

    return whole()


async def _csv(layout: Layout, pages: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    yield _lines([layout.heading])
    async for page in pages:
        yield await asyncio.to_thread(_lines, page)


def _lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


async def _workbook(layout: Layout, pages: AsyncIterator[Rows], front: Rows) -> AsyncIterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="fenxiao-") as folder:
        path = Path(folder) / "file.xlsx"
        book = await asyncio.to_thread(xlsxwriter.Workbook, str(path), {**_OPTIONS, "tmpdir": folder})
        try:
            if front:
                await asyncio.to_thread(_say, book.add_worksheet(), front)
            await _fill(book, layout, pages)
        finally:
            # Also of one that nobody will get: it keeps files open.
            await asyncio.to_thread(book.close)
        with await asyncio.to_thread(path.open, "rb") as file:
            while part := await asyncio.to_thread(file.read, _PART):
                yield part


async def _fill(book: Any, layout: Layout, pages: AsyncIterator[Rows]) -> None:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, layout.heading)
    formats: dict[str, Any] = {}
    count = 0
    async for page in pages:
        if count + len(page) > MAX_ROWS:
            raise SheetFull(most=MAX_ROWS)
        await asyncio.to_thread(_write, book, sheet, layout, (count + 1, page, formats))
        count += len(page)


def _say(sheet: Any, rows: Rows) -> None:
    sheet.set_column(0, 1, 28)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write_string(number, column, str(cell))


def _write(book: Any, sheet: Any, layout: Layout, rest: tuple[int, Rows, dict[str, Any]]) -> None:
    first, rows, formats = rest
    place = layout.heading.index("currency") if layout.amounts else 0
    for number, row in enumerate(rows, first):
        for column, (name, cell) in enumerate(zip(layout.heading, row, strict=True)):
            if name in layout.amounts and cell is not None and len(str(cell)) <= _EXACT:
                currency = str(row[place])
                if currency not in formats:
                    digits = exponent(currency)
                    formats[currency] = book.add_format(
                        {"num_format": "0." + "0" * digits if digits else "0"}
                    )
                sheet.write_number(number, column, Decimal(cell), formats[currency])
            elif cell is not None:
                sheet.write(number, column, cell)
