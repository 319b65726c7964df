"""A shop with four sellers in a chain, two products and a plan, on the real contexts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import asyncpg
import pytest_asyncio

from fenxiao.catalog.api import NewProduct, StockChange
from fenxiao.kernel.errors import Refusal
from fenxiao.network.api import NewMember
from fenxiao.orders.api import NewLine, NewOrder, NewRefund, RefundUnits, Transition

PLAN = {
    "name": "walk",
    "currency": "CNY",
    "accrue_on": "completed",
    "hold_days": 0,
    "rounding": "half_up",
    "base": "paid_amount",
    "max_payout_rate": "0.5",
    "components": [{"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}],
    "rewards": [],
}


@dataclass
class Shop:
    """What tests of orders start from, and short words for what they do."""

    system: Any
    owner: asyncpg.Connection
    sellers: list[int]
    flour: int
    rice: int
    rule_id: int
    numbers: Any = field(default_factory=count)

    @property
    def orders(self) -> Any:
        return self.system.apis.orders

    def new(self, *lines: tuple[int, int], **changes: Any) -> NewOrder:
        """An order of the last seller for (product, quantity) each; one flour if nothing is said."""
        values = {
            "caller": "test",
            "key": str(uuid4()),
            "distributor_id": self.sellers[-1],
            "lines": tuple(
                NewLine(product_id=product_id, quantity=quantity)
                for product_id, quantity in lines or [(self.flour, 1)]
            ),
        }
        return NewOrder(**(values | changes))

    async def place(self, *lines: tuple[int, int], **changes: Any) -> Any:
        """Place one order; a refusal is raised."""
        (answer,) = await self.orders.place_orders(orders=[self.new(*lines, **changes)])
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def paid(self, *lines: tuple[int, int], **changes: Any) -> Any:
        """Place one order that arrives paid."""
        return await self.place(*lines, paid=True, may_set_price=True, **changes)

    async def ship(self, order_id: int) -> Refusal | None:
        (answer,) = await self.orders.ship_orders(orders=[Transition(order_id=order_id)])
        return answer

    async def complete(self, order_id: int) -> Refusal | None:
        (answer,) = await self.orders.complete_orders(orders=[Transition(order_id=order_id)])
        return answer

    async def refund(
        self, order_id: int, *lines: tuple[int, int], amount: int | None = None, **changes: Any
    ) -> Any:
        """Refund (line, units) each, or an amount in minor units."""
        new = NewRefund(
            order_id=order_id,
            lines=tuple(RefundUnits(line_id=line_id, quantity=quantity) for line_id, quantity in lines),
            amount_minor=amount,
            **changes,
        )
        (answer,) = await self.orders.refund_orders(refunds=[new])
        return answer

    async def history(self, order_id: int) -> Any:
        (history,) = await self.orders.histories(order_ids=[order_id])
        return history

    async def stock(self, product_id: int) -> tuple[int, int]:
        """Units in the warehouse and those of them that are reserved."""
        row = await self.owner.fetchrow(
            "select on_hand, reserved from catalog.stock where product_id = $1", product_id
        )
        return row["on_hand"], row["reserved"]

    async def rows(self) -> dict[str, int]:
        """How many rows each table of orders has: what a refusal must leave alone. Interned facts are no order."""
        tables = await self.owner.fetch(
            "select relname from pg_class where relnamespace = 'orders'::regnamespace and relkind = 'r'"
        )
        left_out = {"alembic_version", "product_facts", "hold_outcome"}
        names = sorted({row["relname"] for row in tables} - left_out)
        return {name: await self.owner.fetchval(f'select count(*) from orders."{name}"') for name in names}

    async def findings(self) -> list[Any]:
        """What the checks of orders find."""
        (offer,) = [offer for offer in self.system.offers if offer.name == "orders"]
        return [finding for check in offer.checks async for finding in check.findings()]


async def stocked(system: Any, prices: Sequence[tuple[str, int | None, int | None]], units: int) -> list[int]:
    """Products by (sku, price, cost), each with so many units in one batch."""
    products = await system.apis.catalog.create_products(
        products=[
            NewProduct(sku=sku, name=sku, currency="CNY", price_minor=price, cost_minor=cost, tags=("热销",))
            for sku, price, cost in prices
        ]
    )
    changes = [
        StockChange(product_id=product_id, delta=units, batch_id="B1", reason="opening")
        for product_id in products
    ]
    await system.apis.catalog.change_stock(changes=changes, key=f"opening {prices[0][0]}")
    return products


@pytest_asyncio.fixture
async def shop(system: Any, owner: asyncpg.Connection) -> Shop:
    """A ← B ← C ← D, flour at 50.00 (cost 30.00), rice at 3.33 (cost 1.00), 100 units of each, a plan in effect."""
    joined = system.clock.now - timedelta(days=30)
    sellers = await system.apis.network.register_members(
        members=[
            NewMember(external_id=name, display_name=name, joined_at=joined, sponsor_external_id=sponsor)
            for name, sponsor in [("A", None), ("B", "A"), ("C", "B"), ("D", "C")]
        ]
    )
    flour, rice = await stocked(system, [("flour", 5000, 3000), ("rice", 333, 100)], 100)
    rule_id = await system.apis.rules.publish_once(document=PLAN, effective_from=joined)
    await system.drain()
    return Shop(system, owner, sellers, flour, rice, rule_id)


class Interrupted(BaseException):
    """A kill at an awkward moment: nothing that handles errors may see it."""


class Between:
    """A port with something that happens just before or just after one of its calls, once."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)

        async def watched(**asked: Any) -> Any:
            if name in self.before:
                await self.before.pop(name)()
            answer = await call(**asked)
            if name in self.after:
                await self.after.pop(name)()
            return answer

        return watched


@pytest_asyncio.fixture
async def warehouse(shop: Shop) -> Between:
    """The catalogue as orders see it, where tests can come between."""
    between = Between(shop.orders._catalog)
    for user in (shop.orders, shop.orders._placing, shop.orders._shipping):
        user._catalog = between
    return between


@pytest_asyncio.fixture
async def interrupted() -> type[BaseException]:
    """What a kill raises."""
    return Interrupted
