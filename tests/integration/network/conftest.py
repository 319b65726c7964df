"""What the network's tests do again and again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest_asyncio

from fenxiao.network.api import NewMember


@dataclass
class People:
    """Distributors made through the API, and the questions asked about them."""

    client: httpx.AsyncClient
    admin: dict[str, str]
    system: Any
    owner: Any
    login: Any
    ids: dict[str, int] = field(default_factory=dict)

    async def advance(self, **by: float) -> None:
        """Turn the clock, and sign in again: tokens live for minutes."""
        self.system.clock.advance(timedelta(**by))
        self.admin = await self.login("admin", "correct-horse-battery-staple")

    async def register(self, name: str, sponsor: str | None = None, **more: Any) -> httpx.Response:
        body = {"username": name, "password": f"password of {name}", "display_name": name.title(), **more}
        if sponsor is not None:
            body["sponsor_id"] = self.ids[sponsor]
        answer = await self.client.post("/api/distributors", json=body, headers=self.admin)
        if answer.status_code == 201:
            self.ids[name] = answer.json()["distributor_id"]
        return answer

    async def chain(self, *names: str) -> None:
        """Each sponsors the next."""
        for sponsor, name in zip((None, *names), names, strict=False):
            assert (await self.register(name, sponsor)).status_code == 201
        await self.system.drain()

    async def move(self, name: str, sponsor: str | None, **headers: str) -> httpx.Response:
        body = {"sponsor_id": None if sponsor is None else self.ids[sponsor]}
        return await self.put(name, "sponsor", body, **headers)

    async def put(self, name: str, what: str, body: Any, **headers: str) -> httpx.Response:
        address = f"/api/distributors/{self.ids[name]}/{what}"
        return await self.client.put(address, json=body, headers={**self.admin, **headers})

    async def get(
        self, name: str, what: str = "", headers: dict[str, str] | None = None, **query: Any
    ) -> httpx.Response:
        address = f"/api/distributors/{self.ids[name]}{what}"
        return await self.client.get(address, headers=headers or self.admin, params=query)

    async def post(self, name: str, what: str) -> httpx.Response:
        return await self.client.post(f"/api/distributors/{self.ids[name]}/{what}", headers=self.admin)

    async def upline(self, name: str, **query: Any) -> list[str]:
        found = await self.get(name, "/upline", **query)
        assert found.status_code == 200, found.text
        return [self.name(one["distributor_id"]) for one in found.json()["items"]]

    def name(self, distributor_id: int) -> str:
        return {number: name for name, number in self.ids.items()}[distributor_id]

    async def everything(self) -> list[Any]:
        """All rows that a refusal must leave as they are."""
        tables = (
            "distributor",
            "tree",
            "tree_change",
            "sponsor_link",
            "standing",
            "outbox",
            "grade",
            "idempotency",
        )
        return [await self.owner.fetch(f"select * from network.{table} order by 1, 2") for table in tables]

    async def members(self, *pairs: tuple[str, str | None]) -> list[Any]:
        """Members brought in bulk: (external id, external id of the sponsor)."""
        wanted = [member(name, sponsor) for name, sponsor in pairs]
        answers = await self.system.apis.network.register_members(members=wanted)
        self.ids |= {
            name: answer for (name, _), answer in zip(pairs, answers, strict=True) if isinstance(answer, int)
        }
        return answers

    async def findings(self) -> list[Any]:
        """What the checks of the network find."""
        (offer,) = [offer for offer in self.system.offers if offer.name == "network"]
        return [finding for check in offer.checks async for finding in check.findings()]


def member(name: str, sponsor: str | None = None) -> NewMember:
    joined = datetime(2010, 1, 1, tzinfo=UTC)
    return NewMember(external_id=name, display_name=name, joined_at=joined, sponsor_external_id=sponsor)


@pytest_asyncio.fixture
async def people(system, client, admin, owner, login) -> AsyncIterator[People]:
    """Nobody yet; whatever a test does, the tree must be sound in the end."""
    made = People(client, admin, system, owner, login)
    yield made
    assert await made.findings() == []
    assert await system.parked() == 0
