"""The tax report as a file."""

import asyncio
import csv
import io
from collections.abc import Sequence
from decimal import Decimal

import xlsxwriter

Cell = str | int
_MONEY = ("gross", "refunds", "net", "tax")
# Texts stay texts: nothing is guessed to be a formula, an address or a number.
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_EXACT = 15
"""Digits that a number in a spreadsheet keeps."""


async def csv_of(heading: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """RFC 4180, in UTF-8."""
    return await asyncio.to_thread(_csv, heading, rows)


async def workbook_of(heading: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """An Excel workbook in which amounts are numbers."""
    return await asyncio.to_thread(_workbook, heading, rows)


def _csv(heading: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([heading, *rows])
    return text.getvalue().encode()


def _workbook(heading: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, _OPTIONS) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, heading)
        for place, row in enumerate(rows, 1):
            for column, (name, cell) in enumerate(zip(heading, row, strict=True)):
                if (name in _MONEY and len(str(cell)) <= _EXACT) or isinstance(cell, int):
                    sheet.write_number(place, column, Decimal(cell))
                else:
                    sheet.write_string(place, column, str(cell))
    return content.getvalue()
