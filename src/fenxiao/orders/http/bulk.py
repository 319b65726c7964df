"""Many orders in one request: each is placed or refused as if it had been sent alone."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import APIRouter, Request, Response

from fenxiao.infra.context import current
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.http import problem
from fenxiao.infra.http.auth import Caller, Principal
from fenxiao.infra.http.body import parse
from fenxiao.infra.http.fields import Answer
from fenxiao.infra.http.headers import Idempotency, digest_of
from fenxiao.infra.http.problem import InternalError, NotJson
from fenxiao.kernel.errors import KeyReused, Refusal
from fenxiao.orders.http.answers import PlacedAnswer
from fenxiao.orders.http.bodies import BulkBody
from fenxiao.orders.http.decoding import KeyedOrder, bulk_bodies, order_body
from fenxiao.orders.http.placing import (
    CREATE,
    OPERATE,
    Sender,
    as_sent,
    asked_for,
    in_its_currency,
    may_place,
)
from fenxiao.orders.http.wire import placed
from fenxiao.orders.service import Orders
from fenxiao.orders.service.attempt import Answered, Asked

AT_ONCE = 250
"""Orders of a request that are placed together: so many that a statement pays, so few that nobody waits for them long."""
PATH = "/api/orders/bulk"


class BulkItemAnswer(Answer):
    """What became of one order: its status as if it had been sent alone, and the order or the problem."""

    status: int
    order: PlacedAnswer | None = None
    problem: dict[str, Any] | None = None


class BulkAnswer(Answer):
    """What became of each order, in the order sent."""

    items: Sequence[BulkItemAnswer]


_Outcome = Answered | Exception
_log = structlog.get_logger(__name__)


class _Item:
    """One order of the request on its way to its answer."""

    __slots__ = ("asked", "body", "outcome", "sender")

    def __init__(self) -> None:
        self.body: KeyedOrder | None = None
        self.sender: Sender | None = None
        self.asked: Asked | None = None
        self.outcome: _Outcome | None = None


def add_bulk(routes: APIRouter, orders: Orders, currency: str) -> None:
    """The route for many orders; `currency` is the one meant where none is named."""

    @routes.post(
        PATH,
        response_model=BulkAnswer,
        response_model_exclude_unset=True,
        openapi_extra={"requestBody": _described()},
    )
    async def place_many(who: Caller, request: Request, once: Idempotency) -> Response:
        """Place up to 1,000 orders; each is answered for itself, in the order sent, and a bad one fails alone."""
        if not who.may(CREATE):
            who.demand(OPERATE)
        items = [
            _item(orders, raw, Sender(who, current().actor, _nth(once, place), currency))
            for place, raw in enumerate(bulk_bodies(await _json(request)))
        ]
        if once is not None:
            await _refuse_reused(orders, once, items)
        await _place(orders, items)
        await _place(orders, [item for item in items if _means_other_currency(item)])
        await _remember(orders, once, items)
        return Response(
            msgspec.json.encode({"items": [_told(n, i) for n, i in enumerate(items)]}),
            media_type="application/json",
        )


async def _json(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (
        kind
        and kind != "application/json"
        and not (kind.startswith("application/") and kind.endswith("+json"))
    ):
        raise NotJson
    return await request.body()


def _nth(once: Once | None, place: int) -> Once | None:
    """The key of one order under the request's: no header can hold the blank."""
    return None if once is None else Once(once.account, f"{once.key} {place}", once.digest)


def _item(orders: Orders, raw: bytes, sender: Sender) -> _Item:
    item = _Item()
    try:
        body = item.body = order_body(raw)
        if body.idempotency_key is not None:
            sender = replace(sender, once=_own(sender.who, body.idempotency_key, raw))
        item.sender = sender
        may_place(orders, sender.who, body)
        item.asked = asked_for(body, sender)
    except Refusal as refusal:
        item.outcome = refusal
    return item


def _own(who: Principal, key: str, raw: bytes) -> Once:
    """The promise of an order's own key: the same as if it had been sent alone with this Idempotency-Key."""
    body = parse(raw)
    del body["idempotency_key"]
    return Once(str(who.account_id), key, digest_of("POST", "/api/orders", body))


async def _refuse_reused(orders: Orders, once: Once, items: Sequence[_Item]) -> None:
    keys = [item.sender.once for item in items if item.sender is not None and item.sender.once is not None]
    own = [key for key in keys if key.key.startswith(f"{once.key} ")]
    if any(isinstance(known, KeyReused) for known in await orders.kept([once, *own])):
        raise KeyReused


async def _place(orders: Orders, items: Sequence[_Item]) -> None:
    open_ = [(item, item.asked) for item in items if item.asked is not None]
    for start in range(0, len(open_), AT_ONCE):
        chunk = open_[start : start + AT_ONCE]
        for (item, _), outcome in zip(
            chunk, await orders.place_asked([asked for _, asked in chunk]), strict=True
        ):
            item.outcome = outcome


def _means_other_currency(item: _Item) -> bool:
    if item.body is None or item.sender is None:
        return False
    sender = in_its_currency(item.outcome, item.body, item.sender)
    if sender is None:
        return False
    try:
        item.asked = asked_for(item.body, sender)
    except Refusal as refusal:
        item.outcome = refusal
        return False
    return True


async def _remember(orders: Orders, once: Once | None, items: Sequence[_Item]) -> None:
    done = [item.outcome for item in items if isinstance(item.outcome, Answered)]
    if not done:
        return
    current().replayed |= all(answered.replayed for answered in done)
    if once is not None:
        await orders.remember(once)


def _told(place: int, item: _Item) -> dict[str, Any]:
    outcome = item.outcome
    if isinstance(outcome, Answered):
        there = not outcome.made and not outcome.replayed
        return {"status": HTTPStatus.OK if there else HTTPStatus.CREATED, "order": placed(outcome.order)}
    refusal = _refusal(outcome)
    if item.body is not None:
        refusal = as_sent(refusal, item.body)
    document = problem.document(refusal, instance=f"{PATH}#/orders/{place}", language=current().language)
    return {"status": refusal.status, "problem": document}


def _refusal(outcome: Exception | None) -> Refusal:
    if isinstance(outcome, Refusal):
        return outcome
    _log.error("an order could not be placed", exc_info=outcome)
    return InternalError(request_id=current().request_id)


def _described() -> dict[str, Any]:
    """The body for the OpenAPI document: the route reads it by itself, so nobody else describes it."""
    schema = BulkBody.model_json_schema(ref_template="{model}")
    schema = _inlined(schema, schema.pop("$defs"))
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _inlined(value: Any, parts: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(each, parts) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _inlined(parts[value["$ref"]], parts)
    return {name: _inlined(each, parts) for name, each in value.items()}
