"""From the body of an order to what the use case takes, and its refusals back to the fields of the body."""

import hashlib
import re
from dataclasses import dataclass, replace
from uuid import uuid4

from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.http.auth import Principal
from fenxiao.infra.http.fields import minor
from fenxiao.kernel.errors import FieldError, Invalid, Refusal
from fenxiao.kernel.ids import DistributorId, ProductId
from fenxiao.orders.api import NewLine, NewOrder
from fenxiao.orders.http.models import LineBody, OrderBody
from fenxiao.orders.service.attempt import SET_PRICE, Asked

READ = "orders:read"
CREATE = "orders:create"
OPERATE = "orders:operate"

_FIRST_LINE = re.compile(r"lines\.0\.")
_REQUIRED = "This field is required."


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends an order, under which key, and the currency meant where none is named."""

    who: Principal
    actor: str
    once: Once | None
    currency: str


def asked_for(body: OrderBody, sender: Sender) -> Asked:
    """The order that a body asks for; refused where it contradicts itself or asks for more than the sender may."""
    if body.paid:
        sender.who.demand(SET_PRICE)
    lines = _lines(body)
    currency = body.currency or sender.currency
    order = NewOrder(
        caller=sender.actor,
        key=_key(body, sender.once),
        distributor_id=DistributorId(body.distributor_id),
        lines=tuple(
            NewLine(
                product_id=ProductId(line.product_id),
                quantity=line.quantity,
                unit_price_minor=None
                if line.unit_price is None
                else minor(f"lines.{place}.unit_price", line.unit_price, currency),
            )
            for place, line in enumerate(lines)
        ),
        channel=_channel(body, sender.who),
        external_id=body.external_id,
        buyer=body.buyer,
        total_minor=None if body.total_price is None else minor("total_price", body.total_price, currency),
        may_set_price=sender.who.may(SET_PRICE),
        paid=body.paid,
        currency=currency if _has_amounts(body, lines) else body.currency,
    )
    return Asked(order=order, actor=sender.actor, once=sender.once)


def _lines(body: OrderBody) -> list[LineBody]:
    if body.lines is None:
        missing = [name for name in ("product_id", "quantity") if getattr(body, name) is None]
        if missing or body.product_id is None or body.quantity is None:
            raise Invalid(errors=tuple(FieldError(name, _REQUIRED) for name in missing))
        return [LineBody(product_id=body.product_id, quantity=body.quantity)]
    twice = [name for name in ("product_id", "quantity") if getattr(body, name) is not None]
    if twice:
        raise Invalid(errors=tuple(FieldError(name, "Send either lines or one product.") for name in twice))
    return body.lines


def _has_amounts(body: OrderBody, lines: list[LineBody]) -> bool:
    return body.total_price is not None or any(line.unit_price is not None for line in lines)


def _key(body: OrderBody, once: Once | None) -> str:
    """The name of the attempt. The digest stands in it, so that another body never adopts this one's stock."""
    if once is not None:
        return f"key {once.key} {once.digest.hex()}"
    # Only the same order under an external id is the same attempt, and which that is, is known by its content.
    if body.external_id is None:
        return f"request {uuid4()}"
    return f"external {body.external_id} {hashlib.sha256(body.model_dump_json().encode()).hexdigest()}"


def _channel(body: OrderBody, who: Principal) -> str:
    """Where external ids are unique. A distributor has a channel of its own, so that it learns nothing of others' ids."""
    if who.may(OPERATE):
        return body.channel or "api"
    if body.channel is not None:
        who.demand(OPERATE)
    return f"distributor {body.distributor_id}"


def as_sent(refusal: Refusal, body: OrderBody) -> Refusal:
    """The refusal with its fields named as in the body: an order of one product has no `lines`."""
    if body.lines is not None or not refusal.errors:
        return refusal
    errors = tuple(replace(error, field=_FIRST_LINE.sub("", error.field)) for error in refusal.errors)
    return type(refusal)(errors=errors, **refusal.params)
