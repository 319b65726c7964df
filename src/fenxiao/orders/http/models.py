"""What orders look like on the wire."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from fenxiao.infra.http.fields import Amount, Answer, Body, Count, Id, Moment
from fenxiao.kernel.money import from_minor
from fenxiao.orders.api import PlacedOrder, Refund
from fenxiao.orders.events import Status
from fenxiao.orders.queries.views import HistoryEntry, LineView, OrderView

MOST_LINES = 5000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _start_of_day(value: object) -> object:
    return f"{value}T00:00:00Z" if isinstance(value, str) and _DAY.fullmatch(value) else value


Bound = Annotated[Moment, BeforeValidator(_start_of_day)]
"""A time with its offset, or a day, which means its start in UTC."""

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["CNY"])]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class LineBody(Body):
    """One line to order; `unit_price` other than the price list's needs orders:set-price."""

    product_id: Id
    quantity: Count
    unit_price: Amount | None = None


class OrderBody(Body):
    """An order: one product (`product_id`, `quantity`) or `lines`. Amounts are in `currency`, default the server's."""

    distributor_id: Id
    product_id: Id | None = None
    quantity: Count | None = None
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=MOST_LINES)] | None = None
    total_price: Amount | None = None
    currency: Currency | None = None
    external_id: Name | None = None
    channel: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,63}$")] | None = None
    buyer: Name | None = None
    paid: bool = False


class NothingBody(Body):
    """A transition needs no more than its address."""


class PayBody(Body):
    """How the order was paid; the reference is encrypted where it is stored."""

    method: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    reference: Name | None = None


class RefundLineBody(Body):
    """So many units of a line."""

    line_id: Id
    quantity: Count


class RefundBody(Body):
    """A refund of units (`lines`) or of an `amount`; `restock`: the units can be sold again."""

    lines: Annotated[list[RefundLineBody], Field(min_length=1, max_length=MOST_LINES)] | None = None
    amount: Amount | None = None
    restock: bool = False


class PlacedLineAnswer(Answer):
    """A line as it was accepted; `amount` is what the buyer pays for all of it."""

    line_id: int
    product_id: int
    quantity: int
    unit_price: str
    amount: str


class PlacedAnswer(Answer):
    """An order as it was placed; `product_id` and `quantity` are filled where it has one line."""

    order_id: int
    distributor_id: int
    external_id: str | None
    status: Status
    currency: str
    total_price: str
    product_id: int | None
    quantity: int | None
    created_at: datetime
    lines: Sequence[PlacedLineAnswer]


class LineAnswer(PlacedLineAnswer):
    """A line with what has come back of it; amount = unit_price × quantity − discount."""

    name: str
    discount: str
    refunded_quantity: int
    refunded: str


class RefundedLineAnswer(Answer):
    """What a refund took off a line; `quantity` 0: money alone."""

    line_id: int
    quantity: int
    amount: str


class RefundAnswer(Answer):
    """退款: one refund; `sequence` counts the order's refunds from 1."""

    refund_id: int
    order_id: int
    sequence: int
    amount: str
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
    refunded: str
    product_id: int | None
    quantity: int | None
    rule_id: int | None
    payment: PaymentAnswer | None
    created_at: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    lines: Sequence[LineAnswer]
    refunds: Sequence[RefundAnswer]


class HistoryAnswer(Answer):
    """One change of state: who made it, when, from where to where; `from` null: the order was created."""

    from_: Annotated[Status | None, Field(serialization_alias="from")]
    to: Status
    at: datetime
    actor: str
    version: int


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
        product_id=single.product_id if single else None,
        quantity=single.quantity if single else None,
        created_at=order.created_at,
        lines=[
            PlacedLineAnswer(
                line_id=line.line_id,
                product_id=line.product_id,
                quantity=line.quantity,
                unit_price=from_minor(line.unit_price_minor, order.currency),
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
        refunded=from_minor(order.refunded_minor, order.currency),
        product_id=single.product_id if single else None,
        quantity=single.quantity if single else None,
        rule_id=order.rule_id,
        payment=PaymentAnswer(method=order.payment_method, reference=order.payment_reference)
        if paid
        else None,
        created_at=order.created_at,
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


def history_answer(entry: HistoryEntry) -> HistoryAnswer:
    """One change of state."""
    return HistoryAnswer(
        from_=entry.from_status, to=entry.to_status, at=entry.at, actor=entry.actor, version=entry.version
    )
