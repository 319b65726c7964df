"""What brings orders from state to state, and what gives back."""

from fastapi import APIRouter

from fenxiao.infra.http.auth import Caller, Principal
from fenxiao.infra.http.fields import minor
from fenxiao.infra.http.headers import Idempotency
from fenxiao.kernel.ids import LineId, OrderId
from fenxiao.orders.api import NewRefund, RefundUnits
from fenxiao.orders.http.answers import OrderAnswer, RefundAnswer, order_answer, refund_answer
from fenxiao.orders.http.bodies import NothingBody, PayBody, RefundBody
from fenxiao.orders.http.placing import CREATE, OPERATE
from fenxiao.orders.http.reading import OrderNumber, visible
from fenxiao.orders.queries.views import Head
from fenxiao.orders.service import Orders
from fenxiao.orders.service.transitions import PaymentNote


async def _operable(orders: Orders, who: Principal, order_id: int) -> Head:
    """The head of an order that the caller may change; 404 if he may not even see it."""
    head = await visible(orders, who, order_id)
    who.demand(OPERATE)
    return head


def add_transitions(routes: APIRouter, orders: Orders) -> None:
    """The routes of the states."""

    async def now(order_id: int) -> OrderAnswer:
        return order_answer(await orders.order(OrderId(order_id)))

    @routes.post("/api/orders/{order_id}/pay")
    async def pay(who: Caller, order_id: OrderNumber, body: PayBody | None = None) -> OrderAnswer:
        """A pending order is paid; the rule version in effect now is the one that counts.

        Also after `pay_by`, as long as the order has not been cancelled for it.
        """
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
        head = await visible(orders, who, order_id)
        if not (who.owns(head.distributor_id) and who.may(CREATE)):
            who.demand(OPERATE)
        await orders.cancel_order(order_id=OrderId(order_id))
        return await now(order_id)


def add_refunds(routes: APIRouter, orders: Orders) -> None:
    """The route of refunds."""

    @routes.post("/api/orders/{order_id}/refunds", status_code=201)
    async def refund(who: Caller, order_id: OrderNumber, body: RefundBody, once: Idempotency) -> RefundAnswer:
        """Give back units of lines, or an amount that is spread over the lines in proportion to what is left of them.

        Shipping and tax go back by `shipping` and `tax`, alone or with goods; `full` gives back all that is left.
        """
        head = await _operable(orders, who, order_id)
        currency = head.currency
        new = NewRefund(
            order_id=OrderId(order_id),
            lines=tuple(
                RefundUnits(line_id=LineId(line.line_id), quantity=line.quantity) for line in body.lines or ()
            ),
            amount_minor=None if body.amount is None else minor("amount", body.amount, currency),
            restock=body.restock,
            shipping_minor=0 if body.shipping is None else minor("shipping", body.shipping, currency),
            tax_minor=0 if body.tax is None else minor("tax", body.tax, currency),
            full=body.full,
        )
        return refund_answer(await orders.refund_order(refund=new, once=once), order_id, currency)
