"""What is sent about orders."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from fenxiao.infra.http.fields import Amount, Body, Count, Id, Moment

MOST_LINES = 5000
MOST_ORDERS = 1000
MOST_MINUTES = 525_600
CURRENCY_PATTERN = "^[A-Z]{3}$"
CHANNEL_PATTERN = "^[a-z][a-z0-9-]{0,63}$"
KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _start_of_day(value: object) -> object:
    return f"{value}T00:00:00Z" if isinstance(value, str) and _DAY.fullmatch(value) else value


Bound = Annotated[Moment, BeforeValidator(_start_of_day)]
"""A time with its offset, or a day, which means its start in UTC."""

Currency = Annotated[str, Field(pattern=CURRENCY_PATTERN, examples=["CNY"])]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class LineBody(Body):
    """One line to order; `unit_price` other than the price list's, and `discount`, need orders:set-price.

    `discount` is an amount off the whole line.
    """

    product_id: Id
    quantity: Count
    unit_price: Amount | None = None
    discount: Amount | None = None


class OrderBody(Body):
    """An order: one product (`product_id`, `quantity`) or `lines`. Amounts are in `currency`, default the server's.

    `discount` is spread over the lines in proportion to what they cost; `shipping` and `tax` are added. All three
    need orders:set-price. `total_price`, where it is sent, is the whole: lines less discounts, shipping and tax.
    """

    distributor_id: Id
    product_id: Id | None = None
    quantity: Count | None = None
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=MOST_LINES)] | None = None
    total_price: Amount | None = None
    discount: Amount | None = None
    shipping: Amount | None = None
    tax: Amount | None = None
    currency: Currency | None = None
    external_id: Name | None = None
    channel: Annotated[str, Field(pattern=CHANNEL_PATTERN)] | None = None
    buyer: Name | None = None
    paid: bool = False


class BulkOrderBody(OrderBody):
    """An order among many; its own key makes a retry of it safe, here or alone."""

    idempotency_key: Annotated[str, Field(pattern=KEY_PATTERN)] | None = None


class BulkBody(Body):
    """Many orders, each as it would be sent alone."""

    orders: Annotated[list[BulkOrderBody], Field(min_length=1, max_length=MOST_ORDERS)]


class PolicyBody(Body):
    """A version of the order policy: minutes that a new order waits for its payment, null for ever."""

    payment_minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)] | None
    effective_from: Moment | None = None


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
    """A refund of units (`lines`) or of an `amount` of the goods, of `shipping` and of `tax`, or a `full` one.

    `restock`: the units can be sold again.
    """

    lines: Annotated[list[RefundLineBody], Field(min_length=1, max_length=MOST_LINES)] | None = None
    amount: Amount | None = None
    shipping: Amount | None = None
    tax: Amount | None = None
    full: bool = False
    restock: bool = False
