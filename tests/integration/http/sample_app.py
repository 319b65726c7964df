"""A small application with everything a context's http.py uses, and what its tests ask again and again."""

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

import httpx

from fenxiao.infra.context import current
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.http.auth import MaybeCaller, Principal, require
from fenxiao.infra.http.fields import Amount, Answer, Body, Count, Id, Items, minor
from fenxiao.infra.http.headers import Cursor, Idempotency, IfMatch, Limit, etag
from fenxiao.infra.http.hot import HotAnswer, HotRoutes, Taken
from fenxiao.infra.http.routing import router
from fenxiao.infra.http.web import create_app
from fenxiao.kernel.errors import NotFound, Refusal, Unauthenticated, Unavailable
from fenxiao.kernel.ids import AccountId
from fenxiao.kernel.paging import DEFAULT_LIMIT

LIMIT = 10_000
ZH = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}
JSON = {"content-type": "application/json"}


class TooOften(Refusal):
    """Too often; wait {retry_after} seconds."""

    code = "sample-too-often"
    status = 429


class Line(Body):
    product_id: Id
    quantity: Count


class NewOrder(Body):
    total_price: Amount
    lines: tuple[Line, ...] = ()
    channel: Literal["bank", "alipay"] = "bank"


class Order(Answer):
    order_id: int
    total_minor: int
    key: str | None = None
    digest: str | None = None
    actor: str = ""


routes = router(prefix="/api/orders", tags=["orders"])
hot_routes = router(prefix="/api/hot", tags=["hot"])
seen: list[Once | None] = []


@hot_routes.post("")
async def ordinary(who: Annotated[Principal, require("orders:operate")], body: Line) -> str:
    return f"{body.quantity} for {who.account_id}"


@routes.post("", status_code=201)
async def place(body: NewOrder, once: Idempotency) -> Order:
    seen.append(once)
    total = minor("total_price", body.total_price, "CNY")
    current().replayed = once is not None and once.key == "again"
    return Order(
        order_id=1,
        total_minor=total,
        key=once and once.key,
        digest=once and once.digest.hex(),
        actor=current().actor,
    )


@routes.get("/{order_id}")
async def one(order_id: Id, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Items[Order]:
    await asyncio.sleep(0)
    if order_id == 404:
        raise NotFound(thing="order")
    return Items(items=[Order(order_id=order_id, total_minor=limit, key=cursor, actor=current().request_id)])


@routes.put("/{order_id}")
async def change(order_id: Id, version: IfMatch) -> dict[str, Any]:
    return {"order_id": order_id, "version": version, "etag": etag(7)}


@routes.post("/{order_id}/pay")
async def pay(order_id: Id, who: Annotated[Principal, require("orders:operate")]) -> Order:
    return Order(order_id=order_id, total_minor=who.account_id, actor=current().actor)


@routes.get("/{order_id}/greeting")
async def greet(who: MaybeCaller) -> str:
    return "stranger" if who is None else str(who.account_id)


@routes.get("/faults/{kind}")
async def fault(kind: str) -> None:
    raise {
        "bug": KeyError("a secret of the house"),
        "often": TooOften(retry_after=30),
        "down": Unavailable(),
    }[kind]


async def people(token: str) -> Principal:
    if token == "nobody":
        raise Unauthenticated
    permissions = frozenset({"orders:operate"} if token == "clerk" else ())
    return Principal(account_id=AccountId(12 if token == "clerk" else 13), permissions=permissions)


class Hot:
    """The plain form of `POST /api/hot`."""

    method, path = "POST", "/api/hot"

    def take(self, headers: Mapping[bytes, bytes], body: bytes) -> Taken | None:
        if body == b'"stumble"':
            raise ValueError("a secret of the house")
        known = {b'"plain"', b'"refuse"', b'"break"', b'"slow"'}
        return partial(self._answer, headers, body) if body in known else None

    async def _answer(self, headers: Mapping[bytes, bytes], body: bytes, _: Principal) -> HotAnswer:
        if body == b'"refuse"':
            raise NotFound(thing="hot thing")
        if body == b'"break"':
            raise ValueError("a secret of the house")
        if body == b'"slow"':
            await asyncio.sleep(0.2)
        current().replayed = b"idempotency-key" in headers
        said = [current().request_id, current().actor, current().language]
        return HotAnswer(201, json.dumps(said).encode(), "/api/hot/7")


async def healthy() -> None:
    return None


async def ill() -> None:
    raise ConnectionError("a secret of the house")


async def asleep() -> None:
    await asyncio.sleep(60)


def hot(*routes: Any) -> HotRoutes:
    return HotRoutes(routes, people, access_log=True)


def make(**changes: Any) -> Any:
    parts = {
        "title": "Sample",
        "version": "1",
        "routers": [routes, hot_routes],
        "authenticate": people,
        "max_body": LIMIT,
    }
    return create_app(**{**parts, **changes})


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"/problems/{code}"
    assert body["instance"] == answer.request.url.path
    assert body["title"]
    assert body["detail"]
    return body


async def post(http: httpx.AsyncClient, body: str | bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await http.post("/api/orders", content=body, headers={**JSON, **named})
