"""Rows of a file of stock: what lies in which batch, counted by people or by another system.

A row sets what lies in a batch of the product with its `product_id`, else with its `sku`. An empty `batch_id` means the
goods without number. An empty `stock` leaves the units as they are; an empty `expiry_date` means that the batch never
expires, where the file has that column. A batch that is new and empty is not opened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from fenxiao.catalog.domain import cells
from fenxiao.catalog.domain.adjustment import set_batch
from fenxiao.catalog.domain.batches import NO_BATCH, Batch, Shelf
from fenxiao.catalog.domain.movements import Changes
from fenxiao.catalog.domain.outcomes import Outcome
from fenxiao.catalog.domain.product_rows import MAX_ID, MAX_UNITS, MAX_WORD
from fenxiao.catalog.domain.refusals import ProductNotFound
from fenxiao.catalog.domain.sheets import Column, Row
from fenxiao.kernel.errors import FieldError

COLUMNS: tuple[Column, ...] = (
    Column("product_id", "商品编号", cells.whole(1, MAX_ID)),
    Column("sku", "SKU编码", cells.text(MAX_WORD)),
    Column("name", "商品名称", None),
    Column("batch_id", "批次号", cells.text(MAX_WORD)),
    Column("stock", "库存", cells.whole(0, MAX_UNITS)),
    Column("expiry_date", "有效期至", cells.day),
    Column("reserved", "已预留", None),
)
NEEDED = ("product_id", "sku")


@dataclass(slots=True)
class StockPlan:
    """What a file does to the shelves: in memory these stand so already."""

    outcomes: list[Outcome] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)
    opened: list[Batch] = field(default_factory=list)
    expiries: list[Batch] = field(default_factory=list)
    """Stored batches that expire on another day than was thought, or never."""


@dataclass(slots=True)
class _Place:
    """A row at its batch, as it was before the file."""

    row: Row
    shelf: Shelf
    batch: Batch
    stock: int
    expiry: date | None
    new: bool


def decide(
    rows: Sequence[Row], by_sku: Mapping[str, int], shelves: Mapping[int, Shelf], at: datetime
) -> StockPlan:
    """What becomes of the rows; a refused one changes nothing."""
    plan = StockPlan()
    taken: dict[tuple[int, str], int] = {}
    places: list[_Place] = []
    for row in rows:
        found = _find(row, by_sku, shelves, taken)
        if isinstance(found, FieldError):
            plan.outcomes.append(_refused(row, found))
        elif found is None:
            plan.outcomes.append(Outcome(row=row.number, action="unchanged", sku=row.content.get("sku")))
        else:
            places.append(found)
    # What comes first: goods that a file moves from one batch to another are reserved all the while.
    for place in sorted(places, key=lambda place: place.stock - _wanted(place)):
        plan.outcomes.append(_set(place, plan, at))
    plan.outcomes.sort(key=lambda outcome: outcome.row)
    return plan


def _find(
    row: Row, by_sku: Mapping[str, int], shelves: Mapping[int, Shelf], taken: dict[tuple[int, str], int]
) -> _Place | FieldError | None:
    shelf = _shelf(row, by_sku, shelves)
    if isinstance(shelf, FieldError):
        return shelf
    batch_id = row.content.get("batch_id") or NO_BATCH
    first = taken.setdefault((shelf.product_id, batch_id), row.number)
    if first != row.number:
        return FieldError("batch_id", "Row {row} is about the same batch already.", {"row": first})
    batch = shelf.batch(batch_id)
    if batch is not None:
        return _Place(row, shelf, batch, batch.stock, batch.expiry_date, new=False)
    if not row.content.get("stock"):
        return None
    batch = Batch(inventory_id=0, product_id=shelf.product_id, batch_id=batch_id, stock=0, expiry_date=None)
    return _Place(row, shelf, batch, 0, None, new=True)


def _shelf(row: Row, by_sku: Mapping[str, int], shelves: Mapping[int, Shelf]) -> Shelf | FieldError:
    product_id, sku = row.content.get("product_id"), row.content.get("sku")
    if not product_id and not sku:
        return FieldError("sku", "A row needs a product_id or a SKU.")
    if not product_id and (product_id := by_sku.get(str(sku))) is None:
        return FieldError("sku", "There is no product with the SKU {sku}.", {"sku": sku})
    found = shelves.get(product_id or 0)
    return found or FieldError("product_id", ProductNotFound.template(), {"product_id": product_id})


def _wanted(place: _Place) -> int:
    stock: int | None = place.row.content.get("stock")
    return place.stock if stock is None else stock


def _set(place: _Place, plan: StockPlan, at: datetime) -> Outcome:
    batch, content = place.batch, place.row.content
    if "expiry_date" in content:
        text = content["expiry_date"]
        batch.expiry_date = None if text is None else date.fromisoformat(text)
    if refusal := set_batch(place.shelf, batch, _wanted(place), at, plan.changes):
        batch.expiry_date = place.expiry
        return _refused(place.row, FieldError("stock", refusal.template(), refusal.params))
    if place.new:
        place.shelf.batches.append(batch)
        plan.opened.append(batch)
    elif batch.expiry_date != place.expiry:
        plan.expiries.append(batch)
    changes: dict[str, tuple[Any, Any]] = {}
    if batch.stock != place.stock:
        changes["stock"] = (place.stock, batch.stock)
    if batch.expiry_date != place.expiry:
        changes["expiry_date"] = (_iso(place.expiry), _iso(batch.expiry_date))
    return Outcome(
        row=place.row.number,
        action="created" if place.new else "changed" if changes else "unchanged",
        product_id=place.shelf.product_id,
        sku=content.get("sku"),
        changes=changes,
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _refused(row: Row, fault: FieldError) -> Outcome:
    content = row.content
    return Outcome(
        row=row.number,
        action="refused",
        product_id=content.get("product_id"),
        sku=content.get("sku"),
        faults=(fault,),
    )


def cells_of(
    product_id: int,
    sku: str | None,
    name: str,
    reserved: int,
    batches: Iterable[tuple[str, int, date | None]],
) -> list[list[Any]]:
    """The rows of a product, one for each batch (number, units, expiry); one with 0 where nothing lies."""
    head = [product_id, cells.guarded(sku) if sku else None, cells.guarded(name)]
    rows: list[list[Any]] = [
        [*head, cells.guarded(batch_id), stock, expiry_date, reserved]
        for batch_id, stock, expiry_date in batches
    ]
    return rows or [[*head, None, 0, None, reserved]]


def headings() -> list[str]:
    """The names of the columns of `cells_of`."""
    return [column.name for column in COLUMNS]
