"""Connections: HTTP/1.1 as uvicorn speaks it, with the hot routes in front of the application.

An application hears of a request through ASGI: a description of it, a channel for its body, another for its answer,
each message a call. For an answer of three hundred bytes that costs more than the answer. So a plain request for a
hot route is answered where it comes in; everything else goes on to the application as if there were nothing in between.
"""

from asyncio import CancelledError
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .hot import HotRoute, HotRoutes, Taken


def server(app: FastAPI, routes: HotRoutes, **settings: Any) -> uvicorn.Server:
    """A server of the application with these hot routes; `settings` are uvicorn's."""
    return uvicorn.Server(uvicorn.Config(app, http=partial(_Connection, routes), **settings))  # type: ignore[arg-type]


class _Connection(HttpToolsProtocol):
    """One connection. All but the requests that hot routes take is uvicorn's."""

    def __init__(self, routes: HotRoutes, *, config: uvicorn.Config, **rest: Any) -> None:
        super().__init__(config=config, **rest)
        self._routes = routes
        self._allowed_proxies = config.forwarded_allow_ips if config.proxy_headers else None

    def on_headers_complete(self) -> None:
        """A request that may be plain waits for its body; any other starts."""
        route = self._routes.at(self.parser.get_method(), self.url)
        if route is None or not self._open_to_more():
            super().on_headers_complete()
            return
        headers = dict(self.headers)
        if self._routes.plain(headers):
            self.cycle = _HotCycle(self, route, headers)  # type: ignore[assignment]
        else:
            super().on_headers_complete()

    def _open_to_more(self) -> bool:
        # Whoever waits behind another request, or wants more than an answer, has uvicorn's way.
        before: Any = self.cycle
        idle = before is None or before.response_complete
        plain = (
            idle and not self.expect_100_continue and self.limit_concurrency is None and not self.root_path
        )
        return plain and self.parser.should_keep_alive() and not self.parser.should_upgrade()

    def take(self, cycle: "_HotCycle") -> None:
        """The whole request has come: the hot route takes it, or it starts as any other does."""
        taken = self._routes.take(cycle.route, cycle.headers, cycle.body)
        if taken is not None:
            cycle.taken = taken
            self._start_asgi_task(cycle, self.app)  # type: ignore[arg-type]
            return
        self.cycle = None  # type: ignore[assignment]
        super().on_headers_complete()
        self.cycle.body += cycle.body
        self.cycle.more_body = False
        self.cycle.message_event.set()

    async def answer(self, cycle: "_HotCycle", taken: Taken) -> None:
        """Answer a request that was taken."""
        head, body = await self._routes.answer(cycle.route, taken, cycle.headers, await self._client(cycle))
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        more = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        if not cycle.keep_alive:
            more.append(b"connection: close\r\n")
        self.transport.write(b"".join((head, *more, b"\r\n", body)))
        cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    async def _client(self, cycle: "_HotCycle") -> str | None:
        if self._allowed_proxies is not None and b"x-forwarded-for" in cycle.headers:
            scope: Any = {"type": "http", "client": self.client, "headers": self.headers}
            await ProxyHeadersMiddleware(_nothing, trusted_hosts=self._allowed_proxies)(
                scope, _nothing, _nothing
            )
            client: Any = scope["client"]
        else:
            client = self.client
        return client[0] if client else None


async def _nothing(*_: Any) -> Any:
    return None


class _HotCycle:
    """One request on its way through a connection: what uvicorn asks of its own cycles, and no more."""

    __slots__ = (
        "body",
        "connection",
        "disconnected",
        "headers",
        "keep_alive",
        "more_body",
        "response_complete",
        "route",
        "taken",
    )

    def __init__(self, connection: _Connection, route: HotRoute, headers: dict[bytes, bytes]) -> None:
        self.connection, self.route, self.headers = connection, route, headers
        self.body = b""
        self.taken: Taken | None = None
        self.more_body, self.keep_alive = True, True
        self.disconnected, self.response_complete = False, False

    @property
    def message_event(self) -> "_HotCycle":
        """What uvicorn sets when something has happened."""
        return self

    def set(self) -> None:
        """Some of the body has come, or all of it, or the connection was lost."""
        if not (self.more_body or self.taken or self.disconnected):
            self.connection.take(self)

    async def run_asgi(self, _: Any) -> None:
        """What uvicorn starts as the task of a request."""
        assert self.taken is not None  # noqa: S101 - started by `take` alone
        try:
            await self.connection.answer(self, self.taken)
        except CancelledError:
            # The server waits no longer; half an answer must not look whole.
            self.connection.transport.close()
            raise
