"""One order in a request: the ordinary route, and the quick way for the plain ones that come by the thousand.

Both read the same body into the same order and place it in the same batches.
"""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Response

from fenxiao.infra.coalesce import Coalescer
from fenxiao.infra.context import current
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.http.auth import Caller, Principal
from fenxiao.infra.http.headers import Idempotency, once_of_plain
from fenxiao.infra.http.hot import HotAnswer, Taken
from fenxiao.kernel.errors import Refusal
from fenxiao.orders.http.answers import PlacedAnswer, placed_answer
from fenxiao.orders.http.bodies import OrderBody
from fenxiao.orders.http.decoding import SentOrder, plain_order
from fenxiao.orders.http.placing import Sender, as_sent, asked_for, in_its_currency, may_place
from fenxiao.orders.http.wire import placed
from fenxiao.orders.service import Orders
from fenxiao.orders.service.attempt import Answered, Asked

PATH = "/api/orders"
AT_ONCE = 64
"""Most orders of single requests that are placed together."""

FLIGHTS = 2
"""Batches under way at a time: while one waits for the disk, the next takes its stock."""


class SinglePlacing:
    """Places orders that come one by one, many at a time."""

    def __init__(self, orders: Orders, currency: str) -> None:
        self._orders, self._currency = orders, currency
        self._place: Coalescer[Asked, Answered] = Coalescer(orders.place_asked, most=AT_ONCE, flights=FLIGHTS)

    async def place(self, who: Principal, body: SentOrder, once: Once | None) -> Answered:
        """The order of a body; a refusal names the fields as they were sent."""
        may_place(self._orders, who, body)
        sender = Sender(who, current().actor, once, self._currency)
        try:
            answered = await self._in_its_currency(body, sender)
        except Refusal as refusal:
            raise as_sent(refusal, body) from None
        # Set here, in the request's own context: the work was done in that of a whole batch.
        current().replayed |= answered.replayed
        return answered

    async def _in_its_currency(self, body: SentOrder, sender: Sender) -> Answered:
        try:
            return await self._place(asked_for(body, sender))
        except Refusal as refusal:
            other = in_its_currency(refusal, body, sender)
            if other is None:
                raise
            return await self._place(asked_for(body, other))


def add_placing(routes: APIRouter, placing: SinglePlacing) -> None:
    """The ordinary route."""

    @routes.post(
        PATH,
        status_code=HTTPStatus.CREATED,
        responses={200: {"model": PlacedAnswer, "description": "It existed"}},
    )
    async def place_order(
        who: Caller, body: OrderBody, once: Idempotency, response: Response
    ) -> PlacedAnswer:
        """Place an order: one product, or `lines`. The same `external_id` again answers the order as it is (200)."""
        answered = await placing.place(who, body, once)
        response.status_code = _status(answered)
        response.headers["Location"] = _location(answered)
        return placed_answer(answered.order)


class HotPlacing:
    """The quick way: what is not plainly good is left to the ordinary route."""

    method, path = "POST", PATH

    def __init__(self, placing: SinglePlacing) -> None:
        self._placing = placing

    def take(self, headers: Mapping[bytes, bytes], body: bytes) -> Taken | None:
        """See `HotRoute`."""
        order = plain_order(body)
        return None if order is None else partial(self._answer, order, headers.get(b"idempotency-key"), body)

    async def _answer(self, order: SentOrder, key: bytes | None, body: bytes, who: Principal) -> HotAnswer:
        once = None if key is None else once_of_plain(str(who.account_id), key, PATH, body)
        answered = await self._placing.place(who, order, once)
        return HotAnswer(_status(answered), msgspec.json.encode(placed(answered.order)), _location(answered))


def _status(answered: Answered) -> HTTPStatus:
    return HTTPStatus.CREATED if answered.made or answered.replayed else HTTPStatus.OK


def _location(answered: Answered) -> str:
    return f"{PATH}/{answered.order.order_id}"
