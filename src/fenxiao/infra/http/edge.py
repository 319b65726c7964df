"""The outermost layer of every request, as pure ASGI: request id, language, limits, metrics, access log, last resort.

Everything inside runs with the request's `RequestContext`; whatever escapes from inside ends here as a
500 that shows the request id and nothing else, with the traceback in the log.
"""

import os
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fenxiao.infra import telemetry
from fenxiao.infra.context import RequestContext, use
from fenxiao.kernel.errors import FieldError, Refusal
from fenxiao.kernel.i18n import preferred

from .body import Refused
from .problem import BodyTooLarge, InternalError, MalformedRequest, respond

MIB = 1024 * 1024
MAX_BODY = MIB
MAX_INTERNAL_BODY = 64 * MIB
INTERNAL = "/internal/"
"""Calls between services; their router checks the service token before it reads the body."""

CLIENT_GONE = 499
"""Logged when the caller hung up before an answer began (nginx's number)."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:\-]{1,128}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

_requests = telemetry.counter(
    "fenxiao_http_requests_total", "Requests answered.", ("method", "route", "status")
)
_seconds = telemetry.histogram(
    "fenxiao_http_request_seconds",
    "Time from a request's arrival to the end of its answer.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_log = telemetry.logger(__name__)


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body: int = MAX_BODY,
        larger: Mapping[str, int] | None = None,
        access_log: bool = True,
    ) -> None:
        self._app, self._max_body, self._access_log = app, max_body, access_log
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        context = opened(headers)
        exchange = _Exchange(scope, receive, send, context, self._limit(scope["path"]))
        started = time.perf_counter()
        with use(context):
            try:
                await self._pass_on(scope, exchange, headers)
            finally:
                finished(_served(scope, exchange, started), context, log=self._access_log)

    def _limit(self, path: str) -> int:
        if path.startswith(INTERNAL):
            return max(self._max_body, MAX_INTERNAL_BODY)
        return max(self._max_body, self._larger.get(path, 0))

    async def _pass_on(self, scope: Scope, exchange: "_Exchange", headers: dict[bytes, bytes]) -> None:
        try:
            exchange.examine(headers)
            await self._app(scope, exchange.receive, exchange.send)
        except Refused as refused:
            await exchange.refuse(refused.refusal)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Exception:
            unexpected(scope["method"], scope["path"])
            if exchange.status:
                # Part of the answer is out; the server must break the connection, or it would look whole.
                raise
            await exchange.refuse(InternalError(request_id=exchange.context.request_id))


class Served(NamedTuple):
    """A request that was answered; `route` is the pattern of its path, `seconds` what it took."""

    method: str
    path: str
    route: str
    client: str | None
    status: int
    seconds: float


def _served(scope: Scope, exchange: "_Exchange", started: float) -> Served:
    client = scope.get("client")
    return Served(
        scope["method"],
        scope["path"],
        template(scope),
        client[0] if client else None,
        exchange.status or CLIENT_GONE,
        time.perf_counter() - started,
    )


def unexpected(method: str, path: str) -> None:
    """Log the exception that is being handled; whoever asked learns nothing of it but the request id."""
    _log.exception("unexpected error", **{"url.path": path, "http.request.method": method})


def finished(served: Served, context: RequestContext, *, log: bool) -> None:
    """Count an answered request and, with `log`, write its line."""
    method = served.method if served.method in _METHODS else "OTHER"
    count, histogram = _metrics(method, served.route, served.status)
    count.inc()
    histogram.observe(served.seconds)
    if log and served.path not in _QUIET:
        _write_access(served, context)


@lru_cache(maxsize=4096)
def _metrics(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    # Looking a series up by its labels costs more than counting in it.
    return _requests.labels(method, route, str(status)), _seconds.labels(method, route)


def _write_access(served: Served, context: RequestContext) -> None:
    method, path, route, client, status, seconds = served
    fields: dict[str, Any] = {
        "http": {
            "request": {"method": method, "id": context.request_id},
            "response": {"status_code": status},
            "route": route,
        },
        "url": {"path": path},
        "event": {"duration": int(seconds * 1e9)},
        "user": {"id": context.actor},
        "client": {"ip": client},
    }
    if context.traceparent:
        fields["trace"] = {"id": context.traceparent.split("-")[1]}
    telemetry.write_line("fenxiao.access", f"{method} {path} {status}", fields)


class _Exchange:
    """One request and its answer: counts what comes in, adds our headers to what goes out."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, context: RequestContext, limit: int
    ) -> None:
        self._scope, self._receive, self._send, self._limit = scope, receive, send, limit
        self.context = context
        self.status = 0
        self._read = 0

    def examine(self, headers: dict[bytes, bytes]) -> None:
        """Refuse what is wrong before anything is read."""
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._limit:
            raise BodyTooLarge(limit=self._limit)
        # No text in the database can hold U+0000; met here, it is the caller's fault and not a 500.
        if "\0" in self._scope["path"] or b"%00" in self._scope["query_string"]:
            raise MalformedRequest(errors=(FieldError("address", "The address holds the character U+0000."),))

    async def receive(self) -> Message:
        """The next part of the body, as long as it stays within the limit."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            if self._read > self._limit:
                raise Refused(BodyTooLarge(limit=self._limit))
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            extra = [
                (b"x-request-id", self.context.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
            if self.context.replayed and self.status < HTTPStatus.BAD_REQUEST:
                extra.append((b"idempotency-replayed", b"true"))
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer a problem, unless an answer has already begun."""
        if not self.status:
            await respond(refusal, instance=self._scope["path"])(self._scope, self._receive, self.send)


def opened(headers: Mapping[bytes, bytes]) -> RequestContext:
    """The surroundings of a new request, of a caller who is not known yet."""
    given, trace, accept = (
        headers.get(name) for name in (b"x-request-id", b"traceparent", b"accept-language")
    )
    return RequestContext(
        request_id=given.decode() if given and _REQUEST_ID.fullmatch(given) else os.urandom(16).hex(),
        actor="anonymous",
        language=preferred(accept.decode("latin-1")) if accept else "en",
        traceparent=trace.decode() if trace and _TRACEPARENT.fullmatch(trace) else None,
    )


def template(scope: Scope) -> str:
    """The route's pattern, such as /api/orders/{order_id}; ids in a label would make a series per id."""
    route: Any = scope.get("route")
    # A router that was included under a prefix keeps its own patterns; the whole one stands in FastAPI's part.
    whole = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(whole, "path", None) or getattr(route, "path", None)
    return path if isinstance(path, str) else "unmatched"
