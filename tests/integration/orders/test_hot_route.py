"""The quick way to place an order answers as the ordinary one does, whatever is sent."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from fenxiao.entrypoints.web import application, hot_routes

BODIES = [
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 2}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 2, "total_price": 20.00}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 2, "total_price": "20.00"}',
    '{"distributor_id": SELLER, "lines": [{"product_id": FLOUR, "quantity": 1}, {"product_id": RICE, "quantity": 2}]}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 1, "paid": true, "buyer": "b-1", "shipping": 3}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 1, "external_id": "x-1", "channel": "shop"}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 2, "total_price": 20.001}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 2, "total_price": 7}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 100000}',
    '{"distributor_id": SELLER, "product_id": 99999, "quantity": 1}',
    '{"distributor_id": 99999, "product_id": FLOUR, "quantity": 1}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 0}',
    '{"distributor_id": SELLER, "product_id": FLOUR}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 1, "quantity": 2}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": 1, "idempotency_key": "k"}',
    '{"distributor_id": SELLER, "product_id": FLOUR, "quantity": true}',
    "{",
    "[]",
]


@pytest_asyncio.fixture
async def wired(system: Any, served: Any) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP over a socket, where the hot routes are."""
    async with (
        served(application(system), hot_routes(system)) as address,
        httpx.AsyncClient(base_url=address) as http,
    ):
        yield http


OWN = {"order_id", "line_id", "created_at", "pay_by"}


def known(value: Any) -> Any:
    """What two orders have in common that were placed one after the other."""
    if isinstance(value, dict):
        return {name: known(inner) for name, inner in value.items() if name not in OWN}
    return [known(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("template", BODIES)
async def test_both_ways_answer_alike(
    template: str, shop: Any, wired: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    answers = []
    for number, kind in enumerate(("application/json", "application/json; charset=utf-8")):
        body = template.replace("SELLER", str(shop.sellers[-1])).replace("FLOUR", str(shop.flour))
        body = body.replace("RICE", str(shop.rice)).replace("x-1", f"x-{number}")
        answers.append(await wired.post("/api/orders", content=body, headers={**admin, "content-type": kind}))
    hot, ordinary = answers
    assert hot.status_code == ordinary.status_code
    assert known(json.loads(hot.text.replace("x-0", "x-1"))) == known(ordinary.json())
    assert hot.json().keys() == ordinary.json().keys()
    assert hot.headers["content-type"] == ordinary.headers["content-type"]
    if hot.status_code == 201:
        assert hot.headers["location"] == f"/api/orders/{hot.json()['order_id']}"
        for name in ("created_at", "pay_by"):
            assert type(hot.json()[name]) is type(ordinary.json()[name])


async def test_a_key_is_the_same_promise_on_both_ways(
    shop: Any, wired: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    plain = f'{{"distributor_id": {shop.sellers[-1]}, "product_id": {shop.flour}, "quantity": 1, "total_price": 10.00}}'
    spaced = json.dumps(json.loads(plain) | {"total_price": 0}, indent=2).replace(
        '"total_price": 0', '"total_price": 10.00'
    )
    headers = {**admin, "content-type": "application/json", "idempotency-key": "once"}
    loose = {**headers, "content-type": "application/json; charset=utf-8"}
    first = await wired.post("/api/orders", content=plain, headers=headers)
    assert (first.status_code, first.headers.get("idempotency-replayed")) == (201, None)
    for content, sent in ((spaced, headers), (plain, loose), (spaced, loose)):
        again = await wired.post("/api/orders", content=content, headers=sent)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert again.json() == first.json()
    other = await wired.post("/api/orders", content=plain.replace("10.00", "10.0"), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    refused = await wired.post(
        "/api/orders", content=plain, headers={**headers, "idempotency-key": "a blank"}
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert (await shop.rows())["orders"] == 1
