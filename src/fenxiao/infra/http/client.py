"""The far side of an api: a proxy that looks like the Protocol and asks another service.

Request id, trace, actor and language travel along. A refusal raised over there is raised here, as the same class. What
does not answer is `Unavailable`. A call is sent again, once, only where the first attempt cannot have been
carried out (no connection was made), or where the method is named in `reads`.
"""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any, TypeVar, cast

import httpx
import msgspec

from fenxiao.infra import telemetry
from fenxiao.infra.context import current
from fenxiao.infra.i18n import TAGS
from fenxiao.kernel.errors import Unavailable

from .auth import SERVICE_TOKEN_HEADER
from .codec import refusal_in
from .remote import ACTOR_HEADER, REFUSAL_TYPE, Method, methods, path

Api = TypeVar("Api")

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
KEEP_ALIVE_SECONDS = 2.0
"""Shorter than the server's 5 s, so that a call does not go out on a connection the server is just closing."""

_GATEWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_failed = telemetry.counter(
    "fenxiao_far_calls_failed_total", "Calls to other services without an answer.", ("context", "method")
)


class FarFault(RuntimeError):  # noqa: N818 - says what it is
    """The other service failed, or did not understand the call; its log tells more under the same request id."""


def open_client(*, timeout: float = 10.0, connections: int = 100) -> httpx.AsyncClient:
    """A client for calls between services, one per process. `timeout` is in seconds, for each wait on the other side."""
    limits = httpx.Limits(max_connections=connections, keepalive_expiry=KEEP_ALIVE_SECONDS)
    # trust_env off: a proxy meant for the way out must not see what services say to each other.
    return httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)


def remote(
    protocol: type[Api],
    *,
    base_url: str,
    context: str,
    token: str,
    client: httpx.AsyncClient,
    reads: Collection[str] = (),
) -> Api:
    """An implementation of `protocol` that asks the service at `base_url`.

    `reads` names methods that change nothing; they are asked again when an answer breaks off.
    """
    line = _Line(base_url.rstrip("/"), context, token, client)
    known = methods(protocol)
    if unknown := set(reads) - known.keys():
        raise TypeError(f"{protocol.__name__} has no {sorted(unknown)}")
    calls = {name: staticmethod(_call(line, method, again=name in reads)) for name, method in known.items()}
    return cast("Api", type(f"Far{protocol.__name__}", (), calls)())


class _Line:
    """The way to one service."""

    def __init__(self, base_url: str, context: str, token: str, client: httpx.AsyncClient) -> None:
        self._base_url, self._context, self._token, self._client = base_url, context, token, client

    async def ask(self, method: str, body: bytes, *, again: bool) -> httpx.Response:
        """The answer of the other side; `Unavailable` when there is none."""
        try:
            return await self._post(method, body)
        except NEVER_SENT:
            pass
        except httpx.TransportError as error:
            if not again or isinstance(error, httpx.TimeoutException):
                _failed.labels(self._context, method).inc()
                raise Unavailable from error
        try:
            return await self._post(method, body)
        except httpx.TransportError as error:
            _failed.labels(self._context, method).inc()
            raise Unavailable from error

    async def _post(self, method: str, body: bytes) -> httpx.Response:
        address = self._base_url + path(self._context, method)
        return await self._client.post(address, content=body, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        surroundings = current()
        headers = {
            "content-type": "application/json",
            SERVICE_TOKEN_HEADER: self._token,
            ACTOR_HEADER: surroundings.actor,
            "accept-language": TAGS[surroundings.language],
        }
        if surroundings.request_id:
            headers["x-request-id"] = surroundings.request_id
        if surroundings.traceparent:
            headers["traceparent"] = surroundings.traceparent
        return headers


def _call(line: _Line, method: Method, *, again: bool) -> Any:
    async def call(**arguments: Any) -> Any:
        answer = await line.ask(method.name, method.pack(arguments), again=again)
        if answer.is_success:
            return method.answer.decode(msgspec.json.decode(answer.content))
        if answer.headers.get("content-type") == REFUSAL_TYPE:
            raise refusal_in(msgspec.json.decode(answer.content))
        if answer.status_code in _GATEWAY:
            raise Unavailable
        raise FarFault(f"{method.name} answered {answer.status_code}")

    call.__name__ = method.name
    return call
