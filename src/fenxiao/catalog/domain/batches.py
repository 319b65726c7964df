"""Batches of a product and which of them serves whom: first expired, first out.

A batch can be sold through its expiry day (UTC), and not at all while it is recalled. Quantities are whole units. The functions change the
batches they are given, so that one decision sees what the one before it took.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

NO_BATCH = "DEFAULT"
"""The batch of goods that nobody has given a batch number."""


@dataclass(slots=True, eq=False)
class Batch:
    """批次: what lies of a product under one batch number. `inventory_id` 0: not stored yet."""

    inventory_id: int
    product_id: int
    batch_id: str
    stock: int
    expiry_date: date | None
    recalled: bool = False

    def sellable_on(self, day: date) -> bool:
        """Whether it may be sold on that day."""
        return not self.recalled and (self.expiry_date is None or self.expiry_date >= day)


Portion = tuple[Batch, int]
"""So many units of a batch."""


@dataclass(slots=True, eq=False)
class Shelf:
    """All that lies of one product, the batches in the order in which they are sold; `reserved` is for orders."""

    product_id: int
    reserved: int
    batches: list[Batch]

    def on_hand(self) -> int:
        """Units that lie there, those that cannot be sold too."""
        return sum(batch.stock for batch in self.batches)

    def servable(self, day: date) -> int:
        """Units that orders may be served from on that day, reserved ones too."""
        return sum(batch.stock for batch in self.batches if batch.sellable_on(day))

    def sellable(self, day: date) -> int:
        """Units that can still be promised on that day; below 0 when reserved ones have expired or were recalled."""
        return self.servable(day) - self.reserved

    def batch(self, batch_id: str) -> Batch | None:
        """The batch of that number."""
        return next((batch for batch in self.batches if batch.batch_id == batch_id), None)


def in_order_of_sale(batches: Iterable[Batch]) -> list[Batch]:
    """The soonest to expire first, those that never do last, older ones before newer ones."""
    return sorted(batches, key=lambda batch: (batch.expiry_date or date.max, batch.inventory_id))


def take(shelf: Shelf, quantity: int, day: date) -> list[Portion]:
    """Take units from sellable batches in order; the shelf must have as many there (ValueError)."""
    portions, missing = _take((batch for batch in shelf.batches if batch.sellable_on(day)), quantity)
    if missing:
        message = f"product {shelf.product_id} lacks {missing} units that may be sold"
        raise ValueError(message)
    return portions


def take_any(shelf: Shelf, quantity: int, day: date, *, keep: int) -> list[Portion] | None:
    """Take units that are lost: sellable ones in order, as long as `keep` of these stay, then the others.

    None, and nothing taken, if so many units are not to be had.
    """
    fresh = [batch for batch in shelf.batches if batch.sellable_on(day)]
    stale = [batch for batch in shelf.batches if not batch.sellable_on(day)]
    room = min(quantity, max(0, shelf.servable(day) - keep))
    if quantity - room > sum(batch.stock for batch in stale):
        return None
    return _take(fresh, room)[0] + _take(stale, quantity - room)[0]


def _take(batches: Iterable[Batch], quantity: int) -> tuple[list[Portion], int]:
    portions: list[Portion] = []
    for batch in batches:
        if not quantity:
            break
        units = min(quantity, batch.stock)
        if units:
            batch.stock -= units
            quantity -= units
            portions.append((batch, units))
    return portions, quantity


def give_back(taken: Sequence[int], places: Sequence[int], quantity: int) -> list[tuple[int, int]]:
    """Which places of `taken` the returned units go back to, the last allocation first.

    `places` are those of the product; ValueError if fewer units were taken than come back.
    """
    portions: list[tuple[int, int]] = []
    for place in reversed(places):
        units = min(quantity, taken[place])
        if units:
            quantity -= units
            portions.append((place, units))
    if quantity:
        message = f"{quantity} units more came back than were taken"
        raise ValueError(message)
    return portions
