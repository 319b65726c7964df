"""What an order costs: by the price list, or as a trusted channel says.

total = lines + shipping + tax; a line = unit price × quantity − its own discount − its share of the order's discount.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.ids import ProductId
from fenxiao.kernel.money import LIMIT_MINOR, allocate, from_minor
from fenxiao.kernel.values import value
from fenxiao.orders.api import PriceMismatch, PriceMissing

_NEEDS = "Only with the permission orders:set-price; without it the total is {expected}."


@value()
class AskedLine:
    """A line to price: units, the price sent with it, the price list's; prices per unit, the discount in all."""

    product_id: ProductId
    quantity: int
    sent_minor: int | None
    list_minor: int | None
    discount_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an order says besides its lines, in minor units, none of it below 0; `total_minor` None: whatever it is."""

    total_minor: int | None = None
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0

    @property
    def charges_minor(self) -> int:
        """What the buyer pays besides the goods."""
        return self.shipping_minor + self.tax_minor


PLAIN = Terms()


@value()
class PricedLine:
    """A line's price: amount = unit price × quantity − discount, in minor units, none of them below 0.

    `order_discount_minor` is the part of the discount that is the line's share of the order's.
    """

    unit_price_minor: int
    discount_minor: int
    amount_minor: int
    order_discount_minor: int = 0


def price_lines(
    lines: Sequence[AskedLine], *, terms: Terms = PLAIN, may_set_price: bool, currency: str
) -> list[PricedLine]:
    """Price the lines of one order; refused with PriceMissing, PriceMismatch or Invalid.

    Without `may_set_price` every price is the list's, nothing is taken off or added, and a total that was sent must
    agree. With it, the sent price counts before the list's, and discounts, shipping and tax are as sent; the total
    of a single line without a price sets that line's price; any other total that differs from what the order comes
    to is spread over the lines, less shipping and tax, by largest remainder, as a discount.
    """
    by = _set if may_set_price else _listed
    priced = by(lines, terms, currency)
    gross = sum(line.amount_minor + line.discount_minor for line in priced)
    if gross + terms.charges_minor >= LIMIT_MINOR:
        raise Invalid(errors=(FieldError("total_price", "This amount is too large."),))
    return priced


def _listed(lines: Sequence[AskedLine], terms: Terms, currency: str) -> list[PricedLine]:
    expected = given = 0
    priced = []
    agrees = True
    for line in lines:
        price = line.list_minor
        if price is None:
            raise PriceMissing(product_id=line.product_id)
        amount = price * line.quantity
        expected += amount
        given += amount if line.sent_minor is None else line.sent_minor * line.quantity
        agrees &= line.sent_minor is None or line.sent_minor == price
        priced.append(PricedLine(price, 0, amount))
    forbidden = _forbidden(lines, terms)
    if forbidden:
        off = terms.discount_minor + sum(line.discount_minor for line in lines)
        raise _mismatch(expected, given - off + terms.charges_minor, currency, forbidden)
    if not agrees or terms.total_minor not in (None, expected):
        raise _mismatch(expected, given if terms.total_minor is None else terms.total_minor, currency)
    return priced


def _forbidden(lines: Sequence[AskedLine], terms: Terms) -> list[str]:
    """The fields that only a caller who may set prices fills; an amount of 0 says nothing."""
    fields = [f"lines.{place}.discount" for place, line in enumerate(lines) if line.discount_minor]
    named = (
        ("discount", terms.discount_minor),
        ("shipping", terms.shipping_minor),
        ("tax", terms.tax_minor),
    )
    return fields + [name for name, amount in named if amount]


def _set(lines: Sequence[AskedLine], terms: Terms, currency: str) -> list[PricedLine]:
    total = terms.total_minor
    goods = None if total is None else total - terms.charges_minor
    if goods is not None and goods < 0:
        raise _mismatch(terms.charges_minor, total or 0, currency)
    if len(lines) == 1 and lines[0].sent_minor is None and goods is not None:
        return [_solved(lines[0], goods, terms.discount_minor)]
    units = [_unit(line) for line in lines]
    own = _own(lines, units, currency)
    shares = _shares(terms.discount_minor, own, currency)
    amounts = [amount - share for amount, share in zip(own, shares, strict=True)]
    if goods is not None and goods != sum(amounts):
        if not any(amounts):
            raise _mismatch(terms.charges_minor, total or 0, currency)
        amounts = allocate(goods, amounts)
    return [
        _discounted(unit, line, amount, share)
        for unit, line, amount, share in zip(units, lines, amounts, shares, strict=True)
    ]


def _unit(line: AskedLine) -> int:
    price = line.list_minor if line.sent_minor is None else line.sent_minor
    if price is None:
        raise PriceMissing(product_id=line.product_id)
    return price


def _solved(line: AskedLine, goods: int, discount: int) -> PricedLine:
    """The line whose price follows from the total: the total is what is left of it after the discounts."""
    gross = goods + line.discount_minor + discount
    unit = -(-gross // line.quantity)
    return PricedLine(unit, unit * line.quantity - goods, goods, discount)


def _own(lines: Sequence[AskedLine], units: Iterable[int], currency: str) -> list[int]:
    """The lines after their own discounts."""
    amounts, faults = [], []
    for place, (line, unit) in enumerate(zip(lines, units, strict=True)):
        gross = unit * line.quantity
        if line.discount_minor > gross:
            faults.append(_too_much(f"lines.{place}.discount", gross, currency))
        amounts.append(gross - line.discount_minor)
    if faults:
        raise Invalid(errors=tuple(faults))
    return amounts


def _shares(discount: int, own: Sequence[int], currency: str) -> list[int]:
    """The order's discount over its lines, in proportion to what they cost: as a refund by amount would be."""
    if discount > sum(own):
        raise Invalid(errors=(_too_much("discount", sum(own), currency),))
    return allocate(discount, own) if discount else [0] * len(own)


def _too_much(field: str, most: int, currency: str) -> FieldError:
    return FieldError(field, "The discount is larger than {most}.", {"most": from_minor(most, currency)})


def _discounted(unit: int, line: AskedLine, amount: int, share: int) -> PricedLine:
    # A total above the lines raises the unit price, so that a discount is never less than what was said.
    gross = amount + line.discount_minor + share
    if gross > unit * line.quantity:
        unit = -(-gross // line.quantity)
    return PricedLine(unit, unit * line.quantity - amount, amount, share)


def _mismatch(expected: int, given: int, currency: str, fields: Sequence[str] = ()) -> PriceMismatch:
    figures = {"expected": from_minor(expected, currency), "given": from_minor(given, currency)}
    faults = [FieldError(field, _NEEDS, figures) for field in fields]
    total = FieldError("total_price", "By the price list it is {expected}.", figures)
    return PriceMismatch(errors=tuple(faults) or (total,), **figures)
