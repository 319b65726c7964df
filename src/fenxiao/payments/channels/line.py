"""Calls to a channel: to its configured address alone, nowhere it redirects to, and never without an end."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

DEADLINE = 20.0
"""Seconds from the connection to the last byte."""

CONNECT = 5.0
MOST = 1024 * 1024
"""Bytes that are read of an answer."""

CODE = re.compile(r"[0-9A-Za-z_.:\-]{1,100}", re.ASCII)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class NoAnswer(Exception):  # noqa: N818 - says what happened
    """The channel did not answer. `sent` is false where the request cannot have reached it."""

    def __init__(self, *, sent: bool) -> None:
        self.sent = sent
        super().__init__()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back; header names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object; an empty one if it is none."""
        return read_object(self.body)


def read_object(body: bytes | str) -> dict[str, Any]:
    """JSON as an object; an empty one if it is none. Numbers with a fraction come as texts, exact."""
    try:
        found = msgspec.json.Decoder(float_hook=str).decode(body)
    except msgspec.MsgspecError:
        return {}
    return found if isinstance(found, dict) else {}


def part(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A member that should be an object."""
    inner = found.get(name)
    return inner if isinstance(inner, dict) else {}


def text(found: Mapping[str, Any], name: str) -> str | None:
    """A member that should be a text of some length."""
    value = found.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= 1000 else None  # noqa: PLR2004


def code(value: str | None) -> str | None:
    """A channel's own word, if it looks like one: what looks otherwise may name a person and is not kept."""
    return value if value is not None and CODE.fullmatch(value) else None


def reached(url: str) -> bool:
    """Whether a channel may have this address: https, or http on this very machine."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    clean = not (parts.username or parts.password or parts.query or parts.fragment)
    return clean and bool(parts.hostname) and (parts.scheme == "https" or plain)


class Line:
    """The way to one channel."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._tls: ssl.SSLContext | None = None

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str], content: bytes = b""
    ) -> Reply:
        """One request; NoAnswer if there is no whole answer to it in time."""
        tls: ssl.SSLContext | bool = await self._safe() if self._url.startswith("https") else False
        try:
            async with (
                asyncio.timeout(DEADLINE),
                # trust_env off: no proxy of the environment sees a payee.
                httpx.AsyncClient(
                    verify=tls, timeout=httpx.Timeout(DEADLINE, connect=CONNECT), trust_env=False
                ) as client,
                client.stream(method, self._url + path, headers=dict(headers), content=content) as answer,
            ):
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MOST:
                        raise NoAnswer(sent=True)
        except NEVER_SENT as error:
            raise NoAnswer(sent=False) from error
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise NoAnswer(sent=True) from error
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(status=answer.status_code, headers=names, body=body)

    async def _safe(self) -> ssl.SSLContext:
        if self._tls is None:
            # Reading the authorities' certificates takes longer than the loop may stand still.
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        return self._tls
