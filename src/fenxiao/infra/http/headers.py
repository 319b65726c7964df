"""What requests say beside their body: pages, preconditions, and the promise of an idempotency key."""

import hashlib
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Query
from starlette.requests import Request

from fenxiao.infra.db.idempotency import Once
from fenxiao.kernel.errors import FieldError, Invalid, StaleVersion
from fenxiao.kernel.paging import MAX_LIMIT

from .auth import maybe_principal
from .body import parse

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items per page.")]
"""`limit: Limit = DEFAULT_LIMIT`"""

Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]
"""`cursor: Cursor = None`"""

ANONYMOUS = "anonymous"
"""Whose keys are those of requests without a token, such as a public registration."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"')


def etag(version: int) -> str:
    """A version as the value of a response's ETag header."""
    return f'"{version}"'


def _if_match(
    if_match: Annotated[
        str | None, Header(alias="If-Match", description="ETag of the version that was read.")
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    # Weak ones count too: a proxy that compresses an answer weakens the ETag it passes on.
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        # It is no ETag of ours, so it cannot be that of the present version (RFC 9110 §13.1.1).
        raise StaleVersion
    return int(match[1])


IfMatch = Annotated[int | None, Depends(_if_match)]
"""The version the caller has read, None when it did not say: `version: IfMatch`."""


async def idempotency(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Makes a retry safe: one key, one piece of work."),
    ] = None,
) -> Once | None:
    """The caller's promise that requests with this key are one; None when the header is missing."""
    if idempotency_key is None:
        return None
    caller = await maybe_principal(request)
    return await once(request, ANONYMOUS if caller is None else str(caller.account_id), idempotency_key)


async def once(request: Request, account: str, key: str) -> Once:
    """The promise for an account and a header's value; for routes without dependencies too."""
    body = await request.body()
    return promised(account, key, lambda: digest(request.method, request.url.path, body))


def promised(account: str, key: str, meaning: Callable[[], bytes]) -> Once:
    """The promise with a hash of the caller's own making, for bodies that are no JSON: `meaning` answers it."""
    if not _KEY.fullmatch(key):
        message = "Send 1 to 255 visible ASCII characters, such as a UUID."
        raise Invalid(errors=(FieldError("Idempotency-Key", message),))
    return Once(account, key, meaning())


def once_of_plain(account: str, key: bytes, path: str, body: bytes) -> Once:
    """The promise of a POST whose body is known to be plainly good, read several times as fast to the same hash."""
    return promised(account, key.decode("latin-1"), lambda: _digest("POST", path, _plain_meaning(body)))


Idempotency = Annotated[Once | None, Depends(idempotency)]
"""`once: Idempotency`, handed on to the use case and by it to `begin(once=once)`."""


def digest(method: str, path: str, body: bytes) -> bytes:
    """A hash by which a repeated request is known: equal for bodies of equal meaning, whatever their spacing and order."""
    return _digest(method, path, _canonical(body))


def digest_of(method: str, path: str, value: Any) -> bytes:
    """The same hash, of a body that was parsed."""
    return _digest(method, path, _meaning(value))


def _digest(method: str, path: str, meaning: bytes) -> bytes:
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), meaning))).digest()


def _canonical(body: bytes) -> bytes:
    if not body[:1] or body.lstrip()[:1] not in (b"{", b"["):
        return body
    return _meaning(parse(body))


def _meaning(value: Any) -> bytes:
    return _write(value).encode()


def _plain_meaning(body: bytes) -> bytes:
    """The same as `_canonical` in a quarter of the time, where there is nothing that msgspec writes in another way."""
    try:
        value = _read_whole(body)
    except _Fractional:
        return _meaning(_read_plain(body))
    written = _write_sorted(value)
    return written if written.isascii() and b"\x7f" not in written else _meaning(value)


class _Fractional(Exception):  # noqa: N818 - a reason to read once more
    """There is a number that is not whole."""


def _fractional(_: str) -> Any:
    raise _Fractional


def _number(value: Any) -> Any:
    if not isinstance(value, Decimal):
        raise TypeError
    # Marked, so that the number 1.5 and the text "1.5" stay two bodies.
    return {"decimal": str(value)}


_write = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_number).encode
_read_plain = msgspec.json.Decoder(float_hook=Decimal).decode
_read_whole = msgspec.json.Decoder(float_hook=_fractional).decode
_write_sorted = msgspec.json.Encoder(order="sorted").encode
