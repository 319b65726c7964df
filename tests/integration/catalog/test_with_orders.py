"""The warehouse beside the real orders: what people do there is what lies here."""

import pytest_asyncio


@pytest_asyncio.fixture
async def seller(system, client, admin) -> int:
    body = {"username": "seller", "password": "a seller's password", "display_name": "Seller"}
    made = await client.post("/api/distributors", json=body, headers=admin)
    assert made.status_code == 201, made.text
    if made.json()["status"] != "active":
        await client.post(f"/api/distributors/{made.json()['distributor_id']}/activate", headers=admin)
    await system.drain()
    return made.json()["distributor_id"]


async def order(shop, seller: int, quantity: int, *steps: str) -> dict:
    body = {"distributor_id": seller, "product_id": shop.ids["milk"], "quantity": quantity}
    made = await shop.post("/api/orders", body)
    assert made.status_code == 201, made.text
    for step in steps:
        done = await shop.post(f"/api/orders/{made.json()['order_id']}/{step}", {})
        assert done.status_code == 200, done.text
    return made.json()


async def refund(shop, placed: dict, quantity: int, *, restock: bool) -> None:
    body = {"lines": [{"line_id": placed["lines"][0]["line_id"], "quantity": quantity}], "restock": restock}
    done = await shop.post(f"/api/orders/{placed['order_id']}/refunds", body)
    assert done.status_code in (200, 201), done.text


async def test_stock_follows_the_life_of_orders(shop, seller) -> None:
    await shop.sells("milk", (10, "soon", "2099-04-01"), (40, "late", "2099-09-01"))
    placed = await order(shop, seller, 12, "pay", "ship")
    await order(shop, seller, 5, "cancel")
    waiting = await order(shop, seller, 8, "pay")
    refused = await shop.post(
        "/api/orders", {"distributor_id": seller, "product_id": shop.ids["milk"], "quantity": 31}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "out-of-stock")
    await shop.system.drain()
    assert await shop.inventory("milk") == (30, 8, {"soon": 0, "late": 38})
    await refund(shop, placed, 4, restock=True)
    await refund(shop, waiting, 3, restock=False)
    await refund(shop, waiting, 1, restock=True)
    await shop.system.drain()
    # Four came back: two to the batch opened last, two to the other. Of those the lost three were taken first.
    assert await shop.inventory("milk") == (35, 4, {"soon": 0, "late": 39})
    done = await shop.post(f"/api/orders/{waiting['order_id']}/ship", {})
    assert done.status_code == 200, done.text
    await shop.system.redeliver()
    await shop.system.redeliver()
    assert await shop.inventory("milk") == (35, 0, {"soon": 0, "late": 35})
    assert await shop.findings(in_flight=True) == []
