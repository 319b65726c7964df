"""Same call, near or far: every test runs against the near side and over a socket to another process."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import far_service as sample
import httpx
import pytest
import pytest_asyncio

from fenxiao.infra.context import RequestContext, use
from fenxiao.infra.db.transaction import in_transaction
from fenxiao.infra.http.client import FarFault, open_client, remote
from fenxiao.infra.http.ports import CalledInsideTransaction, guard
from fenxiao.infra.http.remote import serve
from fenxiao.infra.i18n import detail
from fenxiao.kernel.errors import Invalid, Unavailable

FILE = Path(__file__).with_name("far_service.py")
TOKEN = "between-services"


@contextmanager
def another_process() -> Iterator[str]:
    program = [sys.executable, str(FILE), TOKEN]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with another_process() as url:
        yield url


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(timeout=5) as client:
        yield client


def far(address: str, http: httpx.AsyncClient, **changes: Any) -> Any:
    return remote(
        sample.StockApi,
        **{"base_url": address, "context": "stock", "token": TOKEN, "client": http, **changes},
    )


@pytest.fixture(params=["near", "far"])
def port(request: pytest.FixtureRequest, address: str, http: httpx.AsyncClient) -> Any:
    return guard(sample.Stock() if request.param == "near" else far(address, http))


async def test_lists_of_answers_and_refusals(port: Any) -> None:
    at = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    held, refused = await port.hold(
        requests=[sample.Request(product_id=1, quantity=3, at=at), sample.Request(product_id=2, quantity=30)]
    )
    assert held == sample.Held(product_id=1, price_minor=50_000, at=at)
    assert type(refused) is sample.OutOfStock
    assert (refused.params, refused.status) == ({"left": 10, "product_id": 2}, 409)


async def test_defaults_mappings_and_pages(port: Any) -> None:
    assert await port.prices(product_ids=(1, 2)) == {1: 100, 2: 100}
    assert await port.prices(product_ids=(1,), currency="JPY") == {1: 1}
    page = await port.page(cursor="abc")
    assert page.next_cursor == "abc"
    assert page.items == (sample.Held(product_id=1, price_minor=1, at=None),)


async def test_what_is_raised_there_is_raised_here(port: Any) -> None:
    with pytest.raises(sample.OutOfStock) as caught:
        await port.refuse(product_id=7)
    assert caught.value.message() == "Only 0 of product 7 are left."
    with pytest.raises(Invalid) as caught:
        await port.misuse(field="lines.0.quantity")
    assert (caught.value.errors[0].field, caught.value.errors[0].params) == ("lines.0.quantity", {"ge": 1})
    assert detail(caught.value, "zh") == "请求中有字段无效。"


async def test_the_request_travels_along(port: Any) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with use(
        RequestContext(request_id="r-1", actor="account:12", language="zh", traceparent=trace)
    ) as context:
        seen = await port.surroundings()
        await port.hold(requests=[])
        assert not context.replayed
    assert seen == sample.Surroundings(actor="account:12", language="zh", request_id="r-1", traceparent=trace)


async def test_no_call_inside_a_transaction(port: Any) -> None:
    token = in_transaction.set(True)
    with pytest.raises(CalledInsideTransaction):
        await port.count()
    in_transaction.reset(token)
    assert await port.count() > 0


async def test_many_calls_at_once(port: Any) -> None:
    answers = await asyncio.gather(*(port.prices(product_ids=(number,)) for number in range(200)))
    assert [list(answer) for answer in answers] == [[number] for number in range(200)]


async def test_arguments_are_named_and_complete(address: str, http: httpx.AsyncClient) -> None:
    port = far(address, http)
    for call in (port.page, lambda: port.page(cursor=None, extra=1), lambda: port.page("abc")):
        with pytest.raises(TypeError):
            await call()
    with pytest.raises(TypeError):
        await port.prices(product_ids=("1",))
    with pytest.raises(TypeError):
        far(address, http, reads=["prizes"])


async def test_a_fault_over_there_shows_nothing_of_itself(address: str, http: httpx.AsyncClient) -> None:
    with pytest.raises(FarFault, match="fail answered 500"):
        await far(address, http).fail()
    answer = await http.post(
        f"{address}/internal/stock/fail", json={}, headers={"x-fenxiao-service-token": TOKEN}
    )
    assert "secret" not in answer.text


@pytest.mark.parametrize("token", ["", "wrong", "between-service", "bétween", None])
async def test_without_the_token_nothing_is_answered_or_read(
    address: str, http: httpx.AsyncClient, token: str | None
) -> None:
    headers = {} if token is None else {"x-fenxiao-service-token": token.encode()}
    for body in (b"{}", b"not json"):
        answer = await http.post(f"{address}/internal/stock/count", content=body, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
    with pytest.raises(FarFault, match="401"):
        await far(address, http, token="wrong").count()


async def test_services_without_a_token_are_not_served() -> None:
    with pytest.raises(ValueError, match="token"):
        serve(sample.StockApi, sample.Stock(), context="stock", token="")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"cursor": 5}', b"\xff", b'{"other": 1}'])
async def test_a_call_that_is_not_understood(address: str, http: httpx.AsyncClient, body: bytes) -> None:
    headers = {"x-fenxiao-service-token": TOKEN}
    answer = await http.post(f"{address}/internal/stock/page", content=body, headers=headers)
    assert answer.status_code in (400, 500)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_does_not_answer_is_unavailable(http: httpx.AsyncClient, address: str) -> None:
    async with open_client(timeout=0.2) as hasty:
        with pytest.raises(Unavailable):
            await far(address, hasty, reads=["sleep"]).sleep(milliseconds=5000)
    with another_process() as url:
        port = far(url, http)
        assert await port.count() == 1
    with pytest.raises(Unavailable):
        await port.count()
    with pytest.raises(Unavailable):
        await far("http://127.0.0.1:1", http).count()


class _Breaking(httpx.AsyncBaseTransport):
    """Fails the first calls in a given way, then answers 1."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.calls = 0

    async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return httpx.Response(200, json=1)


@pytest.mark.parametrize(
    ("faults", "reads", "calls", "answered"),
    [
        ([httpx.ConnectError("")], [], 2, True),
        ([httpx.ConnectError("")] * 2, [], 2, False),
        ([httpx.ReadError("")], [], 1, False),
        ([httpx.ReadError("")], ["count"], 2, True),
        ([httpx.RemoteProtocolError("")] * 2, ["count"], 2, False),
        ([httpx.ReadTimeout("")], ["count"], 1, False),
    ],
)
async def test_a_call_is_repeated_only_where_that_is_safe(
    faults: list[Exception], reads: list[str], calls: int, answered: bool
) -> None:
    transport = _Breaking(*faults)
    async with httpx.AsyncClient(transport=transport) as client:
        port = far("http://stock", client, reads=reads)
        if answered:
            assert await port.count() == 1
        else:
            with pytest.raises(Unavailable):
                await port.count()
    assert transport.calls == calls


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateway_that_finds_nobody_is_unavailable(status: int) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(status))) as client:
        with pytest.raises(Unavailable):
            await far("http://stock", client).count()
