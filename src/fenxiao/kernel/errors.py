"""Refusals: what the system declines to do, as one class per reason.

The first line of a class's docstring is its message; `{names}` in it are filled from the keyword
arguments. `code` is stable and machine-readable, `status` is the HTTP status it becomes at the edge.
A refusal crosses between services by its code and parameters and is rendered, in the reader's
language, only at the edge. A refusal changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One faulty field: its place in the body (`lines.0.quantity`), a message template and its values."""

    field: str
    message: str
    params: Mapping[str, Any] | None = None


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """The request was refused."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400

    def __init__(self, *, errors: tuple[FieldError, ...] = (), **params: Any) -> None:
        self.params = params
        self.errors = errors
        super().__init__(self.message())

    @classmethod
    def template(cls) -> str:
        """The message with its placeholders: the first line of the docstring, also the key of its translation."""
        return (cls.__doc__ or cls.code).strip().splitlines()[0]

    def message(self) -> str:
        """The message in English."""
        return self.template().format_map(_Lenient(self.params))


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


class NotFound(Refusal):
    """There is no {thing} with this id."""

    code = "not-found"
    status = 404


class Conflict(Refusal):
    """The request conflicts with the present state."""

    code = "conflict"
    status = 409


class Invalid(Refusal):
    """Some fields of the request are not valid."""

    code = "validation-failed"
    status = 422


class Unauthenticated(Refusal):
    """A valid access token is needed; get one at /oauth2/token."""

    code = "unauthenticated"
    status = 401


class Forbidden(Refusal):
    """The account lacks the permission {permission}."""

    code = "forbidden"
    status = 403


class StaleVersion(Refusal):
    """The resource has changed since it was read; read it again and repeat the change."""

    code = "stale-version"
    status = 412


class Unavailable(Refusal):
    """A part of the system that is needed for this does not answer; try again shortly."""

    code = "unavailable"
    status = 503


class KeyReused(Refusal):
    """The Idempotency-Key was already used with another body; use a new key for a new request."""

    code = "idempotency-key-reused"
    status = 422


class KeyBusy(Refusal):
    """A request with this Idempotency-Key is still running; repeat it when that one has answered."""

    code = "idempotency-key-busy"
    status = 409


class KeyFenced(Refusal):
    """The attempt under this Idempotency-Key was given up; repeat the request."""

    code = "idempotency-key-fenced"
    status = 409


def refusals(root: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Every refusal class known to the process, for catalogues and for decoding by code."""
    yield root
    for child in root.__subclasses__():
        yield from refusals(child)
