"""Orders over HTTP: the calls of the original, permissions, idempotency, lists, errors in two languages."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest_asyncio


@pytest_asyncio.fixture
async def d(shop, client, admin, login):
    """Headers of a distributor with a login, who stands below C, and its id."""
    name = f"d{uuid4().hex[:8]}"
    body = {
        "username": name,
        "password": "Pw-long-enough-1",
        "display_name": "D",
        "sponsor_id": shop.sellers[2],
    }
    answer = await client.post("/api/distributors", json=body, headers=admin)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    if made["status"] != "active":
        await client.post(f"/api/distributors/{made['distributor_id']}/activate", json={}, headers=admin)
    await shop.system.drain()
    return made["distributor_id"], await login(name, "Pw-long-enough-1")


async def test_the_literal_call_of_the_original(shop, client, admin):
    body = f'{{"distributor_id": {shop.sellers[3]}, "product_id": {shop.flour}, "quantity": 10, "total_price": 500.00}}'
    headers = admin | {"Content-Type": "application/json"}
    answer = await client.post("/api/orders", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    order = answer.json()
    assert order["status"] == "pending"
    assert (order["total_price"], order["currency"]) == ("500.00", "CNY")
    assert (order["product_id"], order["quantity"]) == (shop.flour, 10)
    assert [
        (line["product_id"], line["quantity"], line["unit_price"], line["amount"]) for line in order["lines"]
    ] == [(shop.flour, 10, "50.00", "500.00")]
    assert answer.headers["location"] == f"/api/orders/{order['order_id']}"
    read = (await client.get(answer.headers["location"], headers=admin)).json()
    assert {name: read[name] for name in order if name != "lines"} == {
        name: value for name, value in order.items() if name != "lines"
    }
    assert read["lines"][0]["name"] == "flour"


async def test_the_lines_form(shop, client, admin):
    lines = [
        {"product_id": shop.rice, "quantity": 3},
        {"product_id": shop.flour, "quantity": 1, "unit_price": "50"},
    ]
    body = {"distributor_id": shop.sellers[3], "lines": lines, "total_price": "59.99", "buyer": "Wang"}
    order = (await client.post("/api/orders", json=body, headers=admin)).json()
    assert [line["product_id"] for line in order["lines"]] == [shop.rice, shop.flour]
    assert (order["product_id"], order["quantity"], order["total_price"]) == (None, None, "59.99")
    read = (await client.get(f"/api/orders/{order['order_id']}", headers=admin)).json()
    assert (read["buyer"], read["refunded"], read["refunds"]) == ("Wang", "0.00", [])


async def test_what_is_wrong_with_a_body_is_said_field_by_field(shop, client, admin):
    one = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 1}
    lines = {"distributor_id": shop.sellers[3], "lines": [{"product_id": shop.flour, "quantity": 1}]}
    unknown = {"product_id": 999_999, "quantity": 1}
    cases = [
        ({"distributor_id": shop.sellers[3]}, {"product_id", "quantity"}),
        (one | {"quantity": 0}, {"quantity"}),
        (one | {"quantity": True}, {"quantity"}),
        (one | {"quantity": "1"}, {"quantity"}),
        (one | {"quantity": 2**31}, {"quantity"}),
        (one | {"total_price": "50.001"}, {"total_price"}),
        (one | {"total_price": -50}, {"total_price"}),
        (one | {"total_price": "49.99"}, {"total_price"}),
        (one | {"external_id": ""}, {"external_id"}),
        (one | {"nonsense": 1}, {"nonsense"}),
        (one | unknown, {"product_id"}),
        (lines | {"quantity": 1}, {"quantity"}),
        (lines | {"lines": []}, {"lines"}),
        (lines | {"lines": [{"product_id": shop.flour, "quantity": -1}]}, {"lines.0.quantity"}),
        (lines | {"lines": [*lines["lines"], unknown]}, {"lines.1.product_id"}),
    ]
    # An administrator may set prices; for the price list to count, somebody who may not has to ask.
    before = await shop.rows()
    for body, fields in cases:
        answer = await client.post("/api/orders", json=body, headers=admin)
        if body.get("total_price") == "49.99":
            assert answer.json()["total_price"] == "49.99"
            before = await shop.rows()
            continue
        assert answer.status_code == 422, (body, answer.text)
        assert {error["field"] for error in answer.json()["errors"]} == fields, (body, answer.text)
        assert await shop.rows() == before, body


async def test_a_wrong_total_is_answered_with_the_right_one(shop, client, d):
    number, headers = d
    body = {"distributor_id": number, "product_id": shop.flour, "quantity": 10, "total_price": 499}
    answer = await client.post("/api/orders", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "price-mismatch")
    assert "500.00" in answer.json()["detail"]
    chinese = await client.post("/api/orders", json=body, headers=headers | {"Accept-Language": "zh-CN"})
    assert "500.00" in chinese.json()["detail"]
    assert "价" in chinese.json()["detail"]
    assert await shop.stock(shop.flour) == (100, 0)


async def test_too_little_stock(shop, client, admin):
    body = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 101}
    answer = await client.post("/api/orders", json=body, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "out-of-stock")


async def test_a_suspended_distributor(shop, client, admin):
    await client.post(f"/api/distributors/{shop.sellers[3]}/suspend", json={}, headers=admin)
    body = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 1}
    answer = await client.post("/api/orders", json=body, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "distributor-suspended")


async def test_without_a_token(client, shop):
    placed = await shop.place()
    assert (await client.get(f"/api/orders/{placed.order_id}")).status_code == 401
    assert (await client.get("/api/orders")).status_code == 401
    assert (await client.post("/api/orders", json={})).status_code == 401


async def test_a_distributor_does_only_what_is_its_own(shop, client, admin, d):
    number, headers = d
    body = {"distributor_id": number, "product_id": shop.flour, "quantity": 1, "total_price": "50.00"}
    placed = await client.post("/api/orders", json=body, headers=headers)
    assert placed.status_code == 201, placed.text
    own = f"/api/orders/{placed.json()['order_id']}"
    other = f"/api/orders/{(await shop.place()).order_id}"
    before = await shop.rows()

    assert (await client.get(own, headers=headers)).status_code == 200
    assert (await client.get(f"{own}/history", headers=headers)).status_code == 200
    listed = (await client.get("/api/orders", headers=headers)).json()["items"]
    assert [order["order_id"] for order in listed] == [placed.json()["order_id"]]
    mine = await client.get(f"/api/orders?distributor_id={number}", headers=headers)
    assert len(mine.json()["items"]) == 1
    foreign = await client.get(f"/api/orders?distributor_id={shop.sellers[3]}", headers=headers)
    assert foreign.json()["items"] == []

    # Nobody pays for himself: 403 for what he may see, 404 for what he may not, as for what is not there.
    for step in ("pay", "ship", "complete", "refunds"):
        sent = {"amount": 1} if step == "refunds" else {}
        assert (await client.post(f"{own}/{step}", json=sent, headers=headers)).status_code == 403, step
        hidden = await client.post(f"{other}/{step}", json=sent, headers=headers)
        nothing = await client.post(f"/api/orders/999999/{step}", json=sent, headers=headers)
        assert (hidden.status_code, nothing.status_code) == (404, 404), step
        assert hidden.json()["code"] == nothing.json()["code"] == "order-missing"
    for path in (other, f"{other}/history"):
        assert (await client.get(path, headers=headers)).status_code == 404
    assert (await client.post(f"{other}/cancel", json={}, headers=headers)).status_code == 404
    for sold_by in (shop.sellers[3], 999_999):
        answer = await client.post("/api/orders", json=body | {"distributor_id": sold_by}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "distributor-missing")
    assert (await client.post("/api/orders", json=body | {"paid": True}, headers=headers)).status_code == 403
    assert (
        await client.post("/api/orders", json=body | {"channel": "web"}, headers=headers)
    ).status_code == 403
    assert await shop.rows() == before

    assert (await client.post(f"{own}/cancel", json={}, headers=headers)).json()["status"] == "cancelled"
    paid = (await client.post("/api/orders", json=body, headers=headers)).json()["order_id"]
    assert (await client.post(f"/api/orders/{paid}/pay", json={}, headers=admin)).status_code == 200
    refused = await client.post(f"/api/orders/{paid}/cancel", json={}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong-state")


async def test_an_idempotency_key_makes_one_order(shop, client, admin):
    body = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 2}
    headers = admin | {"Idempotency-Key": "k-1"}
    first = await client.post("/api/orders", json=body, headers=headers)
    again = await client.post("/api/orders", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post("/api/orders", json=body | {"quantity": 3}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    await shop.system.drain()
    late = await client.post("/api/orders", json=body, headers=headers)
    assert late.json() == first.json()
    assert await shop.stock(shop.flour) == (100, 2)


async def test_a_refusal_frees_the_key(shop, client, admin):
    body = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 101}
    headers = admin | {"Idempotency-Key": "k-1"}
    assert (await client.post("/api/orders", json=body, headers=headers)).status_code == 409
    assert (await client.post("/api/orders", json=body | {"quantity": 1}, headers=headers)).status_code == 201


async def test_one_key_many_times_at_once_is_one_order(shop, client, admin):
    body = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 2}
    headers = admin | {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(
        *(client.post("/api/orders", json=body, headers=headers) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.json()["order_id"] for answer in answers if answer.status_code == 201}
    fresh = [a for a in answers if a.status_code == 201 and "idempotency-replayed" not in a.headers]
    assert (len(made), len(fresh)) == (1, 1)
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 2)


async def test_requests_that_travel_together_keep_their_own_names(shop, client, admin, d):
    number, headers = d
    body = {"product_id": shop.flour, "quantity": 1}
    answers = await asyncio.gather(
        *(
            client.post("/api/orders", json=body | {"distributor_id": seller}, headers=who)
            for seller, who in [(shop.sellers[3], admin), (number, headers)] * 10
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    rows = await shop.owner.fetch(
        "select distinct o.distributor_id, h.actor from orders.orders o join orders.order_history h using (order_id)"
    )
    assert len(rows) == 2
    assert {row["distributor_id"] for row in rows} == {shop.sellers[3], number}
    assert len({row["actor"] for row in rows}) == 2
    assert not any("idempotency-replayed" in answer.headers for answer in answers)


async def test_an_external_id_makes_one_order(shop, client, admin):
    body = {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 2, "external_id": "W-7"}
    first = await client.post("/api/orders", json=body, headers=admin)
    again = await client.post("/api/orders", json=body, headers=admin)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = await client.post("/api/orders", json=body | {"quantity": 3}, headers=admin)
    assert (other.status_code, other.json()["code"]) == (409, "external-order-taken")
    elsewhere = await client.post("/api/orders", json=body | {"channel": "web"}, headers=admin)
    assert elsewhere.status_code == 201
    assert elsewhere.json()["order_id"] != first.json()["order_id"]
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 4)


async def test_a_trusted_channel_sets_the_price_and_brings_paid_orders(shop, client, admin):
    body = {
        "distributor_id": shop.sellers[3],
        "product_id": shop.flour,
        "quantity": 3,
        "total_price": "100.00",
    }
    order = (await client.post("/api/orders", json=body | {"paid": True}, headers=admin)).json()
    assert (order["status"], order["total_price"]) == ("paid", "100.00")
    read = (await client.get(f"/api/orders/{order['order_id']}", headers=admin)).json()
    assert (read["rule_id"], read["version"]) == (shop.rule_id, 2)
    assert read["paid_at"] == read["created_at"]


async def test_refunds(shop, client, admin):
    placed = await shop.paid((shop.flour, 4), (shop.rice, 3))
    path = f"/api/orders/{placed.order_id}"
    line = placed.lines[0].line_id
    headers = admin | {"Idempotency-Key": "r-1"}
    body = {"lines": [{"line_id": line, "quantity": 1}], "restock": True}
    first = await client.post(f"{path}/refunds", json=body, headers=headers)
    again = await client.post(f"{path}/refunds", json=body, headers=headers)
    assert first.status_code == 201, first.text
    assert (first.json()["amount"], first.json()["sequence"], first.json()["restock"]) == ("50.00", 1, True)
    assert first.json()["lines"] == [{"line_id": line, "quantity": 1, "amount": "50.00"}]
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    second = await client.post(f"{path}/refunds", json={"amount": 9.99}, headers=admin)
    assert second.json()["amount"] == "9.99"
    read = (await client.get(path, headers=admin)).json()
    assert (read["refunded"], read["status"]) == ("59.99", "paid")
    assert [refund["amount"] for refund in read["refunds"]] == ["50.00", "9.99"]
    assert read["lines"][0]["refunded_quantity"] == 1
    before = await shop.rows()
    too_much = await client.post(f"{path}/refunds", json={"amount": "150.01"}, headers=admin)
    assert (too_much.status_code, too_much.json()["code"]) == (409, "refund-too-large")
    assert "150.00" in too_much.json()["detail"]
    for wrong in (
        {},
        {"amount": 0},
        {"amount": 1, "lines": body["lines"]},
        {"amount": "0.001"},
        {"lines": []},
    ):
        assert (await client.post(f"{path}/refunds", json=wrong, headers=admin)).status_code == 422, wrong
    assert await shop.rows() == before
    await client.post(f"{path}/refunds", json={"amount": "150.00"}, headers=admin)
    assert (await client.get(path, headers=admin)).json()["status"] == "refunded"


async def test_lists_by_filter_and_page(shop, client, admin):
    start = shop.system.clock.now
    ids = []
    for day in range(5):
        placed = await (shop.paid if day % 2 else shop.place)(
            at=start - timedelta(days=day), distributor_id=shop.sellers[day % 2]
        )
        ids.append(placed.order_id)

    async def listed(query: str) -> list[int]:
        answer = await client.get(f"/api/orders{query}", headers=admin)
        assert answer.status_code == 200, answer.text
        return [order["order_id"] for order in answer.json()["items"]]

    assert await listed("") == ids
    assert await listed("?status=paid") == [ids[1], ids[3]]
    assert await listed(f"?distributor_id={shop.sellers[0]}") == [ids[0], ids[2], ids[4]]
    assert await listed("?from=2026-03-13T12:00:00Z&to=2026-03-15T12:00:00Z") == [ids[1], ids[2]]
    assert await listed("?from=2026-03-14&to=2026-03-16") == [ids[0], ids[1]]
    assert await listed("?status=cancelled") == []
    pages, cursor = [], ""
    while True:
        answer = (await client.get(f"/api/orders?limit=2{cursor}", headers=admin)).json()
        pages.append([order["order_id"] for order in answer["items"]])
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    for wrong in ("?status=lost", "?limit=0", "?limit=201", "?cursor=xyz", "?from=yesterday", "?color=red"):
        assert (await client.get(f"/api/orders{wrong}", headers=admin)).status_code == 422, wrong


async def test_what_does_not_exist(shop, client, admin):
    for number in (999_999, 2**53 - 1):
        answer = await client.get(f"/api/orders/{number}", headers=admin | {"Accept-Language": "zh"})
        assert (answer.status_code, answer.json()["code"]) == (404, "order-missing")
        assert "订单" in answer.json()["detail"]
    for number in ("0", "abc", str(2**53)):
        assert (await client.get(f"/api/orders/{number}", headers=admin)).status_code == 422
