"""Calls to addresses that somebody typed in: never into a private network, never further than asked.

The name is resolved here, every address it has is checked, and the connection is made to a checked address itself.
Nothing resolves the name a second time, so a name that changes its address in between (DNS rebinding) gains nothing.
TLS and the header Host keep the name. Redirects are not followed, proxies of the environment not used, and of the
answer no more is read than is kept.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import cast

import httpcore
import httpx

from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.notifications.domain import addresses
from fenxiao.notifications.domain.addresses import Network
from fenxiao.notifications.domain.attempts import MAX_ANSWER, Fault, Outcome, fault_of, kept
from fenxiao.notifications.domain.urls import Target

DEADLINE = 20.0
"""Seconds for one attempt from the name to the last byte; a receiver that drips its answer gets no more."""

CONNECT = 5.0
SILENCE = 15.0
"""Seconds without a byte."""

LOOK_UP = 5.0
CONNECTIONS = 64
IDLE = 10.0
"""Seconds that a connection is kept for the next delivery to the same receiver."""

MAX_TRIED = 4
"""So many of a name's addresses are tried."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and a port to the addresses; `OSError` if there are none."""


class AddressRefused(Exception):  # noqa: N818 - says what happened
    """The host has an address that may not be called."""


class NameUnknown(Exception):  # noqa: N818
    """The host has no address."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver says; it also reads `127.1` and `0x7f000001`, which the check then sees through."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Gate:
    """Which addresses a scheme may reach: https the public ones and the allowed ones, http the allowed ones only."""

    def __init__(self, networks: Sequence[Network], resolve: Resolve) -> None:
        self.networks = networks
        self._resolve = resolve

    async def checked(self, scheme: str, host: str, port: int) -> list[str]:
        """The addresses of a host; `AddressRefused` if a single one may not be reached, `NameUnknown` without any."""
        try:
            async with asyncio.timeout(LOOK_UP):
                found = await self._resolve(host, port)
            parsed = [addresses.parsed(text) for text in dict.fromkeys(found)]
        # UnicodeError: a label of more than 63 letters.
        except (OSError, ValueError) as error:
            raise NameUnknown from error
        if not parsed:
            raise NameUnknown
        # One bad address among good ones is how a name leads in by the second attempt.
        if not all(self._may(scheme, address) for address in parsed):
            raise AddressRefused
        return [str(address) for address in parsed]

    def _may(self, scheme: str, address: addresses.Address) -> bool:
        allowed = addresses.is_allowed(address, self.networks)
        return allowed or (scheme == "https" and addresses.is_public(address))


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that the gate has let through, and to those very addresses."""

    def __init__(self, gate: Gate, scheme: str) -> None:
        self._gate, self._scheme = gate, scheme
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The first of the checked addresses that answers."""
        checked = await self._gate.checked(self._scheme, host, port)
        fault: Exception | None = None
        for address in checked[:MAX_TRIED]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
        raise fault or httpcore.ConnectError

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's own signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise AddressRefused

    async def sleep(self, seconds: float) -> None:
        """As the backend underneath."""
        await self._inner.sleep(seconds)


class Caller:
    """The way out to the receivers of webhooks."""

    def __init__(
        self,
        networks: Sequence[Network],
        clock: Clock,
        *,
        resolve: Resolve = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._gate = Gate(networks, resolve)
        self._clock = clock
        self._tls = tls

    async def examine(self, target: Target) -> None:
        """Refuse, for the field `url`, an address that could not be called now."""
        fault: FieldError | None = None
        if target.scheme == "http" and not self._gate.networks:
            message = (
                "Send an https address; plain http is for networks that the server's owner allows"
                " with FENXIAO_WEBHOOK_PRIVATE_NETWORKS."
            )
            raise Invalid(errors=(FieldError("url", message),))
        try:
            await self._gate.checked(target.scheme, target.host, target.port)
        except NameUnknown:
            fault = FieldError("url", "The host {host} cannot be found.", {"host": target.host})
        except AddressRefused:
            message = (
                "The host {host} may not be called: webhooks reach the public internet by https, and beyond it only"
                " the networks that the server's owner allows with FENXIAO_WEBHOOK_PRIVATE_NETWORKS."
            )
            fault = FieldError("url", message, {"host": target.host})
        if fault is not None:
            raise Invalid(errors=(fault,))

    @asynccontextmanager
    async def line(self) -> AsyncIterator["Line"]:
        """Connections for as long as the block lasts, which calls to one receiver share; none is left open after it."""
        line = Line(self._gate, self._clock, self._safe)
        try:
            yield line
        finally:
            await line.close()

    async def _safe(self) -> ssl.SSLContext:
        if self._tls is None:
            # Reading the authorities' certificates takes longer than the loop may stand still.
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        return self._tls


class Line:
    """Open connections to receivers; got from `Caller.line`."""

    def __init__(self, gate: Gate, clock: Clock, tls: Callable[[], Awaitable[ssl.SSLContext]]) -> None:
        self._gate = gate
        self._clock = clock
        self._tls = tls
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}

    async def post(self, target: Target, headers: Mapping[str, str], payload: bytes) -> Outcome:
        """One attempt; whatever goes wrong on the way is an outcome, not an exception."""
        at, started = self._clock(), time.perf_counter()

        def failed(fault: Fault) -> Outcome:
            return Outcome(at=at, milliseconds=_since(started), fault=fault)

        try:
            async with asyncio.timeout(DEADLINE):
                status, answer, wish = await self._exchange(target, headers, payload)
        except NameUnknown:
            return failed(Fault.NAME_UNKNOWN)
        except AddressRefused:
            return failed(Fault.ADDRESS_REFUSED)
        except (TimeoutError, httpcore.TimeoutException):
            return failed(Fault.TIMEOUT)
        except httpcore.ProtocolError:
            return failed(Fault.PROTOCOL)
        except (httpcore.NetworkError, OSError) as error:
            unsafe = any(isinstance(one, ssl.SSLError) for one in _chain(error))
            return failed(Fault.TLS_FAILED if unsafe else Fault.CONNECTION_FAILED)
        return Outcome(
            at=at,
            milliseconds=_since(started),
            fault=fault_of(status),
            status=status,
            answer=answer,
            wish=wish,
        )

    async def close(self) -> None:
        """Close what is open."""
        pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            await pool.aclose()

    async def _exchange(
        self, target: Target, headers: Mapping[str, str], payload: bytes
    ) -> tuple[int, str, timedelta | None]:
        pool = await self._pool(target.scheme)
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        whole = {"host": target.authority, **headers}
        waits = {"connect": CONNECT, "read": SILENCE, "write": SILENCE, "pool": DEADLINE}
        body = b""
        async with (
            pool.stream(
                "POST", url, headers=list(whole.items()), content=payload, extensions={"timeout": waits}
            ) as response,
            aclosing(cast("AsyncGenerator[bytes]", response.aiter_stream())) as stream,
        ):
            async for chunk in stream:
                body += chunk[: MAX_ANSWER - len(body)]
                if len(body) >= MAX_ANSWER:
                    break
        return response.status, kept(body), _wish(response.headers)

    async def _pool(self, scheme: str) -> httpcore.AsyncConnectionPool:
        tls = await self._tls() if scheme == "https" else None
        if scheme not in self._pools:
            self._pools[scheme] = httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=CONNECTIONS,
                keepalive_expiry=IDLE,
                network_backend=_CheckedBackend(self._gate, scheme),
            )
        return self._pools[scheme]


def _since(started: float) -> int:
    return int((time.perf_counter() - started) * 1000)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came of: the layers between TLS and us each wrap it in one of their own."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _wish(headers: Iterable[tuple[bytes, bytes]]) -> timedelta | None:
    """`Retry-After` in seconds; its other form, a date, rests on the receiver's clock and is left aside."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:  # noqa: PLR2004 - a year and more
            return timedelta(seconds=int(value))
    return None
