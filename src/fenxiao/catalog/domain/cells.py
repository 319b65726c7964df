"""Cells of the files that products and stock travel in: what a value looks like there, and what a cell means.

Every cell is a text, whatever the file made of it. What a spreadsheet would take for a formula has a ' before it, which
is taken off again; a text that begins with ' and such a sign gets one more, so that nothing is lost either way.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fenxiao.catalog.domain.images import MAX_ADDRESS, MAX_ALT, MAX_IMAGES, Image, is_address, repeated
from fenxiao.kernel.errors import FieldError

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_QUOTED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_AMOUNT = re.compile(r"[0-9]{1,16}(\.[0-9]{1,12})?", re.ASCII)
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,12})?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,16}(\.0+)?", re.ASCII)
_DAY = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})( 00?:00(:00)?)?", re.ASCII)
_SPLIT = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_ESCAPED = re.compile(r"\\([\\|])")

# Between tags in a cell; a tag with one in it is written with a backslash before that.
SEPARATOR = "|"


class Fault(Exception):  # noqa: N818 - a finding about a cell, gathered into a list
    """Why a cell means nothing: a sentence with `{names}` for the values."""

    def __init__(self, message: str, params: dict[str, Any] | None = None) -> None:
        self.message = message
        self.params = params
        super().__init__(message)

    def at(self, column: str) -> FieldError:
        """The fault in its column."""
        return FieldError(column, self.message, self.params)


# From the text of a cell that is not empty to its value; raises `Fault`.
Reading = Callable[[str], Any]


def plain(cell: Any) -> str:
    """The text of a cell of any kind: numbers without exponent, midnight as the day."""
    if isinstance(cell, str):
        return cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, datetime):
        midnight = (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0)
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    # By its shortest text, which is what the person typed: 19.99 and not 19.989999999999998.
    text = f"{Decimal(repr(cell)):f}" if isinstance(cell, int | float) and cell == cell else str(cell)  # noqa: PLR0124
    return text.removesuffix(".0")


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` was given."""
    return cell[1:] if _QUOTED.match(cell) else cell


def text(longest: int) -> Reading:
    """A text of at most so many characters."""

    def read(cell: str) -> str:
        value = unguarded(cell)
        if len(value) > longest:
            raise Fault("At most {max_length} characters are allowed.", {"max_length": longest})
        if "\0" in value:
            raise Fault("A text holds the character U+0000.")
        return value

    return read


def choice(*options: str) -> Reading:
    """One of these words."""

    def read(cell: str) -> str:
        if cell not in options:
            raise Fault("Send one of: {expected}.", {"expected": ", ".join(options)})
        return cell

    return read


def whole(least: int, most: int) -> Reading:
    """A whole number within these bounds."""

    def read(cell: str) -> int:
        if not _WHOLE.fullmatch(cell):
            raise Fault("Send a whole number, such as 10.")
        value = int(cell.partition(".")[0])
        if value < least:
            raise Fault("Send {ge} or more.", {"ge": least})
        if value > most:
            raise Fault("Send {le} or less.", {"le": most})
        return value

    return read


def amount(cell: str) -> str:
    """An amount without sign, as decimal text; thousands may be parted by commas."""
    value = cell.replace(",", "") if _THOUSANDS.fullmatch(cell) else cell
    if not _AMOUNT.fullmatch(value):
        raise Fault('Write an amount such as 500.00, without sign, currency or "E".')
    return value


def currency(cell: str) -> str:
    """A code of ISO 4217."""
    if not re.fullmatch("[A-Z]{3}", cell):
        raise Fault("Write three capital letters, such as CNY.")
    return cell


def day(cell: str) -> str:
    """A calendar day as ISO text: 2026-11-22; also 2026/11/22, as spreadsheets like to have it."""
    match = _DAY.fullmatch(cell)
    if match is None:
        raise Fault("Send a date, such as 2026-11-22.")
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        raise Fault("There is no such day in the calendar.") from None


def tags(longest: int, most: int) -> Reading:
    """Tags with | between them, each once."""

    def read(cell: str) -> list[str]:
        parts = _SPLIT.sub(lambda match: match[1] + "\0", unguarded(cell)).split("\0")
        found = list(dict.fromkeys(_ESCAPED.sub(r"\1", part.strip()) for part in parts))
        if not all(found):
            raise Fault("A tag is empty; write tags with one | between them.")
        if any(len(tag) > longest for tag in found):
            raise Fault("At most {max_length} characters are allowed.", {"max_length": longest})
        if len(found) > most:
            raise Fault("At most {max_length} items are allowed.", {"max_length": most})
        return found

    return read


def tag_cell(names: Sequence[str]) -> str:
    """The cell that `tags` reads as these."""
    return guarded(SEPARATOR.join(re.sub(r"[\\|]", r"\\\g<0>", name) for name in names))


def images(cell: str) -> list[dict[str, str | None]]:
    """Pictures, each on a line of its own: the address, and after a space what it shows."""
    found: list[Image] = []
    for line in unguarded(cell).splitlines():
        url, _, alt = line.strip().partition(" ")
        if not url:
            continue
        if not is_address(url) or len(url) > MAX_ADDRESS:
            raise Fault("Send a full address, such as https://example.com/a.png.")
        if len(alt.strip()) > MAX_ALT:
            raise Fault("At most {max_length} characters are allowed.", {"max_length": MAX_ALT})
        found.append(Image(url=url, alt=alt.strip() or None))
    if len(found) > MAX_IMAGES:
        raise Fault("At most {max_length} items are allowed.", {"max_length": MAX_IMAGES})
    if repeated(found) is not None:
        raise Fault("The same picture stands there twice.")
    return [{"url": image.url, "alt": image.alt} for image in found]


def image_cell(pictures: Sequence[Image]) -> str:
    """The cell that `images` reads as these."""
    return "\n".join(f"{image.url} {image.alt}" if image.alt else image.url for image in pictures)
