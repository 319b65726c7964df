"""Routers of contexts: bodies read exactly, unknown query parameters refused."""

from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from fenxiao.kernel.errors import FieldError, Invalid

from .body import ExactRequest, doubtful
from .problem import MEDIA_TYPE

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request was refused", **_PROBLEM},
    "5XX": {"description": "Our fault", **_PROBLEM},
}
"""What any route may answer besides."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ExactRoute(APIRoute):
    """A route that reads numbers exactly and says when a query parameter is unknown."""

    strict_query = True

    def get_route_handler(self) -> Handler:
        """FastAPI's handler behind our own reading of the request."""
        handle = super().get_route_handler()
        known = _query_names(self.dependant) if self.strict_query else None

        async def exact(given: Request) -> Response:
            request = ExactRequest(given.scope, given.receive)
            if known is not None and request.scope.get("query_string"):
                _refuse_unknown(request, known)
            await _refuse_unstorable_form(request)
            return await handle(request)

        return exact


class LooseRoute(ExactRoute):
    """As `ExactRoute`, yet unknown query parameters are ignored, as OAuth 2.0 demands of its endpoints."""

    strict_query = False


class PlainRoute(Route):
    """Starlette's route, leaving its pattern in the scope as FastAPI's does, for metrics and log."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route is for this request, and what it adds to the scope."""
        match, added = super().matches(scope)
        return match, {**added, "route": self}


def router(*, prefix: str = "", tags: Sequence[str] = (), strict_query: bool = True) -> APIRouter:
    """A context's router. `strict_query=False` for protocols that add parameters of their own (OAuth)."""
    names: list[str | Enum] = list(tags)
    return APIRouter(
        prefix=prefix,
        tags=names,
        route_class=ExactRoute if strict_query else LooseRoute,
        responses=dict(PROBLEMS),
        generate_unique_id_function=_operation_id,
    )


def joined(routes: APIRouter | FastAPI, *parts: APIRouter) -> None:
    """Add the routes of the parts as they are.

    The framework's `include_router` makes each of them anew, which takes longer than all else that an application
    does when it starts.
    """
    whole = routes.router if isinstance(routes, FastAPI) else routes
    for part in parts:
        whole.routes.extend(part.routes)


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def _query_names(dependant: Dependant) -> frozenset[str]:
    names = {parameter.alias for parameter in dependant.query_params}
    for below in dependant.dependencies:
        names |= _query_names(below)
    return frozenset(names)


async def _refuse_unstorable_form(request: Request) -> None:
    # No text in the database can hold U+0000. JSON is examined where it is parsed, the address at the edge.
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded") and b"%00" in await request.body():
        raise doubtful("A text holds the character U+0000.")


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        template = (
            "There is no such parameter; there are: {known}."
            if known
            else "This address takes no parameters."
        )
        raise Invalid(
            errors=tuple(FieldError(name, template, {"known": ", ".join(sorted(known))}) for name in unknown)
        )
