"""Every action in every state: what follows does, all else is a conflict that names both states and changes nothing."""

import pytest

WAYS = {
    "pending": (),
    "paid": ("pay",),
    "shipped": ("pay", "ship"),
    "completed": ("pay", "ship", "complete"),
    "cancelled": ("cancel",),
    "refunded": ("pay", "refunds"),
}
MAKES = {
    "pay": "paid",
    "ship": "shipped",
    "complete": "completed",
    "cancel": "cancelled",
    "refunds": "refunded",
}
ALLOWED = {
    ("pending", "pay"),
    ("pending", "cancel"),
    ("paid", "ship"),
    ("shipped", "complete"),
    ("paid", "refunds"),
    ("shipped", "refunds"),
    ("completed", "refunds"),
}


@pytest.mark.parametrize("state", WAYS)
async def test_every_action_in_a_state(state, shop, client, admin):
    async def act(order_id, action):
        body = {"full": True} if action == "refunds" else {}
        return await client.post(f"/api/orders/{order_id}/{action}", json=body, headers=admin)

    async def brought():
        sale = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 2}
        order_id = (await client.post("/api/orders", json=sale, headers=admin)).json()["order_id"]
        for action in WAYS[state]:
            answer = await act(order_id, action)
            assert answer.is_success, answer.text
        await shop.system.drain()
        return order_id

    async def seen(order_id):
        order = (await client.get(f"/api/orders/{order_id}", headers=admin)).json()
        return order, await shop.rows(), await shop.stock(shop.flour)

    order_id = await brought()
    assert (await seen(order_id))[0]["status"] == state
    for action, wanted in MAKES.items():
        if (state, action) in ALLOWED:
            continue
        before = await seen(order_id)
        answer = await act(order_id, action)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state"), (state, action)
        assert answer.json()["detail"] == f"Order {order_id} is {state}; it cannot become {wanted}."
        await shop.system.drain()
        assert await seen(order_id) == before, (state, action)
    for allowed_in, action in sorted(ALLOWED):
        if allowed_in != state:
            continue
        other = await brought()
        answer = await act(other, action)
        assert answer.is_success, answer.text
        assert (await client.get(f"/api/orders/{other}", headers=admin)).json()["status"] == MAKES[action]
    assert await shop.findings() == []
