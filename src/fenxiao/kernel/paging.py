"""Keyset pages: a cursor names the last row seen, so a page costs the same at the start and at row a million."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from fenxiao.kernel.errors import FieldError, Invalid

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items in order and the cursor of the next page, None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None


def encode_cursor(*key: int | str | datetime) -> str:
    """The key of the last row of a page as URL-safe text; a time keeps its microseconds, as the database does."""
    key = tuple((value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value for value in key)
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The key that `encode_cursor` packed; refused as a field error if it was not made here for this list."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return tuple(_value(value, kind) for value, kind in zip(_list(key), kinds, strict=True))
    except (ValueError, OverflowError, binascii.Error):
        message = "This is not a cursor of this list; take next_cursor from its last page."
        raise Invalid(errors=(FieldError("cursor", message),)) from None


def _list(key: Any) -> list[Any]:
    if not isinstance(key, list):
        raise ValueError  # noqa: TRY004 - as everything else that is no cursor
    return key


def _value(value: Any, kind: type) -> Any:
    """The value, if it is of its kind; ValueError otherwise."""
    kept: type = int if kind is datetime else kind
    found: type = type(value)
    if found is not kept or not _storable(value):
        raise ValueError
    return _EPOCH + timedelta(microseconds=value) if kind is datetime else value


def _storable(value: Any) -> bool:
    """Whether the database could hold it: a forged cursor is a fault of its sender, not of the server."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
