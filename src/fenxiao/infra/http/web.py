"""The application: what every process that speaks HTTP has, whatever contexts it carries."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Match

from fenxiao.infra import telemetry
from fenxiao.infra.context import current
from fenxiao.kernel.errors import FieldError, Refusal, refusals

from . import problem
from .auth import Authenticate
from .body import Refused
from .edge import MAX_BODY, Edge
from .routing import ExactRoute, PlainRoute, joined
from .validation import invalid

Probe = Callable[[], Awaitable[Any]]
"""Asks one dependency for a sign of life; raises when there is none."""

PROBE_SECONDS = 2.0

_PAGES = Path(__file__).resolve().parent / "docs"
_log = telemetry.logger(__name__)


class Lifespan(Protocol):
    """What runs around the life of an application: an async context manager of it."""

    def __call__(self, app: FastAPI, /) -> Any:
        """Enter before the first request, leave after the last."""
        ...


def create_app(
    *,
    title: str,
    version: str,
    description: str = "",
    routers: Sequence[APIRouter] = (),
    authenticate: Authenticate | None = None,
    probes: Mapping[str, Probe] | None = None,
    lifespan: Lifespan | None = None,
    max_body: int = MAX_BODY,
    larger_bodies: Mapping[str, int] | None = None,
    access_log: bool = True,
) -> FastAPI:
    """An application with the given routers behind the edge.

    `authenticate` turns access tokens into principals (a `tokens.Verifier`); `probes` are what /readyz asks.
    `max_body` is in bytes; /internal/ takes more, and so do the paths of `larger_bodies`, as many as they say.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Edge, max_body=max_body, larger=larger_bodies, access_log=access_log)],
    )
    telemetry.ensure_configured()
    app.router.route_class = ExactRoute
    app.state.authenticate = authenticate
    _render_errors(app)
    _add_own_pages(app, probes or {})
    joined(app, *routers)
    _complete_openapi(app)
    return app


def _render_errors(app: FastAPI) -> None:
    async def refused(request: Request, error: Exception) -> Response:
        refusal, extra = _refusal(request, error)
        return problem.respond(refusal, instance=request.url.path, extra=extra)

    for kind in (Refusal, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, refused)


def _refusal(request: Request, error: Exception) -> tuple[Refusal, Mapping[str, str]]:
    if isinstance(error, Refusal):
        return error, {}
    if isinstance(error, RequestValidationError):
        return invalid(error.errors()), {}
    assert isinstance(error, HTTPException)  # noqa: S101 - the handler is registered for these three
    return _http_refusal(request, error)


def _http_refusal(request: Request, error: HTTPException) -> tuple[Refusal, Mapping[str, str]]:
    if isinstance(error, Refused):
        return error.refusal, {}
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem.NoSuchPath(), {}
    headers = error.headers or {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = _allowed(request)
        return problem.MethodNotAllowed(method=request.method, allowed=allowed), {"Allow": allowed}
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem.InternalError(request_id=current().request_id), headers
    return problem.MalformedRequest(errors=(FieldError("request", str(error.detail)),)), headers


def _allowed(request: Request) -> str:
    """Every method that the address takes; the framework names those of the first route there alone."""
    routes = request.app.router.routes
    taken = (
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    )
    return ", ".join(taken)


def _add_own_pages(app: FastAPI, probes: Mapping[str, Probe]) -> None:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        return await _ready(probes)

    async def metrics(_: Request) -> Response:
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE_LATEST)

    async def explained(request: Request) -> Response:
        return _explained(request)

    async def docs(request: Request) -> Response:
        return _page(request.url.path.rpartition("/")[2])

    pages = (
        ("/healthz", healthz),
        ("/readyz", readyz),
        ("/metrics", metrics),
        ("/problems/{code}", explained),
    )
    for path, page in (*pages, ("/docs", docs), ("/docs/docs.js", docs), ("/docs/docs.css", docs)):
        app.router.routes.append(PlainRoute(path, page, methods=["GET"]))


async def _ready(probes: Mapping[str, Probe]) -> Response:
    states = dict(zip(probes, await asyncio.gather(*map(_state, probes, probes.values())), strict=True))
    ready = all(state == "ok" for state in states.values())
    return JSONResponse(
        {"status": "ready" if ready else "not ready", "checks": states}, status_code=200 if ready else 503
    )


async def _state(name: str, probe: Probe) -> str:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await probe()
    except TimeoutError:
        return "no answer"
    except Exception as error:  # noqa: BLE001 - any failure of a dependency is its state
        _log.warning("not ready", probe=name, exc_info=error)
        return "failed"
    return "ok"


def _explained(request: Request) -> Response:
    kinds = {kind.code: kind for kind in reversed(list(refusals()))}
    answer = problem.described(request.path_params["code"], kinds, current().language)
    if answer is None:
        return problem.respond(problem.NoSuchPath(), instance=request.url.path)
    return JSONResponse(answer)


def _page(name: str) -> Response:
    # Nothing comes from elsewhere: the page works offline, and no other host learns that it is read.
    headers = {"content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"}
    return FileResponse(_PAGES / (name if name != "docs" else "docs.html"), headers=headers)


def _complete_openapi(app: FastAPI) -> None:
    plain = app.openapi

    def complete() -> dict[str, Any]:
        document = plain()
        schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", dict(problem.PROBLEM_SCHEMA))
        return document

    # FastAPI offers no hook but this assignment (its own documentation shows it).
    app.openapi = complete  # type: ignore[method-assign]
