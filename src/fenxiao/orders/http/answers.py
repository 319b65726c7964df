"""What is answered about orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from fenxiao.infra.http.fields import Answer
from fenxiao.kernel.money import from_minor
from fenxiao.orders.api import PlacedOrder, Refund
from fenxiao.orders.events import Status
from fenxiao.orders.queries.trail import HistoryEntry
from fenxiao.orders.queries.views import LineView, OrderView


class PlacedLineAnswer(Answer):
    """A line as it was accepted: amount = unit_price × quantity − discount is what the buyer pays for it.

    `order_discount` is the part of the discount that is the line's share of the order's.
    """

    line_id: int
    product_id: int
    quantity: int
    unit_price: str
    discount: str
    order_discount: str
    amount: str


class PlacedAnswer(Answer):
    """An order as it was placed; `product_id` and `quantity` are filled where it has one line.

    total_price = the lines' amounts + shipping + tax; `discount` is the order's, which lies in those of the lines.
    """

    order_id: int
    distributor_id: int
    external_id: str | None
    status: Status
    currency: str
    total_price: str
    discount: str
    shipping: str
    tax: str
    product_id: int | None
    quantity: int | None
    created_at: datetime
    pay_by: datetime | None
    lines: Sequence[PlacedLineAnswer]


class LineAnswer(PlacedLineAnswer):
    """A line with what has come back of it."""

    name: str
    refunded_quantity: int
    refunded: str


class RefundedLineAnswer(Answer):
    """What a refund took off a line; `quantity` 0: money alone."""

    line_id: int
    quantity: int
    amount: str


class RefundAnswer(Answer):
    """退款: one refund; `sequence` counts the order's refunds from 1.

    `amount` is that of the goods, the sum of `lines`; `total` is all that went back: amount + shipping + tax.
    """

    refund_id: int
    order_id: int
    sequence: int
    amount: str
    shipping: str
    tax: str
    total: str
    currency: str
    restock: bool
    created_at: datetime
    lines: Sequence[RefundedLineAnswer]


class PaymentAnswer(Answer):
    """How the order was paid, the reference masked."""

    method: str | None
    reference: str | None


class OrderAnswer(Answer):
    """订单: an order as it stands."""

    order_id: int
    distributor_id: int
    channel: str
    external_id: str | None
    buyer: str | None
    status: Status
    version: int
    currency: str
    total_price: str
    discount: str
    shipping: str
    tax: str
    refunded: str
    product_id: int | None
    quantity: int | None
    rule_id: int | None
    payment: PaymentAnswer | None
    created_at: datetime
    pay_by: datetime | None
    paid_at: datetime | None
    shipped_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    lines: Sequence[LineAnswer]
    refunds: Sequence[RefundAnswer]


class HistoryRefundAnswer(Answer):
    """The refund that made a version: money of the goods, of shipping, of tax."""

    refund_id: int
    sequence: int
    amount: str
    shipping: str
    tax: str
    restock: bool


class HistoryAnswer(Answer):
    """One version of the order: who made it, when, from where to where; `from` null: the order was created.

    A refund that leaves the state as it is goes from a state to the same. `reason`: why the system did it by itself;
    `payment-limit`: it was not paid by `pay_by`, which the creation tells.
    """

    version: int
    from_: Annotated[Status | None, Field(serialization_alias="from")]
    to: Status
    at: datetime
    actor: str
    reason: str | None
    refund: HistoryRefundAnswer | None
    pay_by: datetime | None


def placed_answer(order: PlacedOrder) -> PlacedAnswer:
    """The answer to placing an order."""
    single = order.lines[0] if len(order.lines) == 1 else None
    return PlacedAnswer(
        order_id=order.order_id,
        distributor_id=order.distributor_id,
        external_id=order.external_id,
        status=order.status,
        currency=order.currency,
        total_price=from_minor(order.total_minor, order.currency),
        discount=from_minor(order.discount_minor, order.currency),
        shipping=from_minor(order.shipping_minor, order.currency),
        tax=from_minor(order.tax_minor, order.currency),
        product_id=single.product_id if single else None,
        quantity=single.quantity if single else None,
        created_at=order.created_at,
        pay_by=order.pay_by,
        lines=[
            PlacedLineAnswer(
                line_id=line.line_id,
                product_id=line.product_id,
                quantity=line.quantity,
                unit_price=from_minor(line.unit_price_minor, order.currency),
                discount=from_minor(line.discount_minor, order.currency),
                order_discount=from_minor(line.order_discount_minor, order.currency),
                amount=from_minor(line.amount_minor, order.currency),
            )
            for line in order.lines
        ],
    )


def order_answer(order: OrderView) -> OrderAnswer:
    """An order as it stands."""
    single = order.lines[0] if len(order.lines) == 1 else None
    paid = order.payment_method is not None or order.payment_reference is not None
    return OrderAnswer(
        order_id=order.order_id,
        distributor_id=order.distributor_id,
        channel=order.channel,
        external_id=order.external_id,
        buyer=order.buyer,
        status=order.status,
        version=order.version,
        currency=order.currency,
        total_price=from_minor(order.total_minor, order.currency),
        discount=from_minor(order.discount_minor, order.currency),
        shipping=from_minor(order.shipping_minor, order.currency),
        tax=from_minor(order.tax_minor, order.currency),
        refunded=from_minor(order.refunded_minor, order.currency),
        product_id=single.product_id if single else None,
        quantity=single.quantity if single else None,
        rule_id=order.rule_id,
        payment=PaymentAnswer(method=order.payment_method, reference=order.payment_reference)
        if paid
        else None,
        created_at=order.created_at,
        pay_by=order.pay_by,
        paid_at=order.paid_at,
        shipped_at=order.shipped_at,
        completed_at=order.completed_at,
        cancelled_at=order.cancelled_at,
        lines=[_line(line, order.currency) for line in order.lines],
        refunds=[refund_answer(refund, order.order_id, order.currency) for refund in order.refunds],
    )


def _line(line: LineView, currency: str) -> LineAnswer:
    return LineAnswer(
        line_id=line.line_id,
        product_id=line.product_id,
        name=line.name,
        quantity=line.quantity,
        unit_price=from_minor(line.unit_price_minor, currency),
        discount=from_minor(line.discount_minor, currency),
        order_discount=from_minor(line.order_discount_minor, currency),
        amount=from_minor(line.amount_minor, currency),
        refunded_quantity=line.refunded_quantity,
        refunded=from_minor(line.refunded_minor, currency),
    )


def refund_answer(refund: Refund, order_id: int, currency: str) -> RefundAnswer:
    """One refund."""
    return RefundAnswer(
        refund_id=refund.refund_id,
        order_id=order_id,
        sequence=refund.sequence,
        amount=from_minor(refund.amount_minor, currency),
        shipping=from_minor(refund.shipping_minor, currency),
        tax=from_minor(refund.tax_minor, currency),
        total=from_minor(refund.total_minor, currency),
        currency=currency,
        restock=refund.restock,
        created_at=refund.at,
        lines=[
            RefundedLineAnswer(
                line_id=line.line_id, quantity=line.quantity, amount=from_minor(line.amount_minor, currency)
            )
            for line in refund.lines
        ],
    )


def history_answer(entry: HistoryEntry, currency: str) -> HistoryAnswer:
    """One version of an order."""
    refund = entry.refund
    return HistoryAnswer(
        version=entry.version,
        from_=entry.from_status,
        to=entry.to_status,
        at=entry.at,
        actor=entry.actor,
        reason=entry.reason,
        refund=None
        if refund is None
        else HistoryRefundAnswer(
            refund_id=refund.refund_id,
            sequence=refund.sequence,
            amount=from_minor(refund.amount_minor, currency),
            shipping=from_minor(refund.shipping_minor, currency),
            tax=from_minor(refund.tax_minor, currency),
            restock=refund.restock,
        ),
        pay_by=entry.pay_by,
    )
