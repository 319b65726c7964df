"""Reads the body of an order quickly, and as strictly as its pydantic model.

What msgspec accepts here the model accepts too, with the same values; whatever is not plainly good goes through the
exact parser and the model, so that there is one set of messages and it is theirs.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Raw, Struct
from pydantic import ValidationError

from fenxiao.infra.http.body import parse
from fenxiao.infra.http.fields import MAX_COUNT, MAX_ID
from fenxiao.infra.http.validation import invalid
from fenxiao.orders.http.bodies import MOST_LINES, MOST_ORDERS, BulkBody, BulkOrderBody

_ABSENT = Raw()
_Id = Annotated[int, Meta(ge=1, le=MAX_ID)]
_Count = Annotated[int, Meta(ge=1, le=MAX_COUNT)]
_Name = Annotated[str, Meta(min_length=1, max_length=255)]
# An end of its own kind: "$" would let a line break pass.
_Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
_Channel = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,63}\Z")]
_Key = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,255}\Z")]
# The plain ones; 1E2 and the like are left to the exact way.
_PLAIN_AMOUNT = re.compile(rb'"?(-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,12})?)"?')


class SentLine(Protocol):
    """A line of a body, however it was read."""

    @property
    def product_id(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def unit_price(self) -> Decimal | None: ...
    @property
    def discount(self) -> Decimal | None: ...


class SentOrder(Protocol):
    """The body of an order, however it was read."""

    @property
    def distributor_id(self) -> int: ...
    @property
    def product_id(self) -> int | None: ...
    @property
    def quantity(self) -> int | None: ...
    @property
    def lines(self) -> Sequence[SentLine] | None: ...
    @property
    def total_price(self) -> Decimal | None: ...
    @property
    def discount(self) -> Decimal | None: ...
    @property
    def shipping(self) -> Decimal | None: ...
    @property
    def tax(self) -> Decimal | None: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def buyer(self) -> str | None: ...
    @property
    def paid(self) -> bool: ...


class KeyedOrder(SentOrder, Protocol):
    """The body of an order among many."""

    @property
    def idempotency_key(self) -> str | None: ...


class QuickLine(Struct, gc=False):
    """A line that was plainly good."""

    product_id: int
    quantity: int
    unit_price: Decimal | None = None
    discount: Decimal | None = None


class QuickOrder(Struct, gc=False, kw_only=True):
    """A body that was plainly good."""

    distributor_id: int
    product_id: int | None
    quantity: int | None
    lines: list[QuickLine] | None
    total_price: Decimal | None
    discount: Decimal | None
    shipping: Decimal | None
    tax: Decimal | None
    currency: str | None
    external_id: str | None
    channel: str | None
    buyer: str | None
    paid: bool
    idempotency_key: str | None


class _Line(Struct, forbid_unknown_fields=True, gc=False):
    product_id: _Id
    quantity: _Count
    unit_price: Raw = _ABSENT
    discount: Raw = _ABSENT


class _Order(Struct, forbid_unknown_fields=True, gc=False):
    distributor_id: _Id
    product_id: _Id | None = None
    quantity: _Count | None = None
    lines: Annotated[list[_Line], Meta(min_length=1, max_length=MOST_LINES)] | None = None
    total_price: Raw = _ABSENT
    discount: Raw = _ABSENT
    shipping: Raw = _ABSENT
    tax: Raw = _ABSENT
    currency: _Currency | None = None
    external_id: _Name | None = None
    channel: _Channel | None = None
    buyer: _Name | None = None
    paid: bool | None = None
    idempotency_key: _Key | None = None


class _Bulk(Struct, forbid_unknown_fields=True):
    orders: Annotated[list[Raw], Meta(min_length=1, max_length=MOST_ORDERS)]


_read_order = msgspec.json.Decoder(_Order).decode
_read_bulk = msgspec.json.Decoder(_Bulk).decode
_fields = msgspec.structs.astuple


class _Doubtful(Exception):  # noqa: N818 - a reason to look again, exactly
    """An amount that is not plainly good."""


def bulk_bodies(body: bytes) -> list[bytes]:
    """The orders of a bulk body, unread; refused as a whole where they are no list of 1 to 1,000."""
    # More than one such name may be one that stands twice, which the exact parser sees.
    if body.count(b'"orders"') == 1:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            return [bytes(each) for each in _read_bulk(body).orders]
    value = parse(body)
    # It is JSON, so what is wrong is wrong with the list itself, or with the names around it.
    try:
        BulkBody.model_validate(_shape(value))
    except ValidationError as error:
        raise _refused(error) from None
    return [bytes(each) for each in msgspec.json.decode(body, type=dict[str, list[Raw]])["orders"]]


def _shape(value: object) -> object:
    """The value with orders that are good: only what is around them is examined."""
    if not isinstance(value, dict) or not isinstance(value.get("orders"), list):
        return value
    return value | {"orders": [{"distributor_id": 1} for _ in value["orders"]]}


def plain_order(raw: bytes) -> SentOrder | None:
    """The body of one order that is sent alone, if it is plainly good."""
    order = _quick(raw)
    # A key in the body belongs to one among many.
    return None if order is None or order.idempotency_key is not None else order


def order_body(raw: bytes) -> KeyedOrder:
    """The body of one order; refused with the messages of `OrderBody`."""
    quick = _quick(raw)
    if quick is not None:
        return quick
    try:
        return BulkOrderBody.model_validate(parse(raw))
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> Exception:
    return invalid([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])


def _quick(raw: bytes) -> QuickOrder | None:
    # An escape may hide what cannot be stored, and a null would be counted as a field that is not there.
    if b"\\" in raw or b"null" in raw:
        return None
    try:
        order = _read_order(raw)
        values = _fields(order)
        names = len(values) - values.count(None) - values.count(_ABSENT)
        lines = None
        if order.lines is not None:
            lines = []
            for line in order.lines:
                names += 4 - (line.unit_price is _ABSENT) - (line.discount is _ABSENT)
                lines.append(
                    QuickLine(
                        line.product_id, line.quantity, _amount(line.unit_price), _amount(line.discount)
                    )
                )
        # Every name has its colon. More of them are in a text, or belong to a name that stands twice.
        if raw.count(b":") != names:
            return None
        return QuickOrder(
            distributor_id=order.distributor_id,
            product_id=order.product_id,
            quantity=order.quantity,
            lines=lines,
            total_price=_amount(order.total_price),
            discount=_amount(order.discount),
            shipping=_amount(order.shipping),
            tax=_amount(order.tax),
            currency=order.currency,
            external_id=order.external_id,
            channel=order.channel,
            buyer=order.buyer,
            paid=order.paid or False,
            idempotency_key=order.idempotency_key,
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, _Doubtful):
        return None


def _amount(raw: Raw) -> Decimal | None:
    if raw is _ABSENT:
        return None
    plain = _PLAIN_AMOUNT.fullmatch(bytes(raw))
    if plain is None:
        raise _Doubtful
    return Decimal(plain[1].decode())
