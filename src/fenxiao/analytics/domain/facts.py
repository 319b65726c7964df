"""Sales facts (销售事实): what an order's history adds to the figures, one fact per payment, refund and booked step.

A fact never changes once it has happened, so it is known by what it is (order, kind, sequence) and nothing
has to be counted or corrected: bringing the same fact twice brings nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Literal, NamedTuple, Protocol

from fenxiao.kernel.money import allocate
from fenxiao.kernel.values import value

Kind = Literal["payment", "refund", "commission"]
Key = tuple[int, Kind, int]
"""Order, kind, sequence: 0 for the payment, that of the refund, the step of the booking."""

SLOT_MINUTES = 15
"""Every zone's offset from UTC has been a multiple of so many minutes since 1972: slots make up the days of any zone."""

NO_CATEGORY = 0


class Line(Protocol):
    """An order line as it was frozen."""

    @property
    def line_id(self) -> int: ...
    @property
    def product_id(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def category_path(self) -> Sequence[int]: ...


class Products(NamedTuple):
    """A fact by product: side by side the products of the order, each once and in id order, their categories, units, amounts.

    Columns instead of a value per product, because a year of orders has a million of them.
    """

    product_ids: tuple[int, ...]
    category_ids: tuple[int, ...]
    units: tuple[int, ...]
    amounts_minor: tuple[int, ...]


@value(kw_only=True)
class Fact:
    """销售事实: `amount_minor` is what was paid, refunded (positive) or booked as commission (signed).

    `units` are those sold, 0 but for a payment.
    """

    order_id: int
    kind: Kind
    sequence: int
    at: datetime
    distributor_id: int
    currency: str
    units: int
    amount_minor: int
    products: Products

    @property
    def key(self) -> Key:
        """What it is known by."""
        return (self.order_id, self.kind, self.sequence)


def slot(at: datetime) -> datetime:
    """The quarter of an hour in which a moment lies."""
    moment = at.astimezone(UTC)
    return moment.replace(minute=moment.minute - moment.minute % SLOT_MINUTES, second=0, microsecond=0)


def by_product(lines: Sequence[Line], amounts: Sequence[int], units: Sequence[int] | None = None) -> Products:
    """Amounts and units by line, added up by product; products with neither are left out."""
    if len(lines) == 1:
        # Most orders have one line, and nothing of it to add up.
        return _of_line(lines[0], amounts[0], units[0] if units else 0)
    found: dict[int, list[int]] = {}
    for line, amount, count in zip(lines, amounts, units or repeat(0), strict=False):
        if amount or count:
            sums = found.get(line.product_id)
            if sums is None:
                path = line.category_path
                found[line.product_id] = [path[0] if path else NO_CATEGORY, count, amount]
            else:
                sums[1] += count
                sums[2] += amount
    product_ids = tuple(sorted(found))
    columns = zip(*[found[product_id] for product_id in product_ids], strict=True)
    return Products(product_ids, *columns) if found else NOTHING


def _of_line(line: Line, amount: int, count: int) -> Products:
    if not amount and not count:
        return NOTHING
    category_id = line.category_path[0] if line.category_path else NO_CATEGORY
    return Products((line.product_id,), (category_id,), (count,), (amount,))


NOTHING = Products((), (), (), ())


def spread(amount_minor: int, weights: Sequence[int], fallback: Sequence[int]) -> list[int]:
    """A signed amount over lines by weight, without losing a unit; by `fallback` where all weights are 0.

    Where those are 0 as well, the first line takes it all.
    """
    for candidate in (weights, fallback):
        if any(candidate):
            shares = allocate(abs(amount_minor), candidate)
            return shares if amount_minor >= 0 else [-share for share in shares]
    return [amount_minor, *[0] * (len(weights) - 1)]


def left_before(lines: Iterable[Line], refunds: Iterable[tuple[int, int]]) -> list[int]:
    """What is left of each line's amount after refunds, given as (line, amount)."""
    taken: dict[int, int] = {}
    for line_id, amount in refunds:
        taken[line_id] = taken.get(line_id, 0) + amount
    return [line.amount_minor - taken.get(line.line_id, 0) for line in lines]
