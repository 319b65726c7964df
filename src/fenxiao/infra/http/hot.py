"""Hot routes: the plain form of a request that comes thousands of times a second, answered in front of the application.

A hot route takes the well-formed request alone, at a fraction of the usual cost. Whatever is out of the ordinary (no
token, a query, a body it would have to think about) is declined before anything was done, and the ordinary route of
the same address answers as if it had been asked first. So rules, messages and documentation of an address stand in
one place, the ordinary route; a hot one can only be quicker. Both end in the same use case.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from fenxiao.infra.context import RequestContext, become
from fenxiao.kernel.errors import Refusal

from .auth import Authenticate, Principal, act_as
from .edge import Served, finished, opened, unexpected
from .problem import InternalError, respond

MAX_BODY = 65_536
"""Bytes of a body that is still plain."""

_BEARER = b"Bearer "
_JSON = b"application/json"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


@dataclass(slots=True)
class HotAnswer:
    """A JSON answer; `location` names what was created."""

    status: int
    body: bytes
    location: str | None = None


Taken = Callable[[Principal], Awaitable[HotAnswer]]
"""A request that a hot route has taken: it answers whoever asks; a Refusal is answered as a problem."""


class HotRoute(Protocol):
    """One address and method; `path` has no parameters."""

    method: str
    path: str

    def take(self, headers: Mapping[bytes, bytes], body: bytes) -> Taken | None:
        """Take a request (names of headers in lower case), or None to leave it to the ordinary route."""
        ...


class HotRoutes:
    """The hot routes of an application."""

    def __init__(self, routes: Iterable[HotRoute], authenticate: Authenticate, *, access_log: bool) -> None:
        self._routes = {(route.method.encode(), route.path.encode()): route for route in routes}
        self._authenticate, self._access_log = authenticate, access_log

    def at(self, method: bytes, target: bytes) -> HotRoute | None:
        """The route of a method and an address as they stand in the request; one with a query has none."""
        return self._routes.get((method, target))

    @staticmethod
    def plain(headers: Mapping[bytes, bytes]) -> bool:
        """Whether this announces JSON of a known, moderate length that comes with a token."""
        length = headers.get(b"content-length", b"")
        return (
            headers.get(b"authorization", b"").startswith(_BEARER)
            and headers.get(b"content-type") == _JSON
            and length.isdigit()
            and int(length) <= MAX_BODY
        )

    @staticmethod
    def take(route: HotRoute, headers: Mapping[bytes, bytes], body: bytes) -> Taken | None:
        """What the route takes; None also where it breaks: then the ordinary one answers, and the log knows."""
        try:
            return route.take(headers, body)
        except Exception:  # noqa: BLE001 - whatever it is, nothing has been done yet
            unexpected(route.method, route.path)
            return None

    async def answer(
        self, route: HotRoute, taken: Taken, headers: Mapping[bytes, bytes], client: str | None
    ) -> tuple[bytes, bytes]:
        """The head of the answer, open for what the connection adds to it, and its body.

        Called in a task of its own: the surroundings of the request are that task's to its end.
        """
        started = time.perf_counter()
        context = opened(headers)
        become(context)
        try:
            token = headers[b"authorization"][len(_BEARER) :].decode("latin-1")
            answer = await taken(act_as(await self._authenticate(token)))
            status, head, body = answer.status, _head(answer, context), answer.body
        except Refusal as refusal:
            status, head, body = _refused(refusal, route, context)
        except Exception:  # noqa: BLE001 - the last resort, as at the edge
            unexpected(route.method, route.path)
            status, head, body = _refused(InternalError(request_id=context.request_id), route, context)
        served = Served(route.method, route.path, route.path, client, status, time.perf_counter() - started)
        finished(served, context, log=self._access_log)
        return head, body


def _head(answer: HotAnswer, context: RequestContext) -> bytes:
    location = "" if answer.location is None else f"location: {answer.location}\r\n"
    replayed = "idempotency-replayed: true\r\n" if context.replayed else ""
    return (
        f"{_STATUS_LINES[answer.status]}content-type: application/json\r\ncontent-length: {len(answer.body)}\r\n"
        f"x-request-id: {context.request_id}\r\nx-content-type-options: nosniff\r\n{location}{replayed}"
    ).encode("latin-1")


def _refused(refusal: Refusal, route: HotRoute, context: RequestContext) -> tuple[int, bytes, bytes]:
    extra = {"x-request-id": context.request_id, "x-content-type-options": "nosniff"}
    response = respond(refusal, instance=route.path, extra=extra)
    lines = [b"%b: %b\r\n" % header for header in response.raw_headers]
    return refusal.status, _STATUS_LINES[refusal.status].encode() + b"".join(lines), bytes(response.body)
