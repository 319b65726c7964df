"""One order on its way to being placed: what was asked, what has been gathered, what has been decided."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from fenxiao.catalog.api import HeldStock, ProductMissing
from fenxiao.infra.db.idempotency import Once
from fenxiao.kernel.errors import FieldError, Forbidden, Invalid, Refusal
from fenxiao.kernel.ids import RuleId
from fenxiao.kernel.values import value
from fenxiao.network.api import Seller
from fenxiao.orders.api import (
    DistributorSuspended,
    MixedCurrencies,
    NewLine,
    NewOrder,
    OtherCurrency,
    PlacedLine,
    PlacedOrder,
)
from fenxiao.orders.domain.pricing import PLAIN, AskedLine, PricedLine, Terms, price_lines
from fenxiao.orders.queries.known import Known

SET_PRICE = "orders:set-price"
MOST_UNITS = 2**31 - 1
_NEGATIVE = "An amount here is never negative."


@value(kw_only=True)
class Asked:
    """An order to place, who places it, and the promise of an idempotency key, if one was given."""

    order: NewOrder
    actor: str
    once: Once | None = None


@value()
class Answered:
    """The order; `made` False: it was there before; `replayed`: by the same idempotency key."""

    order: PlacedOrder
    made: bool = True
    replayed: bool = False


@dataclass(slots=True)
class Attempt:
    """The work on one order of a batch. It is over when it has an answer."""

    asked: Asked
    created_at: datetime
    payment_limit: timedelta | None = None
    seller: Seller | None = None
    held: HeldStock | None = None
    currency: str = ""
    priced: Sequence[PricedLine] = ()
    rule_id: RuleId | None = None
    answer: Answered | Refusal | None = None
    order: NewOrder = field(init=False)
    """What was asked for."""

    def __post_init__(self) -> None:
        self.order = self.asked.order

    def total_minor(self) -> int:
        """What the buyer pays: for the lines, for shipping, in tax."""
        charges = (self.order.shipping_minor or 0) + (self.order.tax_minor or 0)
        return charges + sum(line.amount_minor for line in self.priced)

    def screen(self) -> Refusal | None:
        """Why this cannot be an order whatever the facts are; None if it can."""
        order = self.order
        faults = []
        if not order.lines:
            faults.append(FieldError("lines", "At least one line is needed."))
        for place, line in enumerate(order.lines):
            if not 1 <= line.quantity <= MOST_UNITS:
                faults.append(FieldError(f"lines.{place}.quantity", "Send a whole number, such as 10."))
            if line.unit_price_minor is not None and line.unit_price_minor < 0:
                faults.append(FieldError(f"lines.{place}.unit_price", _NEGATIVE))
            if line.discount_minor is not None and line.discount_minor < 0:
                faults.append(FieldError(f"lines.{place}.discount", _NEGATIVE))
        named = (
            ("total_price", order.total_minor),
            ("discount", order.discount_minor),
            ("shipping", order.shipping_minor),
            ("tax", order.tax_minor),
        )
        faults += [FieldError(name, _NEGATIVE) for name, amount in named if amount is not None and amount < 0]
        if faults:
            return Invalid(errors=tuple(faults))
        return Forbidden(permission=SET_PRICE) if order.paid and not order.may_set_price else None

    def sell(self, seller: Seller | Refusal) -> None:
        """Take note of who sells, or of why he cannot."""
        if isinstance(seller, Refusal):
            self.answer = seller
        elif seller.member.status != "active":
            member = seller.member
            self.answer = DistributorSuspended(distributor_id=member.distributor_id, status=member.status)
        else:
            self.seller = seller

    def hold(self, held: HeldStock | Refusal) -> None:
        """Take note of the held stock, or of why there is none."""
        if isinstance(held, ProductMissing):
            self.answer = self._naming_its_field(held)
        elif isinstance(held, Refusal):
            self.answer = held
        else:
            self.held = held

    def _naming_its_field(self, missing: ProductMissing) -> Refusal:
        product_id = missing.params.get("product_id")
        return ProductMissing(
            **missing.params,
            errors=tuple(
                FieldError(f"lines.{place}.product_id", ProductMissing.template(), missing.params)
                for place, line in enumerate(self.order.lines)
                if line.product_id == product_id
            ),
        )

    def price(self) -> None:
        """Decide what the lines cost by the facts that the hold answered."""
        assert self.held is not None  # noqa: S101 - priced only behind its hold
        order, facts = self.order, self.held.facts
        currencies = {each.currency for each in facts}
        if len(currencies) > 1:
            self.answer = MixedCurrencies(currencies=", ".join(sorted(currencies)))
            return
        (self.currency,) = currencies
        if order.currency not in (None, self.currency):
            self.answer = OtherCurrency(given=order.currency, currency=self.currency)
            return
        lines = [
            AskedLine(
                line.product_id,
                line.quantity,
                line.unit_price_minor,
                each.price_minor,
                line.discount_minor or 0,
            )
            for line, each in zip(order.lines, facts, strict=True)
        ]
        try:
            self.priced = price_lines(
                lines,
                terms=_terms(order),
                may_set_price=order.may_set_price,
                currency=self.currency,
            )
        except Refusal as refusal:
            self.answer = refusal

    def is_of(self, known: Known, buyer_index: bytes | None) -> bool:
        """Whether an order that exists is the one asked for: seller, buyer, units, and whatever amounts were sent."""
        order, there = self.order, known.order
        return (
            order.distributor_id == there.distributor_id
            and buyer_index == known.buyer_index
            and order.total_minor in (None, there.total_minor)
            and order.discount_minor in (None, there.discount_minor)
            and order.shipping_minor in (None, there.shipping_minor)
            and order.tax_minor in (None, there.tax_minor)
            and order.currency in (None, there.currency)
            and [(line.product_id, line.quantity) for line in order.lines]
            == [(line.product_id, line.quantity) for line in there.lines]
            and all(
                _is_of(line, placed, solved=order.total_minor is not None)
                for line, placed in zip(order.lines, there.lines, strict=True)
            )
        )


def _terms(order: NewOrder) -> Terms:
    if order.discount_minor is order.shipping_minor is order.tax_minor is order.total_minor is None:
        return PLAIN
    return Terms(
        total_minor=order.total_minor,
        discount_minor=order.discount_minor or 0,
        shipping_minor=order.shipping_minor or 0,
        tax_minor=order.tax_minor or 0,
    )


def _is_of(line: NewLine, placed: PlacedLine, *, solved: bool) -> bool:
    """Whether a line that was placed has the price and the discount that are asked; a total may have raised both."""
    price, discount = placed.unit_price_minor, placed.discount_minor - placed.order_discount_minor
    sent, off = line.unit_price_minor, line.discount_minor
    # A raised price is rounded up to a whole one per unit, so less than one unit's minor unit each is left over.
    raised = solved and discount - (off or 0) < line.quantity
    return (sent in (None, price) or (raised and price > sent)) and (
        off in (None, discount) or (solved and discount > off)
    )


def once_of(order: NewOrder) -> Once | None:
    """The promise that lies in an order's own names: without an external id, its caller and key are its identity."""
    if order.external_id is not None:
        return None
    return Once(f"place {order.caller}", order.key, hashlib.sha256(msgspec.json.encode(order)).digest())


def first_of_each(asked: Sequence[Asked], places: Sequence[int]) -> tuple[list[int], list[int]]:
    """Those that can be placed together, and those that repeat a name of an earlier one and must wait for it."""
    seen: set[tuple[str, ...]] = set()
    first: list[int] = []
    later: list[int] = []
    for place in places:
        names = _names(asked[place])
        (later if names & seen else first).append(place)
        seen |= names
    return first, later


def _names(asked: Asked) -> set[tuple[str, ...]]:
    order = asked.order
    names: set[tuple[str, ...]] = {("key", order.caller, order.key)}
    if order.external_id is not None:
        names.add(("external", order.channel, order.external_id))
    if asked.once is not None:
        names.add(("once", asked.once.account, asked.once.key))
    return names
