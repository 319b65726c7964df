"""Texts in requests: trimmed, of a bounded length, of a known form."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

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


def _image(value: str) -> str:
    try:
        parts = urlsplit(value)
        fits = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and not any(c.isspace() for c in value)
        )
    except ValueError:
        fits = False
    if not fits:
        raise faulty("Send a full address, such as https://example.com/a.png.")
    return value


Image = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_image)]
"""The address of a picture, kept as it was sent."""
