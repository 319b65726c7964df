"""Preconditions, idempotency keys, tokens and permissions, documents, and what only a real socket shows."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from sample_app import JSON, LIMIT, make, post, problem, seen

from fenxiao.infra.db.idempotency import Once

# Preconditions and keys


@pytest.mark.parametrize(
    ("header", "version"), [(None, None), ("*", None), ('"5"', 5), ('W/"5"', 5), (' "12" ', 12)]
)
async def test_if_match(http: httpx.AsyncClient, header: str | None, version: int | None) -> None:
    answer = await http.put("/api/orders/1", headers={} if header is None else {"if-match": header})
    assert answer.json() == {"order_id": 1, "version": version, "etag": '"7"'}


@pytest.mark.parametrize("header", ["5", '"x"', '"1", "2"', '""', '"' + "9" * 40 + '"'])
async def test_an_etag_that_is_not_ours_never_matches(http: httpx.AsyncClient, header: str) -> None:
    problem(await http.put("/api/orders/1", headers={"if-match": header}), 412, "stale-version")


async def test_idempotency_keys_belong_to_the_account_and_the_body(http: httpx.AsyncClient) -> None:
    async def once(body: str, **headers: str) -> Once | None:
        assert (await post(http, body, **headers)).status_code == 201
        return seen[-1]

    first = await once(
        '{"total_price": 5.0, "channel": "bank"}', idempotency_key="k1", authorization="Bearer clerk"
    )
    assert first is not None
    assert (first.account, first.key, len(first.digest)) == ("12", "k1", 32)
    same = await once(
        ' {"channel":"bank",\n"total_price":5.0}', idempotency_key="k1", authorization="Bearer clerk"
    )
    assert same == first
    for body in (
        '{"total_price": 5.1, "channel": "bank"}',
        '{"total_price": "5.0", "channel": "bank"}',
        '{"total_price": 5.0}',
    ):
        other = await once(body, idempotency_key="k1", authorization="Bearer clerk")
        assert other is not None
        assert other.digest != first.digest
    stranger = await once('{"total_price": 5.0}', idempotency_key="k1")
    assert stranger is not None
    assert stranger.account == "anonymous"
    assert await once('{"total_price": 5.0}') is None


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
async def test_keys_that_are_none(http: httpx.AsyncClient, key: str) -> None:
    answer = await http.post(
        "/api/orders", content='{"total_price": 5}', headers={**JSON, "idempotency-key": key.encode()}
    )
    assert problem(answer, 422, "validation-failed")["errors"][0]["field"] == "Idempotency-Key"


async def test_a_replayed_answer_says_so(http: httpx.AsyncClient) -> None:
    assert (await post(http, '{"total_price": 5}', idempotency_key="again")).headers[
        "idempotency-replayed"
    ] == "true"
    assert (
        "idempotency-replayed"
        not in (await post(http, '{"total_price": 5}', idempotency_key="first")).headers
    )


# Callers


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer nobody", "Basic Y2xlcms6eA==", "clerk"]
)
async def test_without_a_valid_token(http: httpx.AsyncClient, authorization: str | None) -> None:
    answer = await http.post(
        "/api/orders/1/pay", headers={} if authorization is None else {"authorization": authorization}
    )
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_permissions_and_the_actor(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/orders/1/pay", headers={"authorization": "Bearer guest"})
    assert "orders:operate" in problem(answer, 403, "forbidden")["detail"]
    answer = await http.post("/api/orders/1/pay", headers={"authorization": "bearer clerk"})
    assert answer.json() == {
        "order_id": 1,
        "total_minor": 12,
        "key": None,
        "digest": None,
        "actor": "account:12",
    }


async def test_public_endpoints_know_callers_but_refuse_bad_tokens(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/orders/1/greeting")).json() == "stranger"
    assert (
        await http.get("/api/orders/1/greeting", headers={"authorization": "Bearer clerk"})
    ).json() == "12"
    problem(
        await http.get("/api/orders/1/greeting", headers={"authorization": "Bearer nobody"}),
        401,
        "unauthenticated",
    )


async def test_nobody_is_let_in_where_no_verifier_is() -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(make(authenticate=None)), base_url="http://test"
    ) as http:
        problem(
            await http.post("/api/orders/1/pay", headers={"authorization": "Bearer clerk"}),
            401,
            "unauthenticated",
        )


# Documents


async def test_the_openapi_document(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/api/orders"]["post"]
    assert operation["operationId"] == "orders_place"
    assert {parameter["name"] for parameter in operation["parameters"]} == {"Idempotency-Key"}
    assert set(operation["responses"]) == {"201", "4XX", "5XX"}
    assert document["components"]["schemas"]["Problem"]["required"][0] == "type"
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["schemas"]["NewOrder"]["additionalProperties"] is False
    assert document["paths"]["/api/orders/{order_id}/pay"]["post"]["security"]
    assert not [path for path in document["paths"] if path in ("/healthz", "/metrics", "/docs")]


async def test_the_docs_need_no_other_host(http: httpx.AsyncClient) -> None:
    for path, kind in (
        ("/docs", "text/html"),
        ("/docs/docs.js", "text/javascript"),
        ("/docs/docs.css", "text/css"),
    ):
        answer = await http.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "//" not in answer.text.replace("http://www.w3.org", "").replace("// ", "")
        assert len(answer.text) > 200


# Over a real socket, where the server's own reading of bodies matters


async def chunks(total: int) -> AsyncIterator[bytes]:
    yield b'{"total_price": "'
    for _ in range(total // 1000):
        yield b"0" * 1000
    yield b'"}'


async def test_bodies_over_the_limit(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as http:
        assert (await post(http, '{"total_price": 5' + " " * (LIMIT - 100) + "}")).status_code == 201
        body = problem(await post(http, "x" * (LIMIT + 1)), 413, "body-too-large")
        assert str(LIMIT) in body["detail"]
        answer = await http.post("/api/orders", content=chunks(3 * LIMIT), headers=JSON)
        problem(answer, 413, "body-too-large")
        assert (await http.post("/api/orders", content=chunks(2000), headers=JSON)).status_code == 422
        assert (await post(http, '{"total_price": 5}')).status_code == 201


async def test_a_client_that_hangs_up_does_no_harm(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    for _ in range(3):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b'POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"to'
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with httpx.AsyncClient(base_url=address) as http:
        assert (await http.get("/healthz")).status_code == 200
