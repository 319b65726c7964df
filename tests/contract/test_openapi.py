"""The OpenAPI document: it is valid, it names what the contract promises, and the system keeps to it.

The last test makes up requests from the document itself, good ones and broken ones, on a system with a small world
in it, and holds every answer against the document. It is bounded and always tries the same.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import httpx
import hypothesis
import pytest
import pytest_asyncio
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

Call = Callable[..., Awaitable[Any]]

PROMISED = """
    GET /.well-known/openid-configuration
    GET /oauth2/jwks
    POST /oauth2/token
    POST /oauth2/revoke
    GET /oauth2/userinfo
    POST /api/products
    GET /api/products
    GET /api/products/{product_id}
    PATCH /api/products/{product_id}
    PUT /api/inventory/{product_id}
    GET /api/inventory/{product_id}
    GET /api/inventory
    GET /api/inventory/{product_id}/movements
    POST /api/inventory/adjustments
    POST /api/inventory/transfers
    GET /api/inventory/counts
    POST /api/inventory/counts
    GET /api/inventory/counts/{count_id}
    PUT /api/inventory/counts/{count_id}/lines
    POST /api/inventory/counts/{count_id}/close
    POST /api/inventory/counts/{count_id}/cancel
    GET /api/inventory/{product_id}/batches/{batch_id}/recall
    POST /api/inventory/{product_id}/batches/{batch_id}/recall
    POST /api/inventory/{product_id}/batches/{batch_id}/recall/lift
    GET /api/categories
    POST /api/categories
    PATCH /api/categories/{category_id}
    DELETE /api/categories/{category_id}
    GET /api/tags
    POST /api/tags
    PATCH /api/tags/{tag_id}
    DELETE /api/tags/{tag_id}
    POST /api/tags/{tag_id}/merge
    GET /api/products/export
    POST /api/products/import
    GET /api/inventory/export
    POST /api/inventory/import
    GET /api/imports/{import_id}
    POST /api/imports/{import_id}/cancel
    POST /api/orders
    GET /api/orders
    GET /api/orders/{order_id}
    POST /api/orders/{order_id}/pay
    POST /api/orders/{order_id}/ship
    POST /api/orders/{order_id}/complete
    POST /api/orders/{order_id}/cancel
    POST /api/orders/{order_id}/refunds
    GET /api/commission/{distributor_id}
    POST /api/commission/{distributor_id}/settlements
    GET /api/commission/entries/{commission_id}/explanation
    POST /api/settlements
    GET /api/settlements/{settlement_id}
    POST /api/distributors
    GET /api/distributors
    GET /api/distributors/{distributor_id}
    PATCH /api/distributors/{distributor_id}
    POST /api/distributors/{distributor_id}/activate
    POST /api/distributors/{distributor_id}/suspend
    PUT /api/distributors/{distributor_id}/grade
    PUT /api/distributors/{distributor_id}/sponsor
    GET /api/distributors/{distributor_id}/upline
    GET /api/distributors/{distributor_id}/downline
    GET /api/distributors/{distributor_id}/downline/summary
    GET /api/grades
    POST /api/grades
    GET /api/rules
    POST /api/rules
    PUT /api/rules/{rule_id}
    POST /api/rules/{rule_id}/publish
    GET /api/rules/active
    GET /api/rules/{rule_id}/diff
    GET /api/reports/sales
    GET /api/audit-log
    GET /api/webhooks
    POST /api/webhooks
    POST /api/webhooks/{webhook_id}/rotate-secret
    GET /api/webhooks/{webhook_id}/deliveries
    POST /api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver
    POST /api/webhooks/{webhook_id}/replay
    GET /api/notices
    GET /api/payouts
    GET /api/payouts/{payout_number}
    POST /api/payouts/batches
    POST /api/payouts/reconciliations
    GET /api/payouts/reconciliations/{reconciliation_id}/differences
"""
CREATES = [
    line.split()[1]
    for line in PROMISED.strip().splitlines()
    if line.split()[0] == "POST" and "oauth2" not in line
]
TRANSITIONS = {"pay", "ship", "complete", "cancel", "activate", "suspend", "close", "merge"}

KEEPS_TO = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 6
"""Requests of each kind for each operation: enough to meet every field, few enough for a minute."""

SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest_asyncio.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


async def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()


async def test_everything_promised_is_in_it(document: dict[str, Any]) -> None:
    there = {f"{method} {path}" for method, path, _ in operations(document)}
    assert {line.strip() for line in PROMISED.strip().splitlines()} - there == set()


async def test_nothing_internal_is_in_it(document: dict[str, Any]) -> None:
    assert [
        path for path in document["paths"] if not path.startswith(("/api/", "/oauth2/", "/.well-known/"))
    ] == []


async def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert sorted(names) == sorted(set(names))
    silent = [
        f"{method} {path}"
        for method, path, operation in operations(document)
        if not (operation.get("description") or operation.get("summary"))
    ]
    assert silent == []


async def test_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for status in ("4XX", "5XX"):
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], (method, path)
    members = document["components"]["schemas"]["Problem"]["properties"]
    assert {"type", "title", "status", "detail", "instance", "code", "errors"} <= set(members)


async def test_whatever_creates_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    lacking = []
    for path in CREATES:
        parameters = document["paths"][path]["post"].get("parameters", [])
        named = {parameter["name"].lower() for parameter in parameters if parameter["in"] == "header"}
        if path.rpartition("/")[2] not in TRANSITIONS and "idempotency-key" not in named:
            lacking.append(path)
    assert lacking == []


async def test_lists_are_paged(document: dict[str, Any]) -> None:
    """Whatever answers items with a cursor takes a limit of at most 200 and that cursor."""
    for name in ("products", "orders", "distributors", "rules", "categories", "tags", "audit-log"):
        parameters = {one["name"]: one for one in document["paths"][f"/api/{name}"]["get"]["parameters"]}
        assert (parameters["limit"]["schema"]["maximum"], parameters["limit"]["schema"]["default"]) == (
            200,
            50,
        )
        assert "cursor" in parameters


async def test_only_the_doors_are_open_without_a_token(document: dict[str, Any]) -> None:
    opened = {
        f"{method} {path}"
        for method, path, operation in operations(document)
        if not operation.get("security")
    }
    assert {one for one in opened if "/api/" in one} == {
        "POST /api/distributors",
        # The signature says who calls.
        "POST /api/payments/callbacks/{channel}",
    }


@pytest_asyncio.fixture
async def world(client: httpx.AsyncClient, admin: dict[str, str], system: Any) -> None:
    """Three of everything, so that made-up ids meet something."""

    async def call(method: str, path: str, body: Any) -> Any:
        answer = await client.request(method, path, json=body, headers=admin)
        assert answer.is_success, (method, path, answer.text)
        return answer.json()

    plan: dict[str, Any] = {"name": "p", "currency": "CNY"}
    plan["components"] = [{"type": "unilevel", "name": "up", "levels": ["0.10", "0.05"]}]
    rules = [(await call("POST", "/api/rules", plan))["rule_id"] for _ in range(3)]
    await call("POST", "/api/rules/1/publish", {})
    sponsor = None
    for number in (1, 2, 3):
        await call("POST", "/api/categories", {"name": f"c{number}"})
        await call("POST", "/api/grades", {"grade": f"g{number}", "rank": number})
        product = {"name": f"p{number}", "price": "10.00", "category_id": number, "tags": [f"t{number}"]}
        await call("POST", "/api/products", product)
        await call("PUT", f"/api/inventory/{number}", {"stock": 1000})
        person: dict[str, Any] = {
            "username": f"u{number}",
            "password": "long-enough-1",
            "display_name": f"d{number}",
        }
        person |= {"sponsor_id": sponsor} if sponsor else {}
        sponsor = (await call("POST", "/api/distributors", person))["distributor_id"]
    for steps in ((), ("pay",), ("pay", "ship", "complete")):
        sale = {"distributor_id": sponsor, "product_id": 1, "quantity": 2}
        order = await call("POST", "/api/orders", sale)
        for step in steps:
            await call("POST", f"/api/orders/{order['order_id']}/{step}", {})
    await system.drain()
    assert rules == [1, 2, 3]


@pytest.mark.usefixtures("world")
@pytest.mark.timeout(300)  # It asks every call, so it grows with the contract.
async def test_the_system_keeps_to_its_document(
    document: dict[str, Any], client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    loop = asyncio.get_running_loop()
    done: set[str] = set()

    def ask(case: schemathesis.Case[Any]) -> httpx.Response:
        sent = requests.Request(**_sent(case, admin)).prepare()
        content = sent.body.encode() if isinstance(sent.body, str) else cast("bytes | None", sent.body)
        headers = {name: str(value) for name, value in sent.headers.items()}
        request = client.request(sent.method or "", sent.url or "", content=content, headers=headers)
        answer = asyncio.run_coroutine_threadsafe(request, loop).result(timeout=20)
        if answer.is_success:
            done.add(f"{case.method} {case.path}")
        return answer

    faults = await asyncio.to_thread(_explored, schemathesis.openapi.from_dict(document), ask)
    assert faults == {}
    assert len(done) > 40, "the made-up requests are refused nearly everywhere and prove little"


def _sent(case: schemathesis.Case[Any], admin: dict[str, str]) -> dict[str, Any]:
    sent = case.as_transport_kwargs(base_url="http://test")
    headers = {name: value for name, value in (sent.get("headers") or {}).items() if value is not None}
    return {
        name: sent[name] for name in ("method", "url", "params", "json", "data", "cookies") if name in sent
    } | {"headers": headers | admin}


def _explored(schema: Any, ask: Callable[[schemathesis.Case[Any]], httpx.Response]) -> dict[str, str]:
    """What each operation did wrong."""
    faults = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in schemathesis.GenerationMode:
            try:
                _tried(operation, mode, ask)
            except hypothesis.errors.Unsatisfiable:
                continue  # nothing about it can be broken
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all are told together
                faults[f"{operation.label} {mode.value}"] = "\n".join([str(error), *_told(error)])
    return faults


def _told(error: BaseException) -> list[str]:
    return [str(inner) for inner in getattr(error, "exceptions", ())]


def _tried(operation: Any, mode: Any, ask: Callable[[schemathesis.Case[Any]], httpx.Response]) -> None:
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @SETTINGS
    def keeps_to_the_document(case: schemathesis.Case[Any]) -> None:
        if mode is schemathesis.GenerationMode.POSITIVE:
            case.path_parameters = _known_ids(case.path_parameters)
            case.body = _known_ids(case.body)
        case.validate_response(ask(case), checks=KEEPS_TO)

    keeps_to_the_document()


def _known_ids(given: Any) -> Any:
    """The same with ids that the world has, most of the time."""
    if isinstance(given, list):
        return [_known_ids(one) for one in given]
    if not isinstance(given, dict):
        return given
    return {name: _known_id(name, value) for name, value in given.items()}


def _known_id(name: str, value: Any) -> Any:
    if name.endswith("_id") and isinstance(value, int) and not isinstance(value, bool):
        return random.Random(value).randint(1, 4)
    return _known_ids(value)
