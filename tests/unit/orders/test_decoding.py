"""The quick way to read an order accepts what the model accepts, with the same values, and says the same of the rest."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fenxiao.infra.http.body import parse
from fenxiao.infra.http.routing import router
from fenxiao.infra.http.validation import invalid
from fenxiao.infra.http.web import create_app
from fenxiao.kernel.errors import Refusal
from fenxiao.orders.http import decoding
from fenxiao.orders.http.bodies import BulkOrderBody
from fenxiao.orders.http.decoding import order_body

NAMES = tuple(BulkOrderBody.model_fields)
LINE_NAMES = ("product_id", "quantity", "unit_price", "discount")
ONE = {"distributor_id": 1, "product_id": 2, "quantity": 3}


def told(read: Any) -> dict[str, Any]:
    """A body as plain values."""
    found = {name: getattr(read, name) for name in NAMES}
    if found["lines"] is not None:
        found["lines"] = [tuple(getattr(line, name) for name in LINE_NAMES) for line in found["lines"]]
    return found


def by_the_model(raw: bytes) -> Any:
    """What the exact way makes of it: values, or the faults."""
    try:
        return told(BulkOrderBody.model_validate(parse(raw)))
    except Refusal as refusal:
        return type(refusal), refusal.errors
    except ValidationError as error:
        refused = invalid([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])
        return type(refused), refused.errors


def quickly(raw: bytes) -> Any:
    try:
        return told(order_body(raw))
    except Refusal as refusal:
        return type(refusal), refusal.errors


GOOD: list[Mapping[str, Any]] = [
    ONE,
    ONE | {"total_price": "500.00"},
    ONE | {"total_price": 500, "discount": "0.01", "shipping": 8, "tax": "12"},
    ONE | {"currency": "CNY", "external_id": "a b", "channel": "shop-1", "buyer": "王", "paid": True},
    ONE | {"paid": False, "idempotency_key": "k-1"},
    {"distributor_id": 2**53 - 1, "lines": [{"product_id": 1, "quantity": 2**31 - 1}]},
    {
        "distributor_id": 1,
        "lines": [{"product_id": 1, "quantity": 1, "unit_price": "9.99", "discount": 1}] * 3,
    },
]


@pytest.mark.parametrize("body", GOOD)
def test_what_is_plainly_good_is_read_quickly(body: Mapping[str, Any]) -> None:
    for raw in (
        json.dumps(body, ensure_ascii=False).encode(),
        json.dumps(body, ensure_ascii=False, indent=1).encode(),
    ):
        quick = decoding._quick(raw)
        assert quick is not None
        assert told(quick) == by_the_model(raw)


def test_amounts_are_exact() -> None:
    read = order_body(b'{"distributor_id":1,"product_id":2,"quantity":3,"total_price":0.1000000000000}')
    assert read.total_price == Decimal("0.1000000000000")
    assert str(read.total_price) == "0.1000000000000"


ODD = [
    b"",
    b"null",
    b"[]",
    b"7",
    b"{}",
    b'{"distributor_id":1,"distributor_id":2,"product_id":1,"quantity":1}',
    b'{"distributor_id":1.0,"product_id":1,"quantity":1}',
    b'{"distributor_id":1,"product_id":true,"quantity":1}',
    b'{"distributor_id":1,"product_id":1,"quantity":"1"}',
    b'{"distributor_id":0,"product_id":1,"quantity":1}',
    b'{"distributor_id":9007199254740992,"product_id":1,"quantity":2147483648}',
    b'{"distributor_id":1,"product_id":null,"quantity":null,"paid":null}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":1e2}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":"1e2"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":" 1"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":"1_0"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":"007"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":true}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":NaN}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":12345678901234567890123456789}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"total_price":{"a":1}}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"currency":"CNY\\n"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"currency":"cny"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"channel":"A"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"buyer":"a:b"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"buyer":"a\\u0000"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"buyer":"\\ud800"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"buyer":"\xff"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"buyer":"' + b"x" * 256 + b'"}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"buyer":""}',
    b'{"distributor_id":1,"product_id":1,"quantity":1,"paid":1}',
    b'{"distributor_id":1,"lines":[]}',
    b'{"distributor_id":1,"lines":{}}',
    b'{"distributor_id":1,"lines":[{"product_id":1,"product_id":2,"quantity":1}]}',
    b'{"distributor_id":1,"lines":[{"product_id":1,"quantity":0,"unit_price":"x","other":1}]}',
    b'{"distributor_id":1,"lines":[null]}',
    b'{"distributor_id":1,"idempotency_key":"a b"}',
    b'\xef\xbb\xbf{"distributor_id":1}',
    b'{"distributor_id":1} {}',
    b"[" * 200 + b"]" * 200,
]


@pytest.mark.parametrize("raw", ODD)
def test_what_is_odd_is_told_in_the_same_words(raw: bytes) -> None:
    assert quickly(raw) == by_the_model(raw)


_TEXTS = st.text(max_size=6) | st.sampled_from(["CNY", "shop", "1.50", "-3", "1e3", "0.1", "a:b"])
_VALUES = st.none() | st.booleans() | st.integers(-2, 2**54) | _TEXTS | st.floats(-10, 10, allow_nan=False)
_LINES = st.lists(st.dictionaries(st.sampled_from([*LINE_NAMES, "x"]), _VALUES, max_size=5), max_size=3)
_BODIES = st.dictionaries(st.sampled_from([*NAMES, "x"]), _VALUES | _LINES, max_size=8)


@given(_BODIES, st.booleans())
@settings(max_examples=500, deadline=None)
def test_both_ways_agree_on_whatever_comes(body: dict[str, Any], plain: bool) -> None:
    raw = json.dumps({**ONE, **body} if plain else body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert quickly(raw) == by_the_model(raw)


async def test_the_framework_says_the_same() -> None:
    """What a route with the model answers is what the exact way answers."""
    routes = router()

    @routes.post("/orders")
    async def post(body: BulkOrderBody) -> None:
        """Nothing."""

    app: FastAPI = create_app(title="t", version="0", routers=[routes], access_log=False)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for raw in ODD:
            if not raw:
                continue
            answer = await client.post("/orders", content=raw, headers={"content-type": "application/json"})
            expected = by_the_model(raw)
            if isinstance(expected, dict):
                assert answer.status_code == 200, raw
                continue
            kind, errors = expected
            assert (answer.json()["code"], [error["field"] for error in answer.json()["errors"]]) == (
                kind.code,
                [error.field for error in errors],
            ), raw
