"""Somebody's server that gets our webhooks: a real one on a socket, which answers as it is told and keeps what came."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Received:
    """One call as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)

    def signed_by(self, secret: str) -> bool:
        """Verified as the specification tells receivers to, by nothing of ours."""
        key = base64.b64decode(secret.split("_", 1)[1])
        content = ".".join(
            [self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body.decode()]
        )
        expected = base64.b64encode(hmac.new(key, content.encode(), hashlib.sha256).digest()).decode()
        given = [part.split(",", 1) for part in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(one, expected) for version, one in given)


@dataclass
class Reply:
    """What the receiver says; `drip` sends the body byte by byte and never ends."""

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: asyncio.Event | None = None
    hang: bool = False
    raw: bytes | None = None


@dataclass
class Receiver:
    """Where it listens, what came, what it answers: `replies` one after another, then `always`."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    always: Reply = field(default_factory=Reply)
    by_path: dict[str, Reply] = field(default_factory=dict)
    connections: int = 0
    at_once: dict[str, int] = field(default_factory=dict)
    most_at_once: dict[str, int] = field(default_factory=dict)
    on_call: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = head[0].split(" ")[1]
        self.received.append(Received(path, headers, body))
        self.at_once[path] = self.at_once.get(path, 0) + 1
        self.most_at_once[path] = max(self.most_at_once.get(path, 0), self.at_once[path])
        self.on_call()
        try:
            reply = self.by_path.get(path) or (self.replies.pop(0) if self.replies else self.always)
            return await _answer(reply, writer)
        finally:
            self.at_once[path] -= 1


async def _answer(reply: Reply, writer: asyncio.StreamWriter) -> bool:
    if reply.wait is not None:
        await reply.wait.wait()
    if reply.raw is not None:
        writer.write(reply.raw)
        await writer.drain()
        return False
    length = 10_000 if reply.hang else len(reply.body)
    lines = [f"HTTP/1.1 {reply.status} Whatever", f"content-length: {length}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + reply.body)
    await writer.drain()
    while reply.hang:
        await asyncio.sleep(0.05)
        writer.write(b".")
        await writer.drain()
    return True


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver for the length of a test."""
    receiver = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
