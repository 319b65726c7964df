"""Request bodies read exactly: a JSON number with a point is a Decimal, never a float, and doubt is refused.

The standard library's parser takes NaN, repeated names, lone surrogates and NUL characters; each of these would
mean something else to the next reader of the same bytes, or could not be stored.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any, NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import Request

from fenxiao.kernel.errors import FieldError, Refusal

from .problem import MalformedBody

MAX_DEPTH = 100
"""How deep lists and objects may nest; a plan document needs about ten."""

_SUSPECT = (b"\\u0000", b"\\ud", b"\\uD")


class Refused(HTTPException):
    """Carries a refusal through FastAPI's body reading, which lets only this family of exceptions pass."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(status_code=refusal.status)
        self.refusal = refusal


class ExactRequest(Request):
    """A request whose JSON is read exactly."""

    async def json(self) -> Any:
        """The parsed body; `Refused` with `MalformedBody` when it is not JSON that has one meaning."""
        if not hasattr(self, "_exact"):
            try:
                self._exact = parse(await self.body())
            except MalformedBody as refusal:
                raise Refused(refusal) from refusal
        return self._exact


def parse(body: bytes) -> Any:
    """JSON in UTF-8 as Python values: numbers as int or Decimal; `MalformedBody` for anything doubtful."""
    try:
        # Strict: a byte order mark, UTF-16 and Latin-1 are all refused here instead of being guessed.
        text = body.decode("utf-8")
        value = _decode(text)
    except UnicodeDecodeError as error:
        raise doubtful("Not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise doubtful(
            "Not JSON from line {line}, column {column} on.", line=error.lineno, column=error.colno
        ) from error
    except RecursionError as error:
        raise doubtful("Nested too deeply.") from error
    except ValueError as error:
        # Python refuses whole numbers of more than 4300 digits: reading them takes quadratic time.
        raise doubtful("A number has too many digits.") from error
    except ArithmeticError as error:
        raise doubtful("A number is out of every range.") from error
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH or any(mark in body for mark in _SUSPECT):
        _examine(value)
    return value


def doubtful(template: str, **params: Any) -> MalformedBody:
    """The refusal of a body for the reason given, a sentence in English with `{names}` for `params`."""
    return MalformedBody(errors=(FieldError("body", template, params),))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise doubtful("A name stands twice in one object.")
    return read


def _constant(name: str) -> NoReturn:
    raise doubtful("{name} is no JSON number.", name=name)


_decode = partial(json.loads, parse_float=Decimal, parse_constant=_constant, object_pairs_hook=_pairs)


def _examine(value: Any) -> None:
    # A loop, not recursion: what is examined may be nested deeply.
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise doubtful("Nested too deeply.")
        if isinstance(item, str):
            _storable(item)
        elif isinstance(item, Mapping):
            for name, inner in item.items():
                _storable(name)
                waiting.append((inner, depth + 1))
        elif isinstance(item, list):
            waiting.extend((inner, depth + 1) for inner in item)


def _storable(text: str) -> None:
    if "\0" in text:
        raise doubtful("A text holds the character U+0000.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise doubtful("A text holds half a surrogate pair.")
