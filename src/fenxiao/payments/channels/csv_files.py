"""Statements and results as CSV: UTF-8 or GB 18030, found by their headings, with what is around the table left aside."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from fenxiao.kernel.errors import FieldError
from fenxiao.kernel.money import to_minor
from fenxiao.payments.domain.refusals import PayoutFileRefused
from fenxiao.payments.domain.transfers import NUMBER

MOST_ROWS = 100_000
_AROUND = " \t`'\"﻿"

Row = tuple[int, dict[str, str]]
"""The line in the file, counted from 1, and the cells by their headings in small letters."""


def faulty(message: str, **params: str | int) -> PayoutFileRefused:
    """Why the file as a whole cannot be taken."""
    return PayoutFileRefused(errors=(FieldError("file", message, params),))


def rows(content: bytes, headings: Sequence[str]) -> list[Row]:
    """The rows below the line that has all these headings; PayoutFileRefused without one."""
    wanted = {one.lower() for one in headings}
    found: list[Row] = []
    names: list[str] | None = None
    reader = csv.reader(io.StringIO(_decoded(content), newline=""))
    try:
        for cells in reader:
            clean = [cell.strip(_AROUND) for cell in cells]
            if names is None:
                lower = [cell.lower() for cell in clean]
                names = lower if wanted <= set(lower) else None
            elif len(clean) >= len(names):
                found.append((reader.line_num, dict(zip(names, clean, strict=False))))
            if len(found) > MOST_ROWS:
                raise faulty("The file has more than {most} rows.", most=MOST_ROWS)
    except csv.Error as error:
        raise faulty("This is no CSV file.") from error
    if names is None:
        raise faulty("The file has no line with the headings {headings}.", headings=", ".join(headings))
    return found


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise faulty("The file is neither UTF-8 nor GB 18030.")


def number(row: Row, heading: str) -> str:
    """The payout's number."""
    found = row[1].get(heading.lower(), "")
    if not NUMBER.fullmatch(found):
        raise faulty("Line {line}: {heading} is no number of a payout.", line=row[0], heading=heading)
    return found


def amount(row: Row, heading: str, currency: str) -> int:
    """The amount in minor units, its sign left aside."""
    found = row[1].get(heading.lower(), "").replace(",", "")
    try:
        return abs(to_minor(Decimal(found), currency))
    except (ValueError, InvalidOperation) as error:
        raise faulty(
            "Line {line}: {heading} is no amount of {currency}.",
            line=row[0],
            heading=heading,
            currency=currency,
        ) from error


def currency(row: Row, heading: str) -> str:
    """The currency."""
    found = row[1].get(heading.lower(), "").upper()
    if not re.fullmatch(r"[A-Z]{3}", found):
        raise faulty("Line {line}: {heading} is no currency such as CNY.", line=row[0], heading=heading)
    return found


def reference(row: Row, heading: str) -> str | None:
    """What the channel calls it, if it says."""
    return row[1].get(heading.lower(), "")[:200] or None


def choice(row: Row, heading: str, choices: Mapping[str, str]) -> str:
    """One of the words that may stand there, in our words."""
    found = row[1].get(heading.lower(), "").strip()
    for word, meaning in choices.items():
        if found.lower() == word.lower():
            return meaning
    raise faulty(
        "Line {line}: {heading} is {value}; it takes {choices}.",
        line=row[0],
        heading=heading,
        value=found[:40],
        choices=", ".join(choices),
    )
