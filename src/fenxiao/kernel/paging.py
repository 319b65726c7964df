"""Keyset pages: a cursor names the last row seen, so a page costs the same at the start and at row a million."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Generic, TypeVar

from fenxiao.kernel.errors import FieldError, Invalid

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items in order and the cursor of the next page, None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None


def encode_cursor(*key: int | str) -> str:
    """The key of the last row of a page as URL-safe text."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type) -> tuple[int | str, ...]:
    """The key that `encode_cursor` packed; refused as a field error if it was not made here for this list."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != len(kinds)
        or any(type(v) is not k for v, k in zip(key, kinds, strict=True))
        or not all(map(_storable, key))
    ):
        raise Invalid(
            errors=(
                FieldError(
                    "cursor", "This is not a cursor of this list; take next_cursor from its last page."
                ),
            )
        )
    return tuple(key)


def _storable(value: int | str) -> bool:
    """Whether the database could hold it: a forged cursor is a fault of its sender, not of the server."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
