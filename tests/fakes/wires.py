"""HTTP on a loopback socket for the played channels: each request is answered, answered late, or dropped without a word."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass
class Says:
    """One answer; `late` waits for ever, `none` closes the connection without a word."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    late: bool = False
    none: bool = False


@dataclass
class Money:
    """A transfer as the channel has it."""

    number: str
    amount_minor: int
    currency: str
    payee: str
    state: str
    reference: str


class Played:
    """渠道替身: a channel. `plan` says how the next transfers fare, `paid` counts what it paid under each number.

    `ok`, `lost` (the request never gets there), `drop` (done, and no answer), `late` (done, and the answer never ends),
    `forge` (done, and answered by somebody else), `wait` (the payee must confirm), `fail`, `poor` (not enough money).
    """

    def __init__(self) -> None:
        self.port = 0
        self.plan: list[str] = []
        self.asks: list[str] = []
        self.money: dict[str, Money] = {}
        self.paid: Counter[str] = Counter()
        self.requests: list[Asked] = []
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, asked: Asked) -> Says:
        raise NotImplementedError

    def fares(self) -> str:
        return self.plan.pop(0) if self.plan else "ok"

    def settle(self, number: str, state: str) -> None:
        """The channel's mind changes."""
        self.money[number].state = state
        if state in {"SUCCESS", "paid"}:
            self.paid[number] += 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            asked = Asked(method, target, headers, body)
            self.requests.append(asked)
            says = self.answer(asked)
            if says.none:
                return
            lines = [f"HTTP/1.1 {says.status} X", f"content-length: {len(says.body)}", "connection: close"]
            lines += [f"{name}: {value}" for name, value in says.headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + (says.body[:1] if says.late else says.body))
            await writer.drain()
            if says.late:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class Callback(Protocol):
    """What a played channel sends by itself."""

    def callback(self, number: str, *, forged: bool = False) -> tuple[dict[str, str], bytes]: ...


KEYS = ("merchant", "tencent", "application", "ant", "paypal", "somebody")
"""Whose keys there are; nobody knows `somebody`."""


@asynccontextmanager
async def playing(channels: Sequence[Played]) -> AsyncIterator[None]:
    """Listening on sockets of their own until the end of the block."""
    for name in KEYS:
        # Made before anybody waits for an answer: it takes a while.
        key(name)
    servers = []
    for one in channels:
        server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
        one.port = server.sockets[0].getsockname()[1]
        servers.append(server)
    try:
        yield
    finally:
        for server in servers:
            server.close()


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """A key of somebody, the same for the whole run."""
    assert name in KEYS
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(name: str) -> str:
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return key(name).private_bytes(serialization.Encoding.PEM, form, plain).decode()


def public_pem(name: str) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key(name).public_key().public_bytes(serialization.Encoding.PEM, form).decode()
