"""A rush: far more orders at once than there is stock. Exactly the stock is sold, and everybody gets an answer."""

import asyncio
import time
from collections import Counter

ORDERS = 1000
LONGEST = 60.0
"""Seconds: a bound on waiting, not a measure of speed."""


async def test_a_thousand_orders_at_once_for_a_hundred_units(shop, client, admin):
    headers = admin | {"Content-Type": "application/json"}

    async def one() -> tuple[int, str | None]:
        body = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 1}
        answer = await client.post("/api/orders", json=body, headers=headers)
        return answer.status_code, answer.json().get("code")

    started = time.monotonic()
    async with asyncio.timeout(LONGEST):
        answers = Counter(await asyncio.gather(*(one() for _ in range(ORDERS))))
    assert answers == {(201, None): 100, (409, "out-of-stock"): ORDERS - 100}, answers
    assert time.monotonic() - started < LONGEST
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 100)
    assert await shop.owner.fetchval("select count(*) from orders.orders") == 100
    held = await shop.owner.fetch("select state, count(*) as holds from catalog.hold group by 1")
    assert [(row["state"], row["holds"]) for row in held] == [("confirmed", 100)]
    assert await findings(shop) == []


async def test_a_rush_for_several_products_in_any_order_blocks_nobody(shop, client, admin):
    """Orders for two products, named in either order, beside cancellations and stock that comes and goes."""

    async def call(path: str, body: object) -> tuple[int, int | None]:
        answer = await client.post(path, json=body, headers=admin)
        return answer.status_code, answer.json().get("order_id")

    def order(*products: int) -> dict[str, object]:
        lines = [{"product_id": product_id, "quantity": 1} for product_id in products]
        return {"distributor_id": shop.sellers[3], "lines": lines}

    async def come_and_go(product_id: int) -> None:
        for delta in (5, -5) * 5:
            item = {"product_id": product_id, "delta": delta, "reason": "counted again"}
            answer = await client.post("/api/inventory/adjustments", json={"items": [item]}, headers=admin)
            assert answer.status_code in (200, 409), answer.text

    async def placed_and_cancelled(*products: int) -> int:
        status, order_id = await call("/api/orders", order(*products))
        assert status in (201, 409)
        if status == 201:
            assert (await call(f"/api/orders/{order_id}/cancel", {}))[0] == 200
        return status

    async with asyncio.timeout(LONGEST):
        answers = await asyncio.gather(
            *(call("/api/orders", order(shop.flour, shop.rice)) for _ in range(100)),
            *(call("/api/orders", order(shop.rice, shop.flour)) for _ in range(100)),
            *(placed_and_cancelled(shop.rice, shop.flour) for _ in range(20)),
            come_and_go(shop.flour),
            come_and_go(shop.rice),
        )
    statuses = Counter(answer[0] for answer in answers[:200])
    assert set(statuses) <= {201, 409}, statuses
    await shop.system.drain()
    sold = statuses[201]
    for product_id in (shop.flour, shop.rice):
        on_hand, reserved = await shop.stock(product_id)
        assert reserved == sold
        assert on_hand >= reserved
    assert await findings(shop) == []


async def findings(shop) -> list[object]:
    """What the checks of the warehouse and of orders find, nothing being on its way any more."""
    offers = [offer for offer in shop.system.offers if offer.name in ("catalog", "orders")]
    return [found for offer in offers for check in offer.checks async for found in check.findings()]
