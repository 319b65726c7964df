"""What the lines of an order cost: by the price list, or as a trusted channel says."""

from collections.abc import Sequence
from dataclasses import dataclass

from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.ids import ProductId
from fenxiao.kernel.money import LIMIT_MINOR, allocate, from_minor
from fenxiao.orders.api import PriceMismatch, PriceMissing


@dataclass(frozen=True, slots=True)
class AskedLine:
    """A line to price: units, the price sent with it, the price list's; prices per unit in minor units."""

    product_id: ProductId
    quantity: int
    sent_minor: int | None
    list_minor: int | None


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line's price: amount = unit price × quantity − discount, in minor units, none of them below 0."""

    unit_price_minor: int
    discount_minor: int
    amount_minor: int


def price_lines(
    lines: Sequence[AskedLine], *, total_minor: int | None, may_set_price: bool, currency: str
) -> list[PricedLine]:
    """Price the lines of one order; refused with PriceMissing, PriceMismatch or Invalid (beyond all bounds).

    Without `may_set_price` every price is the list's and a total that was sent must agree. With it, the sent
    price counts before the list's; the total of a single line without a price sets that line's price; any
    other total that differs from the lines is spread over them by largest remainder, as a discount.
    """
    by = _set if may_set_price else _listed
    priced = by(lines, total_minor, currency)
    if sum(line.amount_minor + line.discount_minor for line in priced) >= LIMIT_MINOR:
        raise Invalid(errors=(FieldError("total_price", "This amount is too large."),))
    return priced


def _listed(lines: Sequence[AskedLine], total_minor: int | None, currency: str) -> list[PricedLine]:
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
    if not agrees or (total_minor is not None and total_minor != expected):
        raise _mismatch(expected, given if total_minor is None else total_minor, currency)
    return priced


def _set(lines: Sequence[AskedLine], total_minor: int | None, currency: str) -> list[PricedLine]:
    if len(lines) == 1 and lines[0].sent_minor is None and total_minor is not None:
        unit = -(-total_minor // lines[0].quantity)
        return [PricedLine(unit, unit * lines[0].quantity - total_minor, total_minor)]
    prices = [line.list_minor if line.sent_minor is None else line.sent_minor for line in lines]
    units = []
    for line, price in zip(lines, prices, strict=True):
        if price is None:
            raise PriceMissing(product_id=line.product_id)
        units.append(price)
    gross = [unit * line.quantity for unit, line in zip(units, lines, strict=True)]
    expected = sum(gross)
    if total_minor is None or total_minor == expected:
        return [PricedLine(unit, 0, amount) for unit, amount in zip(units, gross, strict=True)]
    if expected == 0:
        raise _mismatch(0, total_minor, currency)
    return [
        _discounted(unit, line.quantity, amount)
        for unit, line, amount in zip(units, lines, allocate(total_minor, gross), strict=True)
    ]


def _discounted(unit: int, quantity: int, amount: int) -> PricedLine:
    # A total above the lines raises the unit price, so that a discount is never negative.
    if amount > unit * quantity:
        unit = -(-amount // quantity)
    return PricedLine(unit, unit * quantity - amount, amount)


def _mismatch(expected: int, given: int, currency: str) -> PriceMismatch:
    figures = {"expected": from_minor(expected, currency), "given": from_minor(given, currency)}
    return PriceMismatch(
        errors=(FieldError("total_price", "By the price list it is {expected}.", figures),), **figures
    )
