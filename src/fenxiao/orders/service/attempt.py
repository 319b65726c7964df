"""One order on its way to being placed: what was asked, what has been gathered, what has been decided."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from fenxiao.catalog.api import HeldStock, ProductMissing
from fenxiao.infra.db.idempotency import Once
from fenxiao.kernel.errors import FieldError, Forbidden, Invalid, Refusal
from fenxiao.kernel.ids import RuleId
from fenxiao.network.api import Seller
from fenxiao.orders.api import MixedCurrencies, NewOrder, OtherCurrency, PlacedOrder
from fenxiao.orders.domain.pricing import AskedLine, PricedLine, price_lines
from fenxiao.orders.queries.known import Known

SET_PRICE = "orders:set-price"
MOST_UNITS = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An order to place, who places it, and the promise of an idempotency key, if one was given."""

    order: NewOrder
    actor: str
    once: Once | None = None


@dataclass(frozen=True, slots=True)
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
    seller: Seller | None = None
    held: HeldStock | None = None
    currency: str = ""
    priced: Sequence[PricedLine] = ()
    rule_id: RuleId | None = None
    answer: Answered | Refusal | None = None

    @property
    def order(self) -> NewOrder:
        """What was asked for."""
        return self.asked.order

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
                faults.append(FieldError(f"lines.{place}.unit_price", "An amount here is never negative."))
        if order.total_minor is not None and order.total_minor < 0:
            faults.append(FieldError("total_price", "An amount here is never negative."))
        if faults:
            return Invalid(errors=tuple(faults))
        return Forbidden(permission=SET_PRICE) if order.paid and not order.may_set_price else None

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
            AskedLine(line.product_id, line.quantity, line.unit_price_minor, each.price_minor)
            for line, each in zip(order.lines, facts, strict=True)
        ]
        try:
            self.priced = price_lines(
                lines,
                total_minor=order.total_minor,
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
            and order.currency in (None, there.currency)
            and [(line.product_id, line.quantity) for line in order.lines]
            == [(line.product_id, line.quantity) for line in there.lines]
            and all(
                line.unit_price_minor in (None, placed.unit_price_minor)
                for line, placed in zip(order.lines, there.lines, strict=True)
            )
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
