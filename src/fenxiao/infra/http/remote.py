"""Same call, near or far: an api's Protocol served to other services under `/internal/<context>/<method>`.

The methods of the Protocol are async, their parameters keyword-only, everything annotated by types that
travel (`codec`). The far side of a call is `client.remote`. These paths are never routed by the gateway, and the
service token is checked before a byte of the body is read.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from fenxiao.infra import telemetry
from fenxiao.infra.context import current
from fenxiao.kernel.errors import Refusal

from .auth import check_service_token
from .codec import Codec, codec, refusal_out
from .edge import INTERNAL
from .problem import MalformedBody
from .routing import PlainRoute

ACTOR_HEADER = "x-fenxiao-actor"
REFUSAL_TYPE = "application/vnd.fenxiao.refusal+json"
"""The media type of a refusal between services; a problem document is for people and their language."""

_ACTOR_CHARS = 200
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Method:
    """One method of an api: how its arguments and its answer travel."""

    name: str
    parameters: Mapping[str, Codec]
    required: frozenset[str]
    answer: Codec

    def pack(self, arguments: Mapping[str, Any]) -> bytes:
        """The arguments as JSON; TypeError for a name that the method does not take, or one that is missing."""
        unknown, missing = arguments.keys() - self.parameters.keys(), self.required - arguments.keys()
        if unknown or missing:
            raise TypeError(f"{self.name}() does not take {sorted(unknown)} and needs {sorted(missing)}")
        return msgspec.json.encode(
            {name: self.parameters[name].encode(value) for name, value in arguments.items()}
        )

    def unpack(self, body: bytes) -> dict[str, Any]:
        """The arguments from JSON; names that this side does not know are ignored."""
        given = msgspec.json.decode(body, type=dict[str, Any])
        return {
            name: self.parameters[name].decode(value)
            for name, value in given.items()
            if name in self.parameters
        }


def methods(protocol: type) -> dict[str, Method]:
    """The methods of an api; TypeError says which one cannot travel and why."""
    return {
        name: _method(protocol, name)
        for name in dir(protocol)
        if not name.startswith("_") and callable(getattr(protocol, name))
    }


def _method(protocol: type, name: str) -> Method:
    function = getattr(protocol, name)
    where = f"{protocol.__module__}.{protocol.__qualname__}.{name}"
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{where} is not async")
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if any(parameter.kind is not inspect.Parameter.KEYWORD_ONLY for parameter in parameters):
        raise TypeError(f"{where} takes more than keyword-only parameters")
    hints = typing.get_type_hints(function, include_extras=True)
    try:
        return Method(
            name=name,
            parameters={parameter.name: codec(hints[parameter.name]) for parameter in parameters},
            required=frozenset(p.name for p in parameters if p.default is inspect.Parameter.empty),
            answer=codec(hints["return"]),
        )
    except (KeyError, TypeError) as error:
        raise TypeError(f"{where}: {error}") from error


def path(context: str, method: str) -> str:
    """The address of a method."""
    return f"{INTERNAL}{context}/{method}"


def serve(protocol: type, near: Any, *, context: str, token: str) -> APIRouter:
    """A router that lets services which know `token` call `near`, an implementation of `protocol`."""
    if not token:
        raise ValueError("services need a token to call each other")
    router = APIRouter()
    for method in methods(protocol).values():
        endpoint = _endpoint(method, getattr(near, method.name), token)
        router.routes.append(PlainRoute(path(context, method.name), endpoint, methods=["POST"]))
    return router


def _endpoint(method: Method, call: Callable[..., Any], token: str) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        check_service_token(request, token)
        # Only now: anybody may send these headers, only services are believed.
        current().actor = request.headers.get(ACTOR_HEADER, "system")[:_ACTOR_CHARS]
        try:
            arguments = method.unpack(await request.body())
        except (TypeError, ValueError, msgspec.DecodeError) as error:
            _log.warning("call not understood", method=method.name, exc_info=error)
            raise MalformedBody from error
        try:
            answer = await call(**arguments)
        except Refusal as refusal:
            return Response(
                msgspec.json.encode(refusal_out(refusal)), status_code=refusal.status, media_type=REFUSAL_TYPE
            )
        return Response(msgspec.json.encode(method.answer.encode(answer)), media_type="application/json")

    return endpoint
