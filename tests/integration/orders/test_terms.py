"""Discounts, shipping and tax: what an order comes to, what goes back of it, and what it means elsewhere."""

import pytest


@pytest.fixture
def post(client, admin):
    async def call(path, body, headers=admin):
        return await client.post(path, json=body, headers=headers)

    return call


@pytest.fixture
def order(shop, post):
    """Flour 2 × 50.00 less 10.00, rice 3 × 3.33; 20.00 off all, 8.00 shipping, 6.01 tax."""

    async def place(**changes):
        body = {
            "distributor_id": shop.sellers[3],
            "lines": [
                {"product_id": shop.flour, "quantity": 2, "discount": "10.00"},
                {"product_id": shop.rice, "quantity": 3},
            ],
            "discount": 20,
            "shipping": "8.00",
            "tax": "6.01",
        }
        return await post("/api/orders", body | changes)

    return place


async def complete(post, order_id):
    for step in ("pay", "ship", "complete"):
        answer = await post(f"/api/orders/{order_id}/{step}", {})
        assert answer.is_success, answer.text


async def test_what_an_order_comes_to(shop, client, admin, order):
    answer = await order(total_price="94.00")
    assert answer.status_code == 201, answer.text
    placed = answer.json()
    # 20.00 over 90.00 and 9.99: 18.002 and 1.998, the missing cent to the larger remainder.
    figures = {name: placed[name] for name in ("discount", "shipping", "tax", "total_price")}
    assert figures == {"discount": "20.00", "shipping": "8.00", "tax": "6.01", "total_price": "94.00"}
    names = ("unit_price", "discount", "order_discount", "amount")
    assert [tuple(line[name] for name in names) for line in placed["lines"]] == [
        ("50.00", "28.00", "18.00", "72.00"),
        ("3.33", "2.00", "2.00", "7.99"),
    ]
    read = (await client.get(f"/api/orders/{placed['order_id']}", headers=admin)).json()
    assert {name: read[name] for name in figures} == figures
    assert [tuple(line[name] for name in names) for line in read["lines"]] == [
        tuple(line[name] for name in names) for line in placed["lines"]
    ]
    listed = (await client.get("/api/orders", headers=admin)).json()["items"][0]
    assert {name: listed[name] for name in figures} == figures
    assert await shop.findings() == []


async def test_without_the_permission_nothing_is_taken_off_or_added(shop, client, admin, post, login):
    person = {
        "username": "d1",
        "password": "Pw-long-enough-1",
        "display_name": "D",
        "sponsor_id": shop.sellers[2],
    }
    number = (await post("/api/distributors", person)).json()["distributor_id"]
    await client.post(f"/api/distributors/{number}/activate", json={}, headers=admin)
    await shop.system.drain()
    headers = await login("d1", "Pw-long-enough-1")
    one = {"distributor_id": number, "product_id": shop.flour, "quantity": 2}
    line = {"product_id": shop.flour, "quantity": 2}
    before = await shop.rows()
    for body, field in (
        (one | {"discount": "1"}, "discount"),
        (one | {"shipping": "1"}, "shipping"),
        (one | {"tax": "0.01"}, "tax"),
        ({"distributor_id": number, "lines": [line | {"discount": "1"}]}, "lines.0.discount"),
        ({"distributor_id": number, "lines": [line | {"unit_price": "49.99"}]}, "total_price"),
        (one | {"total_price": "99.99"}, "total_price"),
    ):
        answer = await post("/api/orders", body, headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "price-mismatch"), answer.text
        assert "100.00" in answer.json()["detail"]
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert "100.00" in error["message"]
        assert await shop.rows() == before
    plain = await post("/api/orders", one | {"discount": 0, "shipping": "0.00", "tax": 0}, headers)
    assert plain.status_code == 201, plain.text


async def test_impossible_terms(shop, order):
    before = await shop.rows()
    for changes, field in (
        ({"discount": "100.00"}, "discount"),
        ({"discount": -1}, "discount"),
        ({"shipping": -1}, "shipping"),
        ({"tax": "-0.01"}, "tax"),
        ({"tax": "0.001"}, "tax"),
        ({"total_price": "14.00"}, "total_price"),
        ({"lines": [{"product_id": shop.flour, "quantity": 1, "discount": "50.01"}]}, "lines.0.discount"),
    ):
        answer = await order(**changes)
        assert answer.status_code == 422, (changes, answer.text)
        assert [error["field"] for error in answer.json()["errors"]] == [field], changes
        assert await shop.rows() == before
    assert await shop.stock(shop.flour) == (100, 0)


async def test_the_same_order_again_under_its_external_id(shop, order):
    first = await order(external_id="x1")
    assert first.status_code == 201, first.text
    again = await order(external_id="x1")
    assert (again.status_code, again.json()) == (200, first.json())
    before = await shop.rows()
    for changes in ({"discount": 19}, {"shipping": 7}, {"tax": 0}):
        other = await order(external_id="x1", **changes)
        assert (other.status_code, other.json()["code"]) == (409, "external-order-taken"), changes
    assert await shop.rows() == before


async def test_commission_and_reports_are_of_the_goods(shop, client, admin, order, post):
    placed = (await order()).json()
    order_id = placed["order_id"]
    await complete(post, order_id)
    await shop.system.drain()
    # 10 % and 5 % of 79.99.
    earned = (await client.get(f"/api/commission/{shop.sellers[2]}", headers=admin)).json()
    assert earned["pending"] == "8.00"
    report = "/api/reports/sales?from=2026-03-01&to=2026-04-01&group_by=month"
    (row,) = (await client.get(report, headers=admin)).json()["items"]
    assert (row["gross"], row["refunds"], row["net"]) == ("79.99", "0.00", "79.99")
    charges = await post(f"/api/orders/{order_id}/refunds", {"shipping": "8.00", "tax": "6.01"})
    assert charges.status_code == 201, charges.text
    assert charges.json()["lines"] == []
    await shop.system.drain()
    again = (await client.get(f"/api/commission/{shop.sellers[2]}", headers=admin)).json()
    assert again["pending"] == "8.00"
    (row,) = (await client.get(report, headers=admin)).json()["items"]
    assert (row["gross"], row["refunds"], row["net"]) == ("79.99", "0.00", "79.99")
    goods = await post(f"/api/orders/{order_id}/refunds", {"amount": "79.99"})
    assert goods.status_code == 201, goods.text
    await shop.system.drain()
    await shop.system.redeliver()
    assert (await client.get(f"/api/commission/{shop.sellers[2]}", headers=admin)).json()["pending"] == "0.00"
    (row,) = (await client.get(report, headers=admin)).json()["items"]
    assert (row["refunds"], row["net"]) == ("79.99", "0.00")
    assert (await client.get(f"/api/orders/{order_id}", headers=admin)).json()["status"] == "refunded"
    findings = [
        finding
        for offer in shop.system.offers
        for check in offer.checks
        async for finding in check.findings()
    ]
    assert findings == []


async def test_a_full_refund_gives_back_all_that_is_left(shop, client, admin, order, post):
    order_id = (await order()).json()["order_id"]
    await post(f"/api/orders/{order_id}/pay", {})
    first = (await post(f"/api/orders/{order_id}/refunds", {"amount": "10.00", "tax": "1.00"})).json()
    figures = ("amount", "shipping", "tax", "total")
    assert [first[name] for name in figures] == ["10.00", "0.00", "1.00", "11.00"]
    assert (await client.get(f"/api/orders/{order_id}", headers=admin)).json()["refunded"] == "11.00"
    rest = (await post(f"/api/orders/{order_id}/refunds", {"full": True, "restock": True})).json()
    assert [rest[name] for name in figures] == ["69.99", "8.00", "5.01", "83.00"]
    assert [line["quantity"] for line in rest["lines"]] == [2, 3]
    order_now = (await client.get(f"/api/orders/{order_id}", headers=admin)).json()
    assert (order_now["status"], order_now["refunded"]) == ("refunded", "94.00")
    await shop.system.drain()
    assert (await shop.stock(shop.flour), await shop.stock(shop.rice)) == ((100, 0), (100, 0))
    assert await shop.findings() == []


async def test_goods_alone_leave_the_order_open(shop, client, admin, order, post):
    order_id = (await order()).json()["order_id"]
    await post(f"/api/orders/{order_id}/pay", {})
    await post(f"/api/orders/{order_id}/refunds", {"amount": "79.99"})
    assert (await client.get(f"/api/orders/{order_id}", headers=admin)).json()["status"] == "paid"
    await post(f"/api/orders/{order_id}/refunds", {"shipping": 8})
    assert (await client.get(f"/api/orders/{order_id}", headers=admin)).json()["status"] == "paid"
    await post(f"/api/orders/{order_id}/refunds", {"tax": "6.01"})
    assert (await client.get(f"/api/orders/{order_id}", headers=admin)).json()["status"] == "refunded"
    assert await shop.findings() == []


async def test_a_refund_never_gives_back_more_than_is_left(shop, order, post):
    order_id = (await order()).json()["order_id"]
    await post(f"/api/orders/{order_id}/pay", {})
    before = await shop.rows()
    for body, field, left in (
        ({"amount": "80.00"}, "amount", "79.99"),
        ({"shipping": "8.01"}, "shipping", "8.00"),
        ({"amount": "1.00", "tax": "6.02"}, "tax", "6.01"),
    ):
        answer = await post(f"/api/orders/{order_id}/refunds", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "refund-too-large"), answer.text
        (error,) = answer.json()["errors"]
        assert (error["field"], left in error["message"]) == (field, True)
    for body, field in (
        ({}, "lines"),
        ({"shipping": 0}, "lines"),
        ({"full": True, "amount": 1}, "full"),
        ({"full": True, "shipping": 1}, "full"),
        ({"full": False}, "lines"),
        ({"amount": 1, "shipping": -1}, "shipping"),
    ):
        answer = await post(f"/api/orders/{order_id}/refunds", body)
        assert answer.status_code == 422, (body, answer.text)
        assert [error["field"] for error in answer.json()["errors"]] == [field], body
    assert await shop.rows() == before


async def test_the_whole_history_of_an_order(shop, client, admin, order, post):
    placed = (await order()).json()
    order_id = placed["order_id"]
    await post(f"/api/orders/{order_id}/pay", {})
    await post(f"/api/orders/{order_id}/refunds", {"amount": "10.00"})
    await post(f"/api/orders/{order_id}/ship", {})
    await post(f"/api/orders/{order_id}/refunds", {"full": True})
    entries = (await client.get(f"/api/orders/{order_id}/history", headers=admin)).json()["items"]
    assert [(one["version"], one["from"], one["to"]) for one in entries] == [
        (1, None, "pending"),
        (2, "pending", "paid"),
        (3, "paid", "paid"),
        (4, "paid", "shipped"),
        (5, "shipped", "refunded"),
    ]
    assert [one["pay_by"] for one in entries] == [placed["pay_by"], None, None, None, None]
    refunds = [one["refund"] for one in entries]
    assert [refund and (refund["sequence"], refund["amount"], refund["tax"]) for refund in refunds] == [
        None,
        None,
        (1, "10.00", "0.00"),
        None,
        (2, "69.99", "6.01"),
    ]
    assert {one["actor"] for one in entries} == {entries[0]["actor"]}
    assert all(one["reason"] is None for one in entries)


async def test_touched_terms_are_found(shop, order):
    order_id = (await order()).json()["order_id"]
    assert await shop.findings() == []
    for change in (
        "shipping_minor = shipping_minor + 1",
        "tax_minor = tax_minor - 1",
        "discount_minor = discount_minor + 1",
        "pay_by = pay_by + interval '1 hour'",
    ):
        async with shop.owner.transaction():
            await shop.owner.execute(f"update orders.orders set {change} where order_id = $1", order_id)
        assert {finding.check for finding in await shop.findings()} >= {"orders.seals"}, change
        undo = change.replace(" + ", " ~ ").replace(" - ", " + ").replace(" ~ ", " - ")
        await shop.owner.execute(f"update orders.orders set {undo} where order_id = $1", order_id)
        assert await shop.findings() == [], change
    await shop.owner.execute(
        "update orders.order_line set order_discount_minor = order_discount_minor - 1"
        " where order_id = $1 and product_id = $2",
        order_id,
        shop.flour,
    )
    assert {finding.check for finding in await shop.findings()} >= {"orders.seals", "orders.arithmetic"}
