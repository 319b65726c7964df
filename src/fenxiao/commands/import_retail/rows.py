"""What each row is: a line of a sale, a return, or neither; and why not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from fenxiao.commands.import_retail.source import Source

Reason = Literal[
    "quantity-not-positive", "price-not-positive", "price-below-a-cent", "not-a-sale", "return-without-sale"
]


@dataclass(frozen=True, slots=True)
class SaleRow:
    """A line of a sale. `row` is its place in the file (from 0), `place` the one within its invoice (from 1)."""

    row: int
    place: int
    code: str
    quantity: int
    price_minor: int


@dataclass(slots=True)
class Sale:
    """One invoice: an order of one customer (None: nobody is named) at the time of its first line."""

    invoice: str
    at: datetime
    customer: str | None
    lines: list[SaleRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Return:
    """One row of a credit note. `quantity` is positive: the units that came back."""

    row: int
    invoice: str
    place: int
    at: datetime
    customer: str | None
    code: str
    quantity: int
    price_minor: int

    @property
    def key(self) -> str:
        """By this the row is known, in this file and in any that overlaps it."""
        return f"{self.invoice}#{self.place}"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not taken; `units` of it, all of them unless a part was."""

    row: int
    place: int
    reason: Reason
    units: int


@dataclass(slots=True)
class Sorted:
    """The file, sorted out: sales in order of time, returns in order of time and then of the file."""

    sales: list[Sale]
    returns: list[Return]
    rejects: list[Reject]


def sort_out(source: Source) -> Sorted:
    """Tell sales from returns from the rest, by the rules of the import."""
    sales: dict[str, Sale] = {}
    returns: list[Return] = []
    rejects: list[Reject] = []
    for row, place, invoice in _places(source):
        quantity, price = source.quantity.of(row), source.price.of(row)
        minor = _minor(price)
        if invoice.isdecimal() and invoice.isascii():
            reason = _why_no_sale(quantity, price, minor)
            if reason is not None or minor is None:
                rejects.append(Reject(row, place, reason or "price-below-a-cent", quantity))
                continue
            sale = sales.get(invoice)
            if sale is None:
                sale = sales[invoice] = Sale(invoice, source.time.of(row), source.customer.of(row))
            sale.lines.append(SaleRow(row, place, source.code.of(row), quantity, minor))
        elif invoice.startswith("C") and quantity < 0 and minor is not None and minor > 0:
            customer, code = source.customer.of(row), source.code.of(row)
            returns.append(Return(row, invoice, place, source.time.of(row), customer, code, -quantity, minor))
        else:
            rejects.append(Reject(row, place, "not-a-sale", quantity))
    ordered = sorted(sales.values(), key=lambda sale: (sale.at, int(sale.invoice)))
    returns.sort(key=lambda back: (back.at, back.row))
    return Sorted(ordered, returns, rejects)


def _places(source: Source) -> Iterator[tuple[int, int, str]]:
    """Each row with its place within its invoice, from 1; rows of one invoice need not stand together."""
    counted = [0] * len(source.invoice.values)
    for row, value in enumerate(source.invoice.places):
        counted[value] += 1
        yield row, counted[value], source.invoice.values[value]


def _minor(price: Decimal | None) -> int | None:
    """The price in pence, None if it has more than two decimals or is none at all."""
    if price is None:
        return None
    scaled = price.scaleb(2)
    return int(scaled) if scaled == scaled.to_integral_value() else None


def _why_no_sale(quantity: int, price: Decimal | None, minor: int | None) -> Reason | None:
    if quantity <= 0:
        return "quantity-not-positive"
    if price is None or price <= 0:
        return "price-not-positive"
    return "price-below-a-cent" if minor is None else None
