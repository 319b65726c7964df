"""What the catalogue's tests do again and again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest_asyncio

from fenxiao.catalog.api import HeldStock, Shipment, StockLine, StockRequest
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.events import Envelope

ADMIN_PASSWORD = "correct-horse-battery-staple"
TABLES = (
    "product",
    "product_tag",
    "category",
    "tags",
    "stock",
    "inventory",
    "stock_movement",
    "hold",
    "order_fact",
    "batch_recall",
    "stock_count",
    "stock_count_line",
    "import_file",
    "import_row",
    "outbox",
    "idempotency",
)


@dataclass
class Shop:
    """A shop with its products, holds as orders would take them, and the events that orders would send."""

    client: httpx.AsyncClient
    admin: dict[str, str]
    system: Any
    owner: Any
    login: Any
    ids: dict[str, int] = field(default_factory=dict)
    keys: Any = field(default_factory=lambda: count(1))

    @property
    def api(self) -> Any:
        return self.system.apis.catalog

    @property
    def now(self) -> datetime:
        return self.system.clock.now

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, json=body, headers={**self.admin, **wanted})

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.call("POST", path, body, **headers)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.call("PUT", path, body)

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.call("PATCH", path, body, **headers)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(path, params=query, headers=self.admin)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def turn(self, to: datetime) -> None:
        """Turn the clock, and sign in again: tokens live for minutes."""
        self.system.clock.now = to
        self.admin = await self.login("admin", ADMIN_PASSWORD)

    async def sells(self, name: str, *batches: tuple[int, str, str | None], **more: Any) -> int:
        """A new product with batches of (units, batch number, expiry date)."""
        answer = await self.post("/api/products", {"name": name, "price": "10.00", **more})
        assert answer.status_code == 201, answer.text
        product_id: int = answer.json()["product_id"]
        self.ids[name] = product_id
        for stock, batch_id, expiry_date in batches:
            body = {"stock": stock, "batch_id": batch_id, "expiry_date": expiry_date}
            assert (await self.put(f"/api/inventory/{product_id}", body)).status_code == 200
        return product_id

    def request(
        self, *units: tuple[str | int, int], key: str | None = None, at: datetime | None = None
    ) -> StockRequest:
        return StockRequest(
            caller="1",
            key=key or f"k{next(self.keys)}",
            lines=self.lines(*units),
            deadline=self.now + timedelta(minutes=1),
            at=at,
        )

    def lines(self, *units: tuple[str | int, int]) -> tuple[StockLine, ...]:
        return tuple(
            StockLine(product_id=self.ids.get(name, name), quantity=quantity) for name, quantity in units
        )

    async def hold(self, *units: tuple[str | int, int], key: str | None = None) -> Any:
        """One hold, or why not."""
        (answer,) = await self.api.hold_stock(requests=[self.request(*units, key=key)])
        return answer

    async def ordered(self, order_id: int, *units: tuple[str | int, int]) -> int:
        """An order that was placed: its hold is confirmed."""
        held = await self.hold(*units)
        assert isinstance(held, HeldStock), held
        await self.api.confirm_holds(holds=[(held.hold_id, order_id)])
        return held.hold_id

    def shipment(self, order_id: int, hold_id: int, *units: tuple[str | int, int]) -> Shipment:
        lines = self.lines(*units)
        deadline = self.now + timedelta(minutes=1)
        return Shipment(order_id=order_id, hold_id=hold_id, lines=lines, deadline=deadline, at=self.now)

    async def ship(self, order_id: int, hold_id: int, *units: tuple[str | int, int]) -> Any:
        (answer,) = await self.api.ship(shipments=[self.shipment(order_id, hold_id, *units)])
        return answer

    async def shipped(self, order_id: int, *units: tuple[str | int, int]) -> int:
        """An order that was placed and has left the warehouse."""
        hold_id = await self.ordered(order_id, *units)
        answer = await self.ship(order_id, hold_id, *units)
        assert not isinstance(answer, Exception), answer
        await self.hear(self.changed(order_id, "shipped"))
        return hold_id

    # What orders would tell

    def created(self, order_id: int, hold_id: int) -> Envelope:
        data = {"distributor_id": 1, "hold_id": hold_id, "currency": "CNY", "total_minor": 1}
        return self._event("order.created", order_id, data)

    def changed(self, order_id: int, status: str) -> Envelope:
        return self._event("order.status_changed", order_id, {"status": status, "previous": "paid"})

    def refunded(
        self, order_id: int, *units: tuple[str, int], restock: bool, shipped: bool, sequence: int = 1
    ) -> Envelope:
        data = {
            "refund_id": sequence,
            "sequence": sequence,
            "currency": "CNY",
            "amount_minor": 1,
            "units": [{"product_id": self.ids[name], "quantity": quantity} for name, quantity in units],
            "restock": restock,
            "shipped": shipped,
        }
        return self._event("order.refunded", order_id, data)

    def _event(self, kind: str, order_id: int, data: dict[str, Any]) -> Envelope:
        return Envelope(
            id=uuid4(),
            source="orders",
            type=kind,
            subject=f"orders/{order_id}",
            time=self.now,
            data={"order_id": order_id, "version": 1, **data},
            actor="account:9",
        )

    async def hear(self, *events: Envelope) -> None:
        """Deliver events twice in one batch each time, and then once more under other ids."""
        (consumer,) = self.offer.consumers
        await consumer.handle(Delivery(consumer.name, events))
        await consumer.handle(Delivery(consumer.name, events))
        again = tuple(Envelope(**{**_fields(event), "id": _other(event.id)}) for event in events)
        await consumer.handle(Delivery(consumer.name, again))

    # What there is

    @property
    def offer(self) -> Any:
        (offer,) = [offer for offer in self.system.offers if offer.name == "catalog"]
        return offer

    async def inventory(self, name: str) -> tuple[int, int, dict[str, int]]:
        """Sellable, reserved, and what lies in each batch."""
        found = await self.get(f"/api/inventory/{self.ids[name]}")
        batches = {batch["batch_id"]: batch["stock"] for batch in found["batches"]}
        return found["stock"], found["reserved"], batches

    async def movements(self, name: str) -> list[tuple[str, int, str]]:
        """(batch, delta, reason), the oldest first."""
        found = await self.get(f"/api/inventory/{self.ids[name]}/movements")
        return [(m["batch_id"], m["delta"], m["reason"]) for m in reversed(found["items"])]

    async def state(self, hold_id: int) -> str:
        state: str = await self.owner.fetchval("select state from catalog.hold where hold_id = $1", hold_id)
        return state

    async def everything(self) -> list[Any]:
        """All rows that a refusal must leave as they are."""
        return [await self.owner.fetch(f"select * from catalog.{table} order by 1, 2") for table in TABLES]

    async def findings(self, *, in_flight: bool = False) -> list[tuple[str, str]]:
        """What the checks find: (check, subject)."""
        return [
            (finding.check, finding.subject)
            for check in self.offer.checks
            async for finding in check.findings()
            if finding.in_flight is in_flight
        ]


def _fields(event: Envelope) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("source", "type", "subject", "time", "data", "actor")}


def _other(number: UUID) -> UUID:
    return UUID(int=number.int ^ 1)


@pytest_asyncio.fixture
async def bare(system, client, admin, owner, login) -> Shop:
    """A shop in which tests may plant faults."""
    return Shop(client, admin, system, owner, login)


@pytest_asyncio.fixture
async def shop(bare) -> AsyncIterator[Shop]:
    """An empty shop; whatever a test does in it, its numbers must agree in the end."""
    yield bare
    assert await bare.findings() == []


@pytest_asyncio.fixture
async def distributor(system, client, admin, login) -> dict[str, str]:
    """Headers of a distributor, who may look at what is sold."""
    body = {"username": "seller", "password": "a seller's password", "display_name": "Seller"}
    made = await client.post("/api/distributors", json=body, headers=admin)
    assert made.status_code == 201, made.text
    # The account can be used once identity has heard that its distributor exists.
    await system.drain()
    return await login("seller", "a seller's password")
