"""A sheet: the heading and the rows of a file, and what its columns are.

The first row names the columns, in any order; rows count from 1, the heading being the first, as spreadsheets show
them. A row with nothing in it is passed over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fenxiao.catalog.domain.cells import Fault, Reading, plain
from fenxiao.kernel.errors import FieldError

Content = dict[str, Any]
"""What a row says, by column, in plain values: a column that the file lacks is not there, an empty cell is None."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be read."""

    number: int
    content: Content


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with a row; `error.field` is the column."""

    row: int
    error: FieldError


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, what else it may be called, and how its cells are read (None: they are only shown)."""

    name: str
    chinese: str
    read: Reading | None


@dataclass(slots=True)
class Sheet:
    """What was read of a file."""

    rows: list[Row] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)


TOO_MANY_ROWS = "A file may have {most} rows; send the rest in another one."


def read(
    cells: Iterable[Sequence[Any]], columns: Sequence[Column], needed: Sequence[str], most: int
) -> Sheet:
    """The rows of a file; `needed` are columns of which the heading must have one."""
    sheet = Sheet()
    lines = iter(cells)
    heading = [plain(cell) for cell in next(lines, ())]
    known = _heading(heading, columns, needed, sheet)
    if sheet.faults:
        return sheet
    for number, line in enumerate(lines, 2):
        texts = [plain(cell) for cell in line]
        if not any(texts):
            continue
        if len(sheet.rows) >= most:
            sheet.faults.append(RowFault(number, FieldError("", TOO_MANY_ROWS, {"most": most})))
            return sheet
        _read_row(number, texts, known, sheet)
    return sheet


def _heading(
    heading: Sequence[str], columns: Sequence[Column], needed: Sequence[str], sheet: Sheet
) -> list[Column | None]:
    by_name = {name.lower(): column for column in columns for name in (column.name, column.chinese)}
    found: list[Column | None] = []
    for name in heading:
        column = by_name.get(name.lower())
        if column is None and name:
            params = {"known": ", ".join(column.name for column in columns)}
            _fault(sheet, 1, name, "There is no such column; there are: {known}.", params)
        if column is not None and column in found:
            _fault(sheet, 1, column.name, "This column stands there twice.")
        found.append(column)
    if not any(column is not None and column.name in needed for column in found):
        template = "The first row must name the columns, one of these among them: {needed}."
        _fault(sheet, 1, needed[0], template, {"needed": ", ".join(needed)})
    return found


def _read_row(number: int, texts: Sequence[str], known: Sequence[Column | None], sheet: Sheet) -> None:
    content: Content = {}
    before = len(sheet.faults)
    if any(texts[len(known) :]) or any(
        text for text, column in zip(texts, known, strict=False) if column is None
    ):
        _fault(sheet, number, "", "A cell stands in a column without a name.")
    for place, column in enumerate(known):
        if column is None or column.read is None:
            continue
        text = texts[place] if place < len(texts) else ""
        try:
            content[column.name] = column.read(text) if text else None
        except Fault as fault:
            sheet.faults.append(RowFault(number, fault.at(column.name)))
    if len(sheet.faults) == before:
        sheet.rows.append(Row(number, content))


def _fault(
    sheet: Sheet, row: int, column: str, message: str, params: Mapping[str, Any] | None = None
) -> None:
    sheet.faults.append(RowFault(row, FieldError(column, message, params)))
