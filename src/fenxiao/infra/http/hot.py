"""Hot routes: the plain form of a request that comes thousands of times a second, answered in front of the application.

A hot route takes the well-formed request alone, at a third of the usual cost. Whatever is out of the ordinary (no
token, a query, a body it would have to think about) it declines, and the ordinary route of the same address answers
as if it had been asked first. So rules, messages and documentation of an address stand in one place, the ordinary
route; a hot one can only be quicker. Both end in the same use case.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenxiao.infra.context import RequestContext, use
from fenxiao.kernel.errors import Refusal

from .auth import Authenticate, Principal, act_as
from .edge import finished, opened, unexpected
from .problem import InternalError, respond

MAX_BODY = 65_536
"""Bytes of a body that is still plain."""

_BEARER = b"Bearer "
_JSON = b"application/json"


@dataclass(frozen=True, slots=True)
class HotRequest:
    """What a hot route is asked: by whom, with which headers (names in lower case), and the whole body."""

    who: Principal
    headers: Mapping[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class HotAnswer:
    """A JSON answer; `location` names what was created."""

    status: int
    body: bytes
    location: str | None = None


class HotRoute(Protocol):
    """One address and method; `path` has no parameters."""

    method: str
    path: str

    async def answer(self, request: HotRequest) -> HotAnswer | None:
        """The answer, or None to leave the request to the ordinary route; a Refusal is answered as a problem."""
        ...


class HotRoutes:
    """The hot routes of an application, in front of it. `app` answers whatever they decline."""

    def __init__(
        self, routes: Iterable[HotRoute], app: ASGIApp, authenticate: Authenticate, *, access_log: bool
    ) -> None:
        self._routes = {(route.method, route.path): route for route in routes}
        self._app, self._authenticate, self._access_log = app, authenticate, access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of any kind."""
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None or scope["query_string"]:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        messages: list[Message] = []
        body = await _plain_body(headers, receive, messages)
        if body is not None:
            context = opened(headers)
            with use(context):
                status = await self._answered(route, headers, body, scope, send, context)
                if status:
                    finished(
                        scope,
                        context,
                        route.path,
                        status,
                        time.perf_counter() - started,
                        log=self._access_log,
                    )
                    return
        await self._app(scope, _again(messages, receive), send)

    async def _answered(  # noqa: PLR0917 - one request in its parts
        self,
        route: HotRoute,
        headers: Mapping[bytes, bytes],
        body: bytes,
        scope: Scope,
        send: Send,
        context: RequestContext,
    ) -> int:
        """The status that was answered; 0 if the route declined."""
        try:
            token = headers[b"authorization"][len(_BEARER) :].decode("latin-1")
            who = act_as(await self._authenticate(token))
            answer = await route.answer(HotRequest(who, headers, body))
        except Refusal as refusal:
            return await _refuse(refusal, scope, send, context)
        except Exception:  # noqa: BLE001 - the last resort, as at the edge
            unexpected(scope)
            return await _refuse(InternalError(request_id=context.request_id), scope, send, context)
        if answer is None:
            return 0
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": _headers(answer, context)}
        )
        await send({"type": "http.response.body", "body": answer.body})
        return answer.status


async def _plain_body(
    headers: Mapping[bytes, bytes], receive: Receive, messages: list[Message]
) -> bytes | None:
    """The body if it is plain JSON that comes with a token; what was read of it stands in `messages`."""
    length = headers.get(b"content-length", b"")
    if not (
        headers.get(b"authorization", b"").startswith(_BEARER)
        and headers.get(b"content-type", b"") == _JSON
        and length.isdigit()
        and int(length) <= MAX_BODY
    ):
        return None
    body: bytes = b""
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _again(messages: list[Message], receive: Receive) -> Receive:
    """The request from its beginning: first what has been read, then the rest."""
    waiting = iter(messages)

    async def again() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return again


async def _refuse(refusal: Refusal, scope: Scope, send: Send, context: RequestContext) -> int:
    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    extra = {"x-request-id": context.request_id, "x-content-type-options": "nosniff"}
    await respond(refusal, instance=scope["path"], extra=extra)(scope, nothing, send)
    return refusal.status


def _headers(answer: HotAnswer, context: RequestContext) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", _JSON),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", context.request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    if answer.location is not None:
        headers.append((b"location", answer.location.encode()))
    if context.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    return headers
