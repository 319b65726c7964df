"""A shop with two sellers, three products and a plan, whose sales have a time of their own."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import httpx
import pytest_asyncio

from fenxiao.catalog.api import NewProduct, StockChange
from fenxiao.kernel.errors import Refusal
from fenxiao.network.api import NewMember
from fenxiao.orders.api import NewLine, NewOrder, NewRefund, RefundUnits, Transition

PLAN = {
    "name": "figures",
    "currency": "CNY",
    "accrue_on": "completed",
    "components": [{"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}],
}
MIDDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Shop:
    """What the tests start from, and short words for what they do."""

    system: Any
    owner: asyncpg.Connection
    sellers: list[int]
    products: list[int]
    http: httpx.AsyncClient
    admin: dict[str, str]
    numbers: Any = field(default_factory=lambda: count(1))

    async def sell(
        self, *lines: tuple[int, int], at: datetime = MIDDAY, seller: int = 2, paid: bool = True
    ) -> Any:
        """An order for (place of the product, quantity) each, placed and paid at a moment."""
        new = NewOrder(
            caller="test",
            key=f"sale {next(self.numbers)}",
            distributor_id=self.sellers[seller],
            lines=tuple(NewLine(product_id=self.products[place], quantity=units) for place, units in lines),
            may_set_price=paid,
            paid=paid,
            at=at,
        )
        (answer,) = await self.system.apis.orders.place_orders(orders=[new])
        assert not isinstance(answer, Refusal), answer
        return answer

    async def complete(self, order: Any, at: datetime) -> None:
        orders = self.system.apis.orders
        step = Transition(order_id=order.order_id, at=at)
        assert await orders.ship_orders(orders=[step]) == [None]
        assert await orders.complete_orders(orders=[step]) == [None]

    async def refund(
        self, order: Any, *lines: tuple[int, int], at: datetime, amount: int | None = None
    ) -> None:
        """Refund (place of the line, units) each, or an amount in minor units."""
        units = tuple(RefundUnits(line_id=order.lines[place].line_id, quantity=n) for place, n in lines)
        new = NewRefund(order_id=order.order_id, lines=units, amount_minor=amount, at=at)
        (answer,) = await self.system.apis.orders.refund_orders(refunds=[new])
        assert not isinstance(answer, Refusal), answer

    async def report(
        self, group_by: str, headers: dict[str, str] | None = None, **params: Any
    ) -> list[dict[str, Any]]:
        """All rows of the sales report, page by page."""
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            query = {"group_by": group_by, "limit": 2, **params} | ({"cursor": cursor} if cursor else {})
            answer = await self.http.get("/api/reports/sales", params=query, headers=headers or self.admin)
            assert answer.status_code == 200, answer.text
            rows += answer.json()["items"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return rows

    async def figures(self) -> tuple[list[Any], list[Any]]:
        """Both tables, whole."""
        facts = await self.owner.fetch("select * from analytics.sales_fact order by order_id, kind, sequence")
        report = await self.owner.fetch("select * from analytics.sales_report order by slot, distributor_id")
        return [tuple(row) for row in facts], [tuple(row) for row in report]

    async def findings(self) -> list[Any]:
        """What the checks of analytics find."""
        (offer,) = [offer for offer in self.system.offers if offer.name == "analytics"]
        return [finding for check in offer.checks async for finding in check.findings()]


@pytest_asyncio.fixture
async def shop(
    system: Any, owner: asyncpg.Connection, client: httpx.AsyncClient, admin: dict[str, str]
) -> Shop:
    """A ← B ← C, and products at 50.00, 3.33 and 0.01; a plan in effect long since."""
    joined = MIDDAY - timedelta(days=300)
    sellers = await system.apis.network.register_members(
        members=[
            NewMember(external_id=name, display_name=name, joined_at=joined, sponsor_external_id=sponsor)
            for name, sponsor in [("A", None), ("B", "A"), ("C", "B")]
        ]
    )
    products = await system.apis.catalog.create_products(
        products=[
            NewProduct(sku=sku, name=sku, currency="CNY", price_minor=price, cost_minor=None, tags=())
            for sku, price in [("flour", 5000), ("rice", 333), ("bag", 1)]
        ]
    )
    stock = [
        StockChange(product_id=product_id, delta=10_000, batch_id="B1", reason="opening")
        for product_id in products
    ]
    await system.apis.catalog.change_stock(changes=stock, key="opening")
    await system.apis.rules.publish_once(document=PLAN, effective_from=joined)
    await system.drain()
    return Shop(system, owner, sellers, products, client, admin)
