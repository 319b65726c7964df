"""A filled system: one for all cases, because filling it takes longer than all of them."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest_asyncio
from tests.conftest import ADMIN_PASSWORD, TEMPLATE, Server, place
from tests.integration.plans import rows
from tests.integration.plans.cases import BUYER
from tests.integration.plans.plans import BIG, Recorder, recorder

from fenxiao.entrypoints.compose import System, composed
from fenxiao.entrypoints.web import application
from fenxiao.orders.queries.known import buyer_index

__all__ = ["recorder"]


class Filled:
    """The filled system, its HTTP, and who may ask."""

    def __init__(
        self, system: System, http: httpx.AsyncClient, recorder: Recorder, big: dict[str, float]
    ) -> None:
        self.system = system
        self.http = http
        self.recorder = recorder
        self.big = big
        self._headers: dict[str, dict[str, str]] = {}

    async def headers(self, username: str) -> dict[str, str]:
        """Headers of a real token."""
        if username not in self._headers:
            form = {"grant_type": "password", "username": username, "password": ADMIN_PASSWORD}
            answer = await self.http.post("/oauth2/token", data=form | {"client_id": "fenxiao-console"})
            assert answer.status_code == 200, answer.text
            self._headers[username] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return self._headers[username]

    async def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        answer: dict[str, Any] = (await self.http.get("/openapi.json")).json()
        return answer


@pytest_asyncio.fixture(scope="session")
async def filled(server: Server, recorder: Recorder) -> AsyncIterator[Filled]:
    """All contexts on a database with many rows."""
    name = f"plans_{uuid4().hex[:8]}"
    dsn = server.database(name)
    owner = await asyncpg.connect(server.dsn)
    try:
        await owner.execute(f"create database {name} template {TEMPLATE}")
        async with composed(place(server, dsn)) as system:
            await system.start()
            transport = httpx.ASGITransport(app=application(system))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
                found = Filled(system, http, recorder, {})
                await _draft(found)
                await rows.fill(dsn, buyer_index(system.place.cipher, BUYER))
                found.big = await _big(dsn)
                yield found
        await owner.execute(f"drop database {name} with (force)")
    finally:
        await owner.close()


async def _draft(filled: Filled) -> None:
    """One real plan, of which the many are copies."""
    plan = {
        "name": "p",
        "currency": "CNY",
        "components": [{"type": "unilevel", "name": "up", "levels": ["0.10"]}],
    }
    answer = await filled.http.post("/api/rules", json=plan, headers=await filled.headers("admin"))
    assert answer.status_code == 201, answer.text


async def _big(dsn: str) -> dict[str, float]:
    connection = await asyncpg.connect(dsn)
    try:
        found = await connection.fetch(
            "select relnamespace::regnamespace::text || '.' || relname as name, reltuples from pg_class"
            " where relkind = 'r' and reltuples >= $1 and relnamespace::regnamespace::text = any($2::text[])",
            BIG,
            list(rows.ALL),
        )
        return {row["name"]: row["reltuples"] for row in found}
    finally:
        await connection.close()
