"""Orders over HTTP: parse, authorise, call, shape the answer.

An order that is not the caller's to see is answered 404; one that he may see and not change, 403.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from fenxiao.infra.coalesce import Coalescer
from fenxiao.infra.context import current
from fenxiao.infra.http.auth import Caller, Principal
from fenxiao.infra.http.fields import MAX_ID, Items, items, minor
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import DistributorId, LineId, OrderId
from fenxiao.kernel.paging import DEFAULT_LIMIT, Page
from fenxiao.orders.api import ExternalOrderTaken, NewRefund, OrderMissing, OtherCurrency, RefundUnits
from fenxiao.orders.events import Status
from fenxiao.orders.http.models import (
    Bound,
    HistoryAnswer,
    NothingBody,
    OrderAnswer,
    OrderBody,
    PayBody,
    PlacedAnswer,
    RefundAnswer,
    RefundBody,
    history_answer,
    order_answer,
    placed_answer,
    refund_answer,
)
from fenxiao.orders.http.placing import CREATE, OPERATE, READ, Sender, as_sent, asked_for
from fenxiao.orders.queries.views import Filter, Head
from fenxiao.orders.service import Orders
from fenxiao.orders.service.attempt import Answered, Asked
from fenxiao.orders.service.transitions import PaymentNote

OrderNumber = Annotated[int, Path(ge=1, le=MAX_ID)]
AT_ONCE = 64
"""Most orders of single requests that are placed together."""


def router(orders: Orders, *, currency: str) -> APIRouter:
    """All routes of orders; `currency` is the one meant where none is named."""
    routes = new_router(tags=["orders"])
    _add_placing(routes, orders, currency)
    _add_reading(routes, orders)
    _add_transitions(routes, orders)
    _add_refunds(routes, orders)
    return routes


def _add_placing(routes: APIRouter, orders: Orders, currency: str) -> None:
    place: Coalescer[Asked, Answered] = Coalescer(orders.place_asked, most=AT_ONCE)

    async def in_its_currency(body: OrderBody, sender: Sender) -> Answered:
        # A body that names no currency means that of the products. Which it is, only placing tells; it is rarely another.
        try:
            return await place(asked_for(body, sender))
        except (OtherCurrency, ExternalOrderTaken) as refusal:
            meant = refusal.params.get("currency")
            if body.currency is not None or not isinstance(meant, str) or meant == sender.currency:
                raise
            return await place(asked_for(body, replace(sender, currency=meant)))

    @routes.post(
        "/api/orders", status_code=201, responses={200: {"model": PlacedAnswer, "description": "It existed"}}
    )
    async def place_order(
        who: Caller, body: OrderBody, once: Idempotency, response: Response
    ) -> PlacedAnswer:
        """Place an order: one product, or `lines`. The same `external_id` again answers the order as it is (200)."""
        _may_place(orders, who, body)
        try:
            answered = await in_its_currency(body, Sender(who, current().actor, once, currency))
        except Refusal as refusal:
            raise as_sent(refusal, body) from None
        # Set here, in the request's own context: the work was done in that of a whole batch.
        current().replayed |= answered.replayed
        if not answered.made and not answered.replayed:
            response.status_code = 200
        response.headers["Location"] = f"/api/orders/{answered.order.order_id}"
        return placed_answer(answered.order)


def _may_place(orders: Orders, who: Principal, body: OrderBody) -> None:
    if who.may(OPERATE) and who.sees_all():
        return
    who.demand(CREATE)
    if not who.owns(body.distributor_id):
        raise orders.hidden(DistributorId(body.distributor_id))


def _add_reading(routes: APIRouter, orders: Orders) -> None:
    @routes.get("/api/orders/{order_id}")
    async def order(who: Caller, order_id: OrderNumber) -> OrderAnswer:
        """One order with its lines and refunds."""
        await _visible(orders, who, order_id)
        return order_answer(await orders.order(OrderId(order_id)))

    @routes.get("/api/orders/{order_id}/history")
    async def history(who: Caller, order_id: OrderNumber) -> Items[HistoryAnswer]:
        """Who brought the order from state to state, and when."""
        await _visible(orders, who, order_id)
        return Items(items=[history_answer(entry) for entry in await orders.history(OrderId(order_id))])

    @routes.get("/api/orders")
    async def list_orders(  # noqa: PLR0917 - FastAPI reads them by name
        who: Caller,
        distributor_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
        status: Annotated[Status | None, Query()] = None,
        start: Annotated[Bound | None, Query(alias="from", description="Created at or after.")] = None,
        end: Annotated[Bound | None, Query(alias="to", description="Created before.")] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[OrderAnswer]:
        """Orders, the newest first."""
        who.demand(READ)
        if not who.sees_all():
            if who.distributor_id is None or distributor_id not in (None, who.distributor_id):
                return items(Page((), None), [])
            distributor_id = who.distributor_id
        wanted = Filter(
            distributor_id=None if distributor_id is None else DistributorId(distributor_id),
            status=status,
            start=start,
            end=end,
        )
        page = await orders.page(wanted, limit=limit, cursor=cursor)
        return items(page, [order_answer(each) for each in page.items])


async def _visible(orders: Orders, who: Principal, order_id: int) -> Head:
    """The head of an order that the caller may see; 404 for any other."""
    head = await orders.head(OrderId(order_id))
    if not (who.sees_all() and (who.may(READ) or who.may(OPERATE))) and not who.owns(head.distributor_id):
        raise OrderMissing(order_id=order_id)
    return head


async def _operable(orders: Orders, who: Principal, order_id: int) -> Head:
    """The head of an order that the caller may change; 404 if he may not even see it."""
    head = await _visible(orders, who, order_id)
    who.demand(OPERATE)
    return head


def _add_transitions(routes: APIRouter, orders: Orders) -> None:
    async def now(order_id: int) -> OrderAnswer:
        return order_answer(await orders.order(OrderId(order_id)))

    @routes.post("/api/orders/{order_id}/pay")
    async def pay(who: Caller, order_id: OrderNumber, body: PayBody | None = None) -> OrderAnswer:
        """A pending order is paid; the rule version in effect now is the one that counts."""
        await _operable(orders, who, order_id)
        note = PaymentNote() if body is None else PaymentNote(method=body.method, reference=body.reference)
        await orders.pay_order(order_id=OrderId(order_id), note=note)
        return await now(order_id)

    @routes.post("/api/orders/{order_id}/ship")
    async def ship(who: Caller, order_id: OrderNumber, _: NothingBody | None = None) -> OrderAnswer:
        """A paid order leaves the warehouse, first-expired-first-out."""
        await _operable(orders, who, order_id)
        await orders.ship_order(order_id=OrderId(order_id))
        return await now(order_id)

    @routes.post("/api/orders/{order_id}/complete")
    async def complete(who: Caller, order_id: OrderNumber, _: NothingBody | None = None) -> OrderAnswer:
        """A shipped order has arrived."""
        await _operable(orders, who, order_id)
        await orders.complete_order(order_id=OrderId(order_id))
        return await now(order_id)

    @routes.post("/api/orders/{order_id}/cancel")
    async def cancel(who: Caller, order_id: OrderNumber, _: NothingBody | None = None) -> OrderAnswer:
        """A pending order is given up; its stock goes back. A distributor may cancel its own."""
        head = await _visible(orders, who, order_id)
        if not (who.owns(head.distributor_id) and who.may(CREATE)):
            who.demand(OPERATE)
        await orders.cancel_order(order_id=OrderId(order_id))
        return await now(order_id)


def _add_refunds(routes: APIRouter, orders: Orders) -> None:
    @routes.post("/api/orders/{order_id}/refunds", status_code=201)
    async def refund(who: Caller, order_id: OrderNumber, body: RefundBody, once: Idempotency) -> RefundAnswer:
        """Give back units of lines, or an amount that is spread over the lines in proportion to what is left of them."""
        head = await _operable(orders, who, order_id)
        new = NewRefund(
            order_id=OrderId(order_id),
            lines=tuple(
                RefundUnits(line_id=LineId(line.line_id), quantity=line.quantity) for line in body.lines or ()
            ),
            amount_minor=None if body.amount is None else minor("amount", body.amount, head.currency),
            restock=body.restock,
        )
        return refund_answer(await orders.refund_order(refund=new, once=once), order_id, head.currency)
