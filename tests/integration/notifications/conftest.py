"""A system whose webhooks may reach this machine, a receiver, and short words for what the tests do over and over."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from ipaddress import ip_network
from typing import Any

import httpx
import pytest_asyncio
from tests.conftest import ADMIN_PASSWORD, Server, TestedSystem, place
from tests.integration.notifications.receiver import Receiver, listening

from fenxiao.entrypoints.compose import composed

LOOPBACK = (ip_network("127.0.0.0/8"),)


Call = Callable[..., Awaitable[Any]]
Login = Callable[[str, str], Awaitable[dict[str, str]]]


@pytest_asyncio.fixture
async def system(server: Server, dsn: str) -> AsyncIterator[TestedSystem]:
    """All contexts; webhooks may reach 127.0.0.0/8."""
    async with composed(place(server, dsn, private_networks=LOOPBACK)) as whole:
        whole.__class__ = TestedSystem
        await whole.start()
        yield whole


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with listening() as one:
        yield one


@pytest_asyncio.fixture
async def call(client: httpx.AsyncClient, login: Login, system: TestedSystem) -> Call:
    """Ask as the administrator, get the decoded answer; `status` says which one is expected, any success if left out."""
    signed_in: dict[datetime, dict[str, str]] = {}

    async def ask(
        method: str, path: str, body: Any = None, *, status: int | None = None, headers: Any = None
    ) -> Any:
        # These tests turn the clock by days; a token lives for minutes.
        if (now := system.clock.now) not in signed_in:
            signed_in[now] = await login("admin", ADMIN_PASSWORD)
        answer = await client.request(method, path, json=body, headers=signed_in[now] | (headers or {}))
        if status is None:
            assert answer.is_success, (method, path, answer.text)
        else:
            assert answer.status_code == status, (method, path, answer.text)
        return answer.json() if answer.content else None

    return ask


@pytest_asyncio.fixture
async def hook(call: Call, receiver: Receiver) -> dict[str, Any]:
    """A webhook for changes of products, with its secret."""
    return await call("POST", "/api/webhooks", {"url": receiver.url, "event_types": ["product.changed"]})


@pytest_asyncio.fixture
async def happen(call: Call, system: TestedSystem) -> Callable[[int], Awaitable[list[str]]]:
    """So many events of type product.changed, brought to the queue of deliveries."""

    async def products(count: int = 1) -> list[str]:
        for _ in range(count):
            await call("POST", "/api/products", {"name": "flour"})
        await system.drain()
        rows = await system.databases["catalog"].fetch(
            "select event_id from outbox where type = 'product.changed' order by seq desc limit $1", count
        )
        return [str(row["event_id"]) for row in reversed(rows)]

    return products
