"""Who gets stock: requests are served in their order, each whole or not at all.

A refused request takes nothing, so one behind it is never refused for a bigger one's sake.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from fenxiao.catalog.api import OutOfStock, ProductMissing, ProductUnavailable, StockLine, StockRequest
from fenxiao.catalog.domain.batches import Shelf
from fenxiao.kernel.errors import FieldError, Invalid, Refusal
from fenxiao.kernel.ids import ProductId

MAX_UNITS = 2**31 - 1
MAX_ID = 2**63 - 1
MAX_TEXT = 1000

Units = tuple[tuple[int, int], ...]
"""(product, quantity) in product order, each product once."""

_POSITIVE = "Send a whole number from 1 to 2147483647."
_ONE_LINE = "An order needs at least one line."
_KEY = "The key must be a text of 1 to 1000 characters."


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last hold that was taken under a key."""

    hold_id: int
    attempt: int
    open: bool
    units: Units


@dataclass(frozen=True, slots=True)
class Adopted:
    """The request goes on with the hold an earlier attempt left open."""

    hold_id: int


@dataclass(frozen=True, slots=True)
class Granted:
    """The request gets these units under a hold of its own, the `attempt`-th of its key."""

    attempt: int
    units: Units


def gathered(lines: Sequence[StockLine]) -> Units:
    """The units of the lines by product."""
    if len(lines) == 1:
        return ((lines[0].product_id, lines[0].quantity),)
    return gathered_units((line.product_id, line.quantity) for line in lines)


def gathered_units(pairs: Iterable[tuple[int, int]]) -> Units:
    """The sums of (product, quantity) by product."""
    sums: dict[int, int] = {}
    for product_id, quantity in pairs:
        sums[product_id] = sums.get(product_id, 0) + quantity
    return tuple(sorted(sums.items()))


def fault(request: StockRequest) -> Invalid | None:
    """Why this request cannot even be asked, if so: it would spoil the statement that serves its neighbours too."""
    if request.lines and not any(map(_faulty, request.lines)) and _named(request):
        return None
    errors = [
        FieldError(f"lines.{place}.quantity", _POSITIVE)
        for place, line in enumerate(request.lines)
        if not 1 <= line.quantity <= MAX_UNITS
    ]
    errors += [
        FieldError(f"lines.{place}.product_id", ProductMissing.template(), {"product_id": line.product_id})
        for place, line in enumerate(request.lines)
        if not 1 <= line.product_id <= MAX_ID
    ]
    if not request.lines:
        errors.append(FieldError("lines", _ONE_LINE))
    if not _named(request):
        errors.append(FieldError("key", _KEY))
    return Invalid(errors=tuple(errors))


def _faulty(line: StockLine) -> bool:
    return not (1 <= line.quantity <= MAX_UNITS and 1 <= line.product_id <= MAX_ID)


def _named(request: StockRequest) -> bool:
    return all(1 <= len(text) <= MAX_TEXT and "\0" not in text for text in (request.caller, request.key))


def decide(
    asked: Sequence[tuple[Units, date, Attempt | None]],
    shelves: Mapping[int, Shelf],
    for_sale: Mapping[int, bool],
) -> list[Adopted | Granted | Refusal]:
    """For each request (units, day, last attempt under its key) what becomes of it; `for_sale` knows every product."""
    return [_decide(units, day, last, shelves, for_sale) for units, day, last in asked]


def _decide(
    units: Units, day: date, last: Attempt | None, shelves: Mapping[int, Shelf], for_sale: Mapping[int, bool]
) -> Adopted | Granted | Refusal:
    if last is not None and last.open and last.units == units:
        return Adopted(last.hold_id)
    for product_id, quantity in units:
        shelf = shelves.get(product_id)
        if shelf is None or product_id not in for_sale:
            return ProductMissing(product_id=product_id)
        if not for_sale[product_id]:
            return ProductUnavailable(product_id=product_id)
        if (sellable := shelf.sellable(day)) < quantity:
            return OutOfStock(product_id=product_id, available=max(0, sellable), wanted=quantity)
    for product_id, quantity in units:
        shelves[product_id].reserved += quantity
    return Granted(1 if last is None else last.attempt + 1, units)


def units_of(product_ids: Sequence[int], quantities: Sequence[int]) -> Units:
    """The units that two parallel arrays hold, without the products of which there are none."""
    return tuple((ProductId(p), q) for p, q in zip(product_ids, quantities, strict=True) if q)
