"""What a refund takes off which line. Exact: a series of refunds that adds up to the whole leaves exactly 0."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fenxiao.kernel.ids import LineId
from fenxiao.kernel.money import allocate
from fenxiao.orders.api import RefundedLine

Part = Literal["amount", "shipping", "tax"]


@dataclass(slots=True)
class LineLeft:
    """What is left of a line: units not returned and money not given back (minor units)."""

    line_id: LineId
    quantity: int
    amount_minor: int

    def take(self, taken: RefundedLine) -> None:
        """Count what a refund took off this line."""
        self.quantity -= taken.quantity
        self.amount_minor -= taken.amount_minor


class TooMuch(Exception):  # noqa: N818 - an answer of the rule, turned into a refusal where the order is known
    """More was asked for than is left; units of a line, or money of the order: of its goods, shipping or tax."""

    def __init__(self, left: int, wanted: int, line_id: LineId | None = None, *, of: Part = "amount") -> None:
        super().__init__(left, wanted, line_id)
        self.left, self.wanted, self.line_id, self.of = left, wanted, line_id, of


@dataclass(slots=True)
class ChargesLeft:
    """What is left of an order's shipping and tax (minor units)."""

    shipping_minor: int
    tax_minor: int

    def take(self, *, shipping_minor: int, tax_minor: int) -> None:
        """Count what a refund took; TooMuch, naming which, if less is left. A refusal leaves both as they are."""
        if shipping_minor > self.shipping_minor:
            raise TooMuch(self.shipping_minor, shipping_minor, of="shipping")
        if tax_minor > self.tax_minor:
            raise TooMuch(self.tax_minor, tax_minor, of="tax")
        self.shipping_minor -= shipping_minor
        self.tax_minor -= tax_minor


def units_worth(left_minor: int, units: int, units_left: int) -> int:
    """The money that goes back with `units` of `units_left`: left × units ÷ units_left, halves up (minor units)."""
    return (2 * left_minor * units + units_left) // (2 * units_left)


def take_units(left: Mapping[LineId, LineLeft], asked: Iterable[tuple[LineId, int]]) -> list[RefundedLine]:
    """Refund units of lines, each line at most once; TooMuch if a line has fewer left. `left` stays as it is."""
    taken = []
    for line_id, units in asked:
        line = left[line_id]
        if units > line.quantity:
            raise TooMuch(line.quantity, units, line_id)
        amount = units_worth(line.amount_minor, units, line.quantity)
        taken.append(RefundedLine(line_id=line_id, quantity=units, amount_minor=amount))
    return taken


def all_units(left: Mapping[LineId, LineLeft]) -> list[tuple[LineId, int]]:
    """Every unit that was not returned: what a refund of the whole asks for."""
    return [(line_id, line.quantity) for line_id, line in left.items() if line.quantity]


def take_amount(left: Sequence[LineLeft], amount_minor: int) -> list[RefundedLine]:
    """Spread a refund over the lines in proportion to what is left of them; TooMuch if less is left.

    Largest remainder, ties to the earlier line; a line never gives more than it has. Lines that give
    nothing are left out.
    """
    whole = sum(line.amount_minor for line in left)
    if amount_minor > whole:
        raise TooMuch(whole, amount_minor)
    shares = allocate(amount_minor, [line.amount_minor for line in left])
    return [
        RefundedLine(line_id=line.line_id, quantity=0, amount_minor=share)
        for line, share in zip(left, shares, strict=True)
        if share
    ]
