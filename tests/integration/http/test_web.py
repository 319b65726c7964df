"""The application's frame: numbers, errors, ids, languages, metrics, as a client meets them."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from sample_app import ZH, asleep, healthy, ill, make, one, post, problem

from fenxiao.infra.context import current
from fenxiao.infra.http.routing import router

# Numbers and bodies


@pytest.mark.parametrize(
    ("written", "total"),
    [
        ("500.00", 50000),
        ("0.1", 10),
        ('"0.07"', 7),
        ("1e2", 10000),
        ("1.1", 110),
        ("70368744177664.07", 7036874417766407),
    ],
)
async def test_amounts_arrive_exactly(http: httpx.AsyncClient, written: str, total: int) -> None:
    answer = await post(http, f'{{"total_price": {written}}}')
    assert answer.status_code == 201
    assert answer.json()["total_minor"] == total


@pytest.mark.parametrize(
    "written",
    ["0.001", "1e400", "1e-400", "500.0000000000000000000000000000001", "true", "null", '"x"', "9" * 4000],
)
async def test_amounts_that_are_none_name_their_field(http: httpx.AsyncClient, written: str) -> None:
    body = problem(await post(http, f'{{"total_price": {written}}}'), 422, "validation-failed")
    assert [error["field"] for error in body["errors"]] == ["total_price"]


@pytest.mark.parametrize(
    "sent",
    [
        "{",
        "NaN",
        '{"total_price": Infinity}',
        '{"a": 1, "a": 2}',
        b"\xff",
        "[" * 5000,
        '{"total_price": "\\u0000"}',
        "9" * 5000,
    ],
)
async def test_bodies_that_are_no_json(http: httpx.AsyncClient, sent: str | bytes) -> None:
    body = problem(await post(http, sent), 400, "malformed-body")
    assert body["errors"][0]["field"] == "body"


async def test_field_errors_in_both_languages(http: httpx.AsyncClient) -> None:
    sent = (
        '{"total_price": 5, "lines": [{"product_id": true, "quantity": 0}], "channel": "cash", "colour": 1}'
    )
    english = problem(await post(http, sent), 422, "validation-failed")
    assert english["errors"] == [
        {"field": "lines.0.product_id", "message": "Send a whole number, such as 10."},
        {"field": "lines.0.quantity", "message": "Send 1 or more."},
        {"field": "channel", "message": "Send one of: bank, alipay."},
        {"field": "colour", "message": "There is no such field; check its spelling."},
    ]
    answer = await post(http, sent, **ZH)
    chinese = problem(answer, 422, "validation-failed")
    assert answer.headers["content-language"] == "zh-CN"
    assert chinese["title"] == "校验未通过"
    assert [error["message"] for error in chinese["errors"]][:2] == [
        "请填写整数，例如 10。",
        "请填写不小于 1 的数。",
    ]


async def test_a_form_is_told_to_be_json(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/orders", data={"total_price": "5"})
    problem(answer, 415, "not-json")
    problem(await http.post("/api/orders"), 422, "validation-failed")
    problem(await http.post("/api/orders", data={"username": "li\0"}), 400, "malformed-body")


async def test_unknown_parameters_are_named(http: httpx.AsyncClient) -> None:
    body = problem(await http.get("/api/orders/1?limt=5"), 422, "validation-failed")
    assert body["errors"] == [
        {"field": "limt", "message": "There is no such parameter; there are: cursor, limit."}
    ]
    for query in ("limit=0", "limit=201", "limit=x", "limit=1.5", "limit="):
        assert (
            problem(await http.get(f"/api/orders/1?{query}"), 422, "validation-failed")["errors"][0]["field"]
            == "limit"
        )
    assert (await http.get("/api/orders/1?limit=7&cursor=abc")).json()["items"][0]["total_minor"] == 7


# Errors


@pytest.mark.parametrize("order", ["0", "-1", "x", "1.5", str(2**63), "9" * 5000, "%00"])
async def test_ids_that_cannot_be(http: httpx.AsyncClient, order: str) -> None:
    answer = await http.get(f"/api/orders/{order}")
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_refusals_and_missing_paths(http: httpx.AsyncClient) -> None:
    assert (
        problem(await http.get("/api/orders/404"), 404, "not-found")["detail"]
        == "There is no order with this id."
    )
    problem(await http.get("/nowhere"), 404, "no-such-path")
    answer = await http.delete("/api/orders/1")
    assert problem(answer, 405, "method-not-allowed")["detail"].startswith("The address does not take DELETE")
    assert answer.headers["allow"]
    answer = await http.get("/api/orders/faults/often")
    problem(answer, 429, "sample-too-often")
    assert answer.headers["retry-after"] == "30"
    answer = await http.get("/api/orders/faults/down")
    problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    problem(await http.get("/api/orders/1?cursor=%00"), 400, "malformed-request")


async def test_a_bug_shows_the_request_id_and_nothing_else(
    http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await http.get("/api/orders/faults/bug", headers={"x-request-id": "r-77"})
    body = problem(answer, 500, "internal-error")
    assert "r-77" in body["detail"]
    assert "secret" not in answer.text
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    traced = next(line for line in logged if "error" in line)
    assert "a secret of the house" in traced["error"]["stack_trace"]
    assert traced["http"]["request"]["id"] == "r-77"


async def test_problems_are_explained(http: httpx.AsyncClient) -> None:
    answer = await http.get("/problems/not-found", headers=ZH)
    assert answer.json() == {
        "type": "/problems/not-found",
        "code": "not-found",
        "status": 404,
        "title": "未找到",
        "detail": "没有编号为此值的{thing}。",
    }
    problem(await http.get("/problems/none-such"), 404, "no-such-path")


# Surroundings


async def test_request_ids_are_taken_or_made(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz", headers={"x-request-id": "abc-1"})).headers["x-request-id"] == "abc-1"
    made = {
        (await http.get("/healthz", headers={"x-request-id": bad})).headers["x-request-id"]
        for bad in ("", "a b", "x" * 200, 'a"b')
    }
    assert len(made) == 4
    assert all(len(identifier) == 32 for identifier in made)


async def test_requests_at_once_keep_their_own_surroundings(http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(http.get("/api/orders/1", headers={"x-request-id": f"r{n}"}) for n in range(50))
    )
    assert [answer.json()["items"][0]["actor"] for answer in answers] == [f"r{n}" for n in range(50)]
    assert current().actor == "system"


async def test_metrics_are_by_route(http: httpx.AsyncClient) -> None:
    await http.get("/api/orders/123456")
    await http.get("/nowhere/123456")
    await http.request("BREW", "/api/orders/1")
    text = (await http.get("/metrics")).text
    assert 'fenxiao_http_requests_total{method="GET",route="/api/orders/{order_id}",status="200"}' in text
    assert (
        'fenxiao_http_request_seconds_bucket{le="0.001",method="GET",route="/api/orders/{order_id}"}' in text
    )
    assert 'route="unmatched",status="404"' in text
    assert 'method="OTHER"' in text
    assert "123456" not in text


async def test_an_included_prefix_is_part_of_the_route() -> None:
    inner = router(tags=["inner"])
    inner.add_api_route("/{thing_id}", one, methods=["GET"])
    outer = router()
    outer.include_router(inner, prefix="/api/outer")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(make(routers=[outer])), base_url="http://test"
    ) as http:
        await http.get("/api/outer/5")
        problem(await http.get("/api/outer/5?limt=1"), 422, "validation-failed")
        assert 'route="/api/outer/{thing_id}"' in (await http.get("/metrics")).text


async def test_every_request_leaves_one_line(
    http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await http.get("/api/orders/5", headers={"x-request-id": "r-5"})
    await http.get("/healthz")
    # The lines of one round of the event loop are written together at its end.
    await asyncio.sleep(0)
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert line["http"]["route"] == "/api/orders/{order_id}"
    assert line["http"]["response"]["status_code"] == 200
    assert line["http"]["request"] == {"method": "GET", "id": "r-5"}
    assert line["user"]["id"] == "anonymous"
    assert line["event"]["duration"] > 0


async def test_probes() -> None:
    async def state(probes: dict[str, Any]) -> tuple[int, Any]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(make(probes=probes)), base_url="http://test"
        ) as http:
            assert (await http.get("/healthz")).json() == {"status": "alive"}
            answer = await http.get("/readyz")
            return answer.status_code, answer.json()

    assert await state({}) == (200, {"status": "ready", "checks": {}})
    assert await state({"db": healthy}) == (200, {"status": "ready", "checks": {"db": "ok"}})
    checks = {"db": "ok", "bus": "failed", "far": "no answer"}
    assert await state({"db": healthy, "bus": ill, "far": asleep}) == (
        503,
        {"status": "not ready", "checks": checks},
    )
