"""Texts in requests: trimmed, of a bounded length, of a known form."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from fenxiao.catalog.domain.images import MAX_ADDRESS, MAX_ALT, is_address
from fenxiao.infra.http.validation import faulty

MAX_NAME = 255
MAX_WORD = 64
CANNOT_BE_EMPTIED = "This cannot be emptied; leave it out."

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME)]
"""The name of a product or a category."""

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_WORD)]
"""A tag, a batch number, a SKU."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""


def _address(value: str) -> str:
    if not is_address(value):
        raise faulty("Send a full address, such as https://example.com/a.png.")
    return value


def _line(value: str) -> str:
    if not value.isprintable():
        raise faulty("Send one line of text.")
    return value


Address = Annotated[str, StringConstraints(max_length=MAX_ADDRESS), AfterValidator(_address)]
"""The address of a picture, kept as it was sent."""

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ALT), AfterValidator(_line)
]
"""What a picture shows, in words."""
