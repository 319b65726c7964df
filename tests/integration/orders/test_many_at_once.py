"""POST /api/orders/bulk: each order for itself, in order, once; and what a batch's events say about who did it."""

import asyncio
from uuid import uuid4

import pytest

PATH = "/api/orders/bulk"


@pytest.fixture
def bulk(client, admin):
    async def call(orders, headers=None, **more):
        return await client.post(PATH, json={"orders": orders}, headers=(headers or admin) | more)

    return call


@pytest.fixture
def sale(shop):
    def one(**changes):
        return {"distributor_id": shop.sellers[3], "product_id": shop.flour, "quantity": 1} | changes

    return one


async def test_each_order_is_answered_as_if_it_were_alone(shop, client, admin, bulk, sale):
    bad = [
        sale(quantity=0),
        sale(quantity=101),
        sale(distributor_id=999_999),
        sale(nonsense=1),
        sale(total_price="1.001"),
        sale(product_id=None),
        {"distributor_id": shop.sellers[3], "lines": [{"product_id": 999_999, "quantity": 1}]},
        7,
    ]
    alone = [await client.post("/api/orders", json=body, headers=admin) for body in bad]
    before = await shop.rows()
    answer = await bulk([*bad, sale(), sale(quantity=2)])
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [*(one.status_code for one in alone), 201, 201]
    for place, (item, one) in enumerate(zip(items[:-2], alone, strict=True)):
        expected = one.json()
        assert item["problem"] == expected | {"instance": f"{PATH}#/orders/{place}"}
    rows = await shop.rows()
    assert rows["orders"] == before["orders"] + 2
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 3)
    assert await shop.findings() == []


async def test_an_order_is_answered_with_the_same_members(shop, client, admin, bulk, sale):
    single = (await client.post("/api/orders", json=sale(), headers=admin)).json()
    (item,) = (await bulk([sale()])).json()["items"]
    own = {"order_id", "lines", "created_at", "pay_by"}
    assert set(item["order"]) == set(single)
    assert {name: value for name, value in item["order"].items() if name not in own} == {
        name: value for name, value in single.items() if name not in own
    }
    assert (item["order"]["created_at"], item["order"]["pay_by"]) == (single["created_at"], single["pay_by"])
    assert set(item["order"]["lines"][0]) == set(single["lines"][0])


async def test_the_list_itself_must_be_good(client, admin, shop, sale):
    headers = admin | {"Content-Type": "application/json"}
    before = await shop.rows()
    for body, status, field in (
        (b'{"orders": []}', 422, "orders"),
        (b"{}", 422, "orders"),
        (b"[]", 422, "body"),
        (b'{"orders": 5}', 422, "orders"),
        (b'{"orders": [{}], "more": 1}', 422, "more"),
        (b'{"orders": [{}', 400, "body"),
        (b'{"orders": [{}], "orders": [{}]}', 400, "body"),
        (b'{"orders": [' + b",".join([b"{}"] * 1001) + b"]}", 422, "orders"),
    ):
        answer = await client.post(PATH, content=body, headers=headers)
        assert answer.status_code == status, (body[:40], answer.text)
        assert [error["field"] for error in answer.json()["errors"]] == [field], body[:40]
    form = await client.post(PATH, data={"orders": "1"}, headers=admin)
    assert (form.status_code, form.json()["code"]) == (415, "not-json")
    assert await shop.rows() == before


async def test_a_body_that_only_one_order_spoils(client, admin, shop, sale):
    good = f'{{"distributor_id": {shop.sellers[3]}, "product_id": {shop.flour}, "quantity": 1}}'
    twice = good.replace("}", ', "quantity": 2}')
    hidden = good.replace("}", ', "buyer": "a\\u0000b"}')
    body = f'{{"orders": [{good}, {twice}, {hidden}, {good}]}}'
    headers = admin | {"Content-Type": "application/json"}
    items = (await client.post(PATH, content=body, headers=headers)).json()["items"]
    assert [item["status"] for item in items] == [201, 400, 400, 201]
    assert [item["problem"]["code"] for item in items[1:3]] == ["malformed-body"] * 2


async def test_the_request_again_does_nothing_again(shop, bulk, sale):
    key = {"Idempotency-Key": "all-of-it"}
    body = [sale(), sale(product_id=999_999), sale(quantity=2)]
    first = await bulk(body, **key)
    assert "idempotency-replayed" not in first.headers
    before = await shop.rows()
    again = await bulk(body, **key)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert await shop.rows() == before
    for other in ([sale()], [sale(), sale()], [*body, sale()]):
        answer = await bulk(other, **key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await shop.rows() == before


async def test_what_was_cut_off_is_finished_by_the_same_request(shop, bulk, sale, monkeypatch):
    monkeypatch.setattr("fenxiao.orders.http.bulk.AT_ONCE", 2)
    plain = type(shop.orders).place_asked
    calls = []

    async def once(self, asked):
        calls.append(len(asked))
        if len(calls) == 2:
            raise RuntimeError
        return await plain(self, asked)

    monkeypatch.setattr(type(shop.orders), "place_asked", once)
    key = {"Idempotency-Key": "cut-off"}
    body = [sale() for _ in range(5)]
    assert (await bulk(body, **key)).status_code == 500
    assert (await shop.rows())["orders"] == 2
    items = (await bulk(body, **key)).json()["items"]
    assert [item["status"] for item in items] == [201] * 5
    assert (await shop.rows())["orders"] == 5
    assert len({item["order"]["order_id"] for item in items}) == 5


async def test_what_was_refused_is_tried_again_by_the_same_request(shop, client, admin, bulk, sale):
    key = {"Idempotency-Key": "again"}
    body = [sale(quantity=60), sale(quantity=60)]
    first = (await bulk(body, **key)).json()["items"]
    assert [item["status"] for item in first] == [201, 409]
    await client.put(f"/api/inventory/{shop.flour}", json={"stock": 200, "batch_id": "B1"}, headers=admin)
    again = await bulk(body, **key)
    assert [item["status"] for item in again.json()["items"]] == [201, 201]
    assert again.json()["items"][0] == first[0]
    assert "idempotency-replayed" not in again.headers
    last = await bulk(body, **key)
    assert last.headers["idempotency-replayed"] == "true"
    assert last.json() == again.json()


async def test_the_own_key_of_an_order_is_that_of_the_single_request(shop, client, admin, bulk, sale):
    headers = admin | {"Idempotency-Key": "one"}
    single = (await client.post("/api/orders", json=sale(total_price=50.0), headers=headers)).json()
    items = (await bulk([sale(total_price=50.0, idempotency_key="one"), sale(idempotency_key="two")])).json()[
        "items"
    ]
    assert items[0]["order"]["order_id"] == single["order_id"]
    again = (await bulk([sale(idempotency_key="two"), sale(quantity=3, idempotency_key="two")])).json()[
        "items"
    ]
    assert again[0]["order"]["order_id"] == items[1]["order"]["order_id"]
    assert again[1]["problem"]["code"] == "idempotency-key-reused"
    assert (await shop.rows())["orders"] == 2


async def test_a_name_that_stands_twice_in_one_request(shop, bulk, sale):
    items = (
        await bulk([sale(external_id="e1"), sale(external_id="e1"), sale(quantity=2, external_id="e1")])
    ).json()["items"]
    assert [item["status"] for item in items] == [201, 200, 409]
    assert items[0]["order"] == items[1]["order"]
    assert (await shop.rows())["orders"] == 1


async def test_stock_that_runs_out_goes_to_the_first(shop, bulk, sale, monkeypatch):
    monkeypatch.setattr("fenxiao.orders.http.bulk.AT_ONCE", 3)
    items = (await bulk([sale(quantity=30) for _ in range(5)])).json()["items"]
    assert [item["status"] for item in items] == [201, 201, 201, 409, 409]
    assert {item["problem"]["code"] for item in items[3:]} == {"out-of-stock"}


async def test_a_distributor_places_its_own_alone(shop, client, admin, bulk, sale, login):  # noqa: PLR0917
    person = {
        "username": "d1",
        "password": "Pw-long-enough-1",
        "display_name": "D",
        "sponsor_id": shop.sellers[2],
    }
    number = (await client.post("/api/distributors", json=person, headers=admin)).json()["distributor_id"]
    await client.post(f"/api/distributors/{number}/activate", json={}, headers=admin)
    await shop.system.drain()
    headers = await login("d1", "Pw-long-enough-1")
    items = (
        await bulk([sale(distributor_id=number), sale(), sale(distributor_id=number, paid=True)], headers)
    ).json()["items"]
    assert [item["status"] for item in items] == [201, 404, 403]
    assert (await client.post(PATH, json={"orders": [sale()]})).status_code == 401


async def test_a_thousand(shop, client, admin, bulk, sale):
    stock = {"stock": 2000, "batch_id": "B1"}
    await client.put(f"/api/inventory/{shop.flour}", json=stock, headers=admin)
    answer = await bulk([sale(buyer=f"b{n}") for n in range(1000)])
    items = answer.json()["items"]
    assert {item["status"] for item in items} == {201}
    assert len({item["order"]["order_id"] for item in items}) == 1000
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (2000, 1000)


async def test_twenty_requests_with_one_external_id_make_one_order(shop, client, admin, sale):
    answers = await asyncio.gather(
        *(client.post("/api/orders", json=sale(external_id="same"), headers=admin) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    assert (await shop.rows())["orders"] == 1
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 1)


async def test_twenty_requests_by_two_ways_make_one_order(shop, client, admin, bulk, sale):
    one = sale(external_id="same")
    answers = await asyncio.gather(
        *(client.post("/api/orders", json=one, headers=admin) for _ in range(10)),
        *(bulk([one]) for _ in range(10)),
    )
    ids = {answer.json()["order_id"] for answer in answers[:10]}
    ids |= {answer.json()["items"][0]["order"]["order_id"] for answer in answers[10:]}
    assert len(ids) == 1
    assert (await shop.rows())["orders"] == 1
    await shop.system.drain()
    assert await shop.stock(shop.flour) == (100, 1)


async def test_each_events_actor_is_who_placed_the_order(shop, client, admin, login, sale):
    people = []
    for name in ("p1", "p2"):
        person = {
            "username": name,
            "password": "Pw-long-enough-1",
            "display_name": name,
            "sponsor_id": shop.sellers[2],
        }
        number = (await client.post("/api/distributors", json=person, headers=admin)).json()["distributor_id"]
        await client.post(f"/api/distributors/{number}/activate", json={}, headers=admin)
        people.append((number, name))
    await shop.system.drain()
    tokens = [(number, await login(name, "Pw-long-enough-1")) for number, name in people]
    answers = await asyncio.gather(
        *(
            client.post(
                "/api/orders",
                json=sale(distributor_id=number),
                headers=headers | {"X-Request-Id": uuid4().hex},
            )
            for number, headers in tokens * 3
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    rows = await shop.owner.fetch(
        "select o.distributor_id, e.actor as event, h.actor as history from orders.orders o"
        " join orders.outbox e on e.type = 'order.created' and e.subject = 'orders/' || o.order_id"
        " join orders.order_history h using (order_id)"
    )
    assert len(rows) == 6
    assert all(row["event"] == row["history"] for row in rows)
    actors = {row["distributor_id"]: row["event"] for row in rows}
    assert len(set(actors.values())) == 2
    assert all(actor.startswith("account:") for actor in actors.values())
