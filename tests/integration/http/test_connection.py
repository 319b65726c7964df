"""Hot routes over real connections: quick for what is plain, and not to be noticed otherwise."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sample_app import JSON, ZH, Hot, hot, make, problem

from fenxiao.infra.context import current

CLERK = {"authorization": "Bearer clerk"}


@pytest_asyncio.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address) as client:
        yield client


async def ask(http: httpx.AsyncClient, body: str, **headers: str) -> httpx.Response:
    return await http.post("/api/hot", content=body.encode(), headers={**CLERK, **JSON, **headers})


async def test_a_hot_route_answers_with_the_surroundings_of_any_other(http: httpx.AsyncClient) -> None:
    answer = await ask(http, '"plain"', **{"x-request-id": "r-9", "accept-language": "zh-CN"})
    assert (answer.status_code, answer.json()) == (201, ["r-9", "account:12", "zh"])
    assert answer.headers["x-request-id"] == "r-9"
    assert answer.headers["location"] == "/api/hot/7"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["date"]
    assert "idempotency-replayed" not in answer.headers
    assert (await ask(http, '"plain"', **{"idempotency-key": "k"})).headers["idempotency-replayed"] == "true"
    assert current().actor == "system"
    metrics = (await http.get("/metrics")).text
    assert 'fenxiao_http_requests_total{method="POST",route="/api/hot",status="201"}' in metrics


async def test_a_hot_route_refuses_and_breaks_like_any_other(http: httpx.AsyncClient) -> None:
    refused = await ask(http, '"refuse"', **ZH)
    assert problem(refused, 404, "not-found")["instance"] == "/api/hot"
    assert refused.headers["content-language"] == "zh-CN"
    assert refused.headers["x-request-id"]
    assert "secret" not in str(problem(await ask(http, '"break"'), 500, "internal-error"))
    problem(await ask(http, '"plain"', authorization="Bearer nobody"), 401, "unauthenticated")


async def test_a_route_that_stumbles_leaves_the_request_to_the_ordinary_one(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    problem(await ask(http, '"stumble"'), 422, "validation-failed")
    assert "unexpected error" in caplog.text


@pytest.mark.parametrize(
    "unusual",
    [
        {"content": b'{"product_id": 1, "quantity": 3}'},
        {"content": [b'{"product_id": 1, ', b'"quantity": 3}']},
        {"headers": {"content-type": "application/json; charset=utf-8"}},
        {"content": b" " * 70_000},
        {"params": {"more": "1"}},
        {"headers": {"authorization": "bearer clerk"}},
        {"headers": {"authorization": ""}},
        {"headers": {"content-type": "text/plain"}},
        {"headers": {"connection": "close"}},
        {"headers": {"expect": "100-continue"}},
        {"method": "PUT"},
    ],
)
async def test_what_a_hot_route_declines_is_answered_as_if_there_were_none(
    unusual: dict[str, Any], served: Any
) -> None:
    plain = {"method": "POST", "url": "/api/hot", "content": b'"decline"', "headers": {}}
    asked = {**plain, **unusual, "headers": {**CLERK, **JSON, **unusual.get("headers", {})}}
    content = asked.pop("content")

    async def chunks() -> AsyncIterator[bytes]:
        for part in content:
            yield part

    answers = []
    for routes in (hot(Hot()), hot()):
        async with (
            served(make(max_body=100_000), routes) as address,
            httpx.AsyncClient(base_url=address) as http,
        ):
            # Twice, so that the connection is seen to be as good as before.
            for _ in range(2):
                sent = content if isinstance(content, bytes) else chunks()
                answers.append(await http.request(**asked, content=sent))
    with_hot, *others = answers
    for other in others:
        assert (with_hot.status_code, with_hot.json()) == (other.status_code, other.json())
    assert all("location" not in answer.headers for answer in answers)


# On the wire


HEAD = (
    "POST /api/hot HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer clerk\r\nContent-Type: application/json\r\n"
)


def request(body: str, *more: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in more)
    return f"{HEAD}{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()


class Wire:
    """A connection spoken by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await self._reader.readexactly(int(headers["content-length"]))
        return int(first.split()[1]), headers, json.loads(body)

    async def rest(self) -> bytes:
        return await self._reader.read()


@pytest_asyncio.fixture
async def wire(address: str) -> AsyncIterator[Wire]:
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(10):
        yield Wire(reader, writer)
    writer.close()


async def test_a_request_that_comes_in_pieces(wire: Wire) -> None:
    for byte in request('"plain"', "X-Request-Id: piece"):
        wire.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await wire.answer())[2] == ["piece", "account:12", "en"]


async def test_requests_behind_one_another_are_answered_in_their_order(wire: Wire) -> None:
    bodies = ['"slow"', '"plain"', '{"product_id": 1, "quantity": 3}', '"plain"', '"refuse"', "GET", '"slow"']
    sent = [
        b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
        if body == "GET"
        else request(body, f"X-Request-Id: r{place}")
        for place, body in enumerate(bodies)
    ]
    wire.send(b"".join(sent))
    answers = [await wire.answer() for _ in bodies]
    # Behind another one, a request has the ordinary way: there "plain" is no body of an order.
    assert [status for status, _, _ in answers] == [201, 422, 200, 422, 422, 200, 422]
    assert answers[0][2][0] == "r0"
    assert [headers["x-request-id"] for _, headers, _ in answers if headers["x-request-id"][0] == "r"] == [
        f"r{place}" for place, body in enumerate(bodies) if body != "GET"
    ]
    wire.send(request('"plain"', "X-Request-Id: last"))
    assert (await wire.answer())[2] == ["last", "account:12", "en"]


async def test_who_hangs_up_leaves_no_trace(wire: Wire, http: httpx.AsyncClient) -> None:
    wire.send(request('"slow"')[:-3])
    await asyncio.sleep(0.05)
    wire.writer.close()
    for body in ('"slow"', '"plain"'):
        other = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        other[1].write(request(body))
        await asyncio.sleep(0.05)
        other[1].transport.abort()
    await asyncio.sleep(0.3)
    assert (await ask(http, '"plain"')).status_code == 201


async def test_a_server_that_stops_finishes_what_it_has_taken(served: Any) -> None:
    async with served(make(), hot(Hot())) as address:
        host, port = address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        wire = Wire(reader, writer)
        wire.send(request('"slow"'))
        await asyncio.sleep(0.05)
    status, headers, _ = await wire.answer()
    assert (status, headers["connection"]) == (201, "close")
    assert await wire.rest() == b""
    writer.close()


async def test_the_access_log_names_the_client_behind_the_proxy(
    http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await ask(http, '"plain"', **{"x-forwarded-for": "203.0.113.7", "x-request-id": "r-8"})
    await ask(http, '"plain"', **{"x-request-id": "r-7"})
    await asyncio.sleep(0)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "fenxiao.access" in line]
    assert [(line["http"]["request"]["id"], line["client"]["ip"], line["url"]["path"]) for line in lines] == [
        ("r-8", "203.0.113.7", "/api/hot"),
        ("r-7", "127.0.0.1", "/api/hot"),
    ]
