"""From the body of an order to what the use case takes, and its refusals back to the fields of the body."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from secrets import token_hex

import msgspec

from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.http.auth import Principal
from fenxiao.infra.http.fields import minor
from fenxiao.kernel.errors import FieldError, Invalid, Refusal
from fenxiao.kernel.ids import DistributorId, ProductId
from fenxiao.kernel.values import value
from fenxiao.orders.api import ExternalOrderTaken, NewLine, NewOrder, OtherCurrency
from fenxiao.orders.http.decoding import QuickLine, SentLine, SentOrder
from fenxiao.orders.service import Orders
from fenxiao.orders.service.attempt import SET_PRICE, Asked

READ = "orders:read"
CREATE = "orders:create"
OPERATE = "orders:operate"
POLICY = "orders:policy"

_FIRST_LINE = re.compile(r"lines\.0\.")
_REQUIRED = "This field is required."


@value()
class Sender:
    """Who sends an order, under which key, and the currency meant where none is named."""

    who: Principal
    actor: str
    once: Once | None
    currency: str


def may_place(orders: Orders, who: Principal, body: SentOrder) -> None:
    """Refuse who may not place orders for this distributor."""
    if who.may(OPERATE) and who.sees_all():
        return
    who.demand(CREATE)
    if not who.owns(body.distributor_id):
        raise orders.hidden(DistributorId(body.distributor_id))


def asked_for(body: SentOrder, sender: Sender) -> Asked:
    """The order that a body asks for; refused where it contradicts itself or asks for more than the sender may."""
    if body.paid:
        sender.who.demand(SET_PRICE)
    lines = _lines(body)
    currency = body.currency or sender.currency
    total, discount = (
        _minor("total_price", body.total_price, currency),
        _minor("discount", body.discount, currency),
    )
    shipping, tax = _minor("shipping", body.shipping, currency), _minor("tax", body.tax, currency)
    new = tuple(_line(place, line, currency) for place, line in enumerate(lines))
    has_amounts = not (total is discount is shipping is tax is None) or any(
        line.unit_price_minor is not None or line.discount_minor is not None for line in new
    )
    order = NewOrder(
        caller=sender.actor,
        key=_key(body, sender.once, (new, total, discount, shipping, tax)),
        distributor_id=DistributorId(body.distributor_id),
        lines=new,
        channel=_channel(body, sender.who),
        external_id=body.external_id,
        buyer=body.buyer,
        total_minor=total,
        may_set_price=sender.who.may(SET_PRICE),
        paid=body.paid,
        currency=currency if has_amounts else body.currency,
        discount_minor=discount,
        shipping_minor=shipping,
        tax_minor=tax,
    )
    return Asked(order=order, actor=sender.actor, once=sender.once)


def _lines(body: SentOrder) -> Sequence[SentLine]:
    if body.lines is None:
        missing = [name for name in ("product_id", "quantity") if getattr(body, name) is None]
        if missing or body.product_id is None or body.quantity is None:
            raise Invalid(errors=tuple(FieldError(name, _REQUIRED) for name in missing))
        return [QuickLine(body.product_id, body.quantity)]
    twice = [name for name in ("product_id", "quantity") if getattr(body, name) is not None]
    if twice:
        raise Invalid(errors=tuple(FieldError(name, "Send either lines or one product.") for name in twice))
    return body.lines


def _line(place: int, line: SentLine, currency: str) -> NewLine:
    if line.unit_price is line.discount is None:
        return NewLine(product_id=ProductId(line.product_id), quantity=line.quantity)
    return NewLine(
        product_id=ProductId(line.product_id),
        quantity=line.quantity,
        unit_price_minor=_minor(f"lines.{place}.unit_price", line.unit_price, currency),
        discount_minor=_minor(f"lines.{place}.discount", line.discount, currency),
    )


def _minor(field: str, amount: Decimal | None, currency: str) -> int | None:
    return None if amount is None else minor(field, amount, currency)


def _key(body: SentOrder, once: Once | None, content: object) -> str:
    """The name of the attempt. The digest stands in it, so that another body never adopts this one's stock."""
    if once is not None:
        return f"key {once.key} {once.digest[:16].hex()}"
    # Only the same order under an external id is the same attempt, and which that is, is known by its content.
    if body.external_id is None:
        return f"request {token_hex(16)}"
    whole = (content, body.distributor_id, body.channel, body.buyer, body.currency, body.paid)
    return f"external {body.external_id} {hashlib.sha256(msgspec.json.encode(whole)).hexdigest()}"


def _channel(body: SentOrder, who: Principal) -> str:
    """Where external ids are unique. A distributor has a channel of its own, so that it learns nothing of others' ids."""
    if who.may(OPERATE):
        return body.channel or "api"
    if body.channel is not None:
        who.demand(OPERATE)
    return f"distributor {body.distributor_id}"


def in_its_currency(refusal: object, body: SentOrder, sender: Sender) -> Sender | None:
    """The sender with the currency that must be meant, where the refusal says that it is another than was thought.

    A body that names no currency means that of the products. Which it is, only placing tells; it is rarely another.
    """
    if body.currency is not None or not isinstance(refusal, OtherCurrency | ExternalOrderTaken):
        return None
    meant = refusal.params.get("currency")
    return replace(sender, currency=meant) if isinstance(meant, str) and meant != sender.currency else None


def as_sent(refusal: Refusal, body: SentOrder) -> Refusal:
    """The refusal with its fields named as in the body: an order of one product has no `lines`."""
    if body.lines is not None or not refusal.errors:
        return refusal
    errors = tuple(replace(error, field=_FIRST_LINE.sub("", error.field)) for error in refusal.errors)
    return type(refusal)(errors=errors, **refusal.params)
