"""Files as they go: CSV piece by piece, a workbook through a file of its own, so that neither stands in memory."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import xlsxwriter

from fenxiao.catalog.domain.outcomes import FileRefused
from fenxiao.kernel.errors import FieldError

Format = Literal["csv", "xlsx"]
MAX_SHEET = 1_048_576
"""Rows of a sheet, the heading among them; Excel has no more."""

EXACT = 15
"""Digits that a number in a spreadsheet keeps."""

_PART = 256 * 1024
_BOM = "\ufeff"
# Texts stay texts: nothing is guessed to be a formula, an address or a number.
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}

Pages = AsyncIterator[Sequence[Sequence[Any]]]
"""Rows of cells: texts, numbers, days, None where there is nothing."""


def written(kind: Format, heading: Sequence[str], pages: Pages, *, bom: bool) -> AsyncIterator[bytes]:
    """The file, part by part; `FileRefused` before the first part if a sheet cannot hold the rows."""
    return _workbook(heading, pages) if kind == "xlsx" else _csv(heading, pages, bom=bom)


async def _csv(heading: Sequence[str], pages: Pages, *, bom: bool) -> AsyncIterator[bytes]:
    # RFC 4180. The mark tells Excel that this is UTF-8.
    yield ((_BOM if bom else "") + _lines([heading])).encode()
    async for page in pages:
        yield (await asyncio.to_thread(_lines, page)).encode()


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([[_plain(cell) for cell in row] for row in rows])
    return text.getvalue()


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, date) else str(cell)


async def _workbook(heading: Sequence[str], pages: Pages) -> AsyncIterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="fenxiao-") as folder:
        path = Path(folder) / "file.xlsx"
        book = await asyncio.to_thread(xlsxwriter.Workbook, str(path), {**_OPTIONS, "tmpdir": folder})
        try:
            await _fill(book, heading, pages)
        finally:
            # Also of one that nobody will get: it keeps files open.
            await asyncio.to_thread(book.close)
        with await asyncio.to_thread(path.open, "rb") as file:
            while part := await asyncio.to_thread(file.read, _PART):
                yield part


async def _fill(book: Any, heading: Sequence[str], pages: Pages) -> None:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, heading)
    count = 1
    async for page in pages:
        if count + len(page) > MAX_SHEET:
            message = (
                "More than {most} rows do not fit into a sheet; ask for CSV, or for fewer by the filters."
            )
            raise FileRefused(errors=(FieldError("format", message, {"most": MAX_SHEET - 1}),))
        await asyncio.to_thread(_write, sheet, count, page)
        count += len(page)


def _write(sheet: Any, first: int, rows: Sequence[Sequence[Any]]) -> None:
    for row, cells in enumerate(rows, first):
        for column, cell in enumerate(cells):
            if cell is None:
                continue
            if isinstance(cell, date):
                sheet.write_datetime(row, column, cell)
            elif isinstance(cell, int | Decimal) and len(Decimal(cell).as_tuple().digits) <= EXACT:
                sheet.write_number(row, column, cell)
            else:
                sheet.write_string(row, column, str(cell))
