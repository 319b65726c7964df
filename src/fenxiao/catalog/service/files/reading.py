"""Files as they come: CSV in UTF-8 or GB18030, Excel's .xlsx. The content says which, not its name."""

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fenxiao.catalog.domain.outcomes import FileRefused
from fenxiao.catalog.domain.sheets import Column, Sheet, read
from fenxiao.kernel.errors import FieldError

MAX_ROWS = 50_000
MAX_COLUMNS = 100
MAX_UNPACKED = 128 * 1024 * 1024
"""Bytes of a workbook without its packing; fifty thousand rows of products are a quarter of it."""

_READER = Path(__file__).with_name("workbook.py")
_SECONDS = 90
_XLSX = b"PK\x03\x04"
_XLS = b"\xd0\xcf\x11\xe0"
_PART = 1024 * 1024
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,3})?([0-9]{1,9})["']""")
_NO_FILE = "Send a CSV file in UTF-8 or GB18030, or an Excel workbook (.xlsx)."


def read_file(content: bytes, columns: Sequence[Column], needed: Sequence[str]) -> Sheet:
    """What the file says; `FileRefused` where it is no table at all."""
    lines = _workbook(content) if content.startswith(_XLSX) else _csv(content, columns)
    try:
        return read(lines, columns, needed, MAX_ROWS)
    except (csv.Error, ValueError) as error:
        raise _unreadable(_NO_FILE) from error


def _unreadable(message: str, **params: Any) -> FileRefused:
    return FileRefused(errors=(FieldError("file", message, params),))


def _csv(content: bytes, columns: Sequence[Column]) -> Iterator[list[str]]:
    if content.startswith(_XLS):
        raise _unreadable("This is the old Excel format; save the file as .xlsx or CSV.")
    text = _text(content)
    if "\0" in text or not text.strip():
        raise _unreadable(_NO_FILE)
    heading = text.partition("\n")[0]
    names = {name for column in columns for name in (column.name, column.chinese)}

    def named(delimiter: str) -> int:
        return sum(cell.strip(' "\r') in names for cell in heading.split(delimiter))

    # Excel parts by semicolon or tabulator in many countries and says nothing of it; the known names do.
    delimiter = max(",;\t", key=named)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unreadable(_NO_FILE)


def _workbook(content: bytes) -> Iterator[list[Any]]:
    try:
        _examine(content)
        read = subprocess.run(
            [sys.executable, "-P", _READER], input=content, capture_output=True, timeout=_SECONDS, check=True
        )
        yield from json.loads(read.stdout)
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        subprocess.SubprocessError,
    ) as error:
        raise _unreadable(_NO_FILE) from error


def _examine(content: bytes) -> None:
    """Refuse a workbook that would not fit into memory: the reader lays out every cell up to the last one."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if "xl/workbook.xml" not in names or "mimetype" in names or "content.xml" in names:
            raise zipfile.BadZipFile
        left = MAX_UNPACKED
        for entry in archive.infolist():
            sheet = entry.filename.startswith("xl/worksheets/")
            # Read to the end: what an entry says of its size is checked against what it holds.
            with archive.open(entry) as file:
                tail = b""
                while part := file.read(_PART):
                    left -= len(part)
                    if left < 0:
                        raise _unreadable("The workbook is too large; send its rows in several files.")
                    if sheet:
                        # A reference may be cut in two.
                        _bounded(tail + part)
                        tail = (tail + part)[-64:]


def _bounded(part: bytes) -> None:
    for letters, number in _CELL.findall(part):
        if int(number) > MAX_ROWS + 1000 or _column(letters) > MAX_COLUMNS:
            message = "A cell stands beyond row {rows} or column {columns}; send the rows in several files."
            raise _unreadable(message, rows=MAX_ROWS, columns=MAX_COLUMNS)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
