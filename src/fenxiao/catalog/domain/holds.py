"""The life of a hold, and what the facts of its order do to it.

open → confirmed → shipping → shipped; open → released (never used); confirmed → cancelled or refunded (its
order ended unshipped, nothing stays reserved). A shipment that was taken back leads from shipping to confirmed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from fenxiao.catalog.domain.batches import Portion, Shelf, give_back, take, take_any
from fenxiao.catalog.domain.movements import (
    RETURNED,
    SHIPPED,
    UNSHIPPED,
    WRITTEN_OFF,
    Changes,
    Movement,
    by_order,
)
from fenxiao.catalog.domain.reservation import Units

State = Literal["open", "confirmed", "shipping", "shipped", "released", "cancelled", "refunded"]
ENDED = ("released", "cancelled", "refunded")


@dataclass(slots=True, kw_only=True, eq=False)
class Held:
    """占用: units kept for one order. The arrays run along `product_ids`, or along `inventory_ids`.

    `reserved` is what lies in the warehouse for the order, `shipped` what left it for the order,
    `taken` what is still out of each batch.
    """

    hold_id: int
    order_id: int | None
    state: State
    product_ids: list[int]
    quantities: list[int]
    reserved: list[int]
    shipped: list[int]
    inventory_ids: list[int]
    taken: list[int]

    def reserves(self, units: Units) -> bool:
        """Whether at least these units are reserved."""
        held = dict(zip(self.product_ids, self.reserved, strict=True))
        return all(held.get(product_id, 0) >= quantity for product_id, quantity in units)

    def place(self, product_id: int) -> int:
        """The place of a product in the arrays."""
        return self.product_ids.index(product_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What an event told of an order: that it was cancelled, refunded in full, or that units came back.

    `shipped` says of returned units whether they had left the warehouse, `restock` whether they can be sold again.
    """

    order_id: int
    fact: Literal["cancelled", "refunded", "returned"]
    sequence: int = 0
    units: Units = ()
    restock: bool = False
    shipped: bool = False
    at: datetime
    actor: str


def release(held: Held, state: State, changes: Changes) -> None:
    """The hold ends and reserves nothing more."""
    for product_id, units in zip(held.product_ids, held.reserved, strict=True):
        changes.reserved[product_id] -= units
    held.reserved = [0] * len(held.reserved)
    held.state = state


def ship(
    held: Held, units: Units, at: datetime, shelves: Mapping[int, Shelf], changes: Changes
) -> list[Portion]:
    """Units leave the warehouse; the hold must reserve them and the shelves have them unexpired."""
    assert held.order_id is not None  # noqa: S101 - the caller has set it
    day = at.astimezone(UTC).date()
    portions: list[Portion] = []
    for product_id, quantity in units:
        portions += take(shelves[product_id], quantity, day)
        place = held.place(product_id)
        held.reserved[place] -= quantity
        held.shipped[place] += quantity
        changes.reserved[product_id] -= quantity
        shelves[product_id].reserved -= quantity
    held.inventory_ids = [batch.inventory_id for batch, _ in portions]
    held.taken = [quantity for _, quantity in portions]
    held.state = "shipping"
    changes.out(portions, by_order(held.order_id, SHIPPED, at))
    return portions


def unship(held: Held, shelves: Mapping[int, Shelf], changes: Changes, at: datetime) -> None:
    """The shipment did not happen: its units lie in their batches again and are reserved again."""
    batches = {batch.inventory_id: batch for shelf in shelves.values() for batch in shelf.batches}
    assert held.order_id is not None  # noqa: S101 - it was shipped for an order
    cause = by_order(held.order_id, UNSHIPPED, at)
    for inventory_id, units in zip(held.inventory_ids, held.taken, strict=True):
        batches[inventory_id].stock += units
        changes.movements.append(Movement(batches[inventory_id], units, cause))
    for place, product_id in enumerate(held.product_ids):
        changes.reserved[product_id] += held.shipped[place]
        shelves[product_id].reserved += held.shipped[place]
        held.reserved[place] += held.shipped[place]
    held.shipped = [0] * len(held.shipped)
    held.inventory_ids, held.taken = [], []
    held.state = "confirmed"


def settle(held: Held, fact: Fact, shelves: Mapping[int, Shelf], changes: Changes) -> bool:
    """Let a fact take effect on its order's hold; False, and nothing changed, if it cannot now.

    That is so while a shipment is neither confirmed nor taken back. A fact that contradicts its hold never can:
    it stays on the table, where the checks find it.
    """
    if fact.fact != "returned":
        return _end(held, fact, shelves, changes)
    if fact.shipped:
        return _return(held, fact, shelves, changes)
    if held.state in ENDED:
        return fact.restock or _write_off(fact, shelves, changes)
    return _leave(held, fact, shelves, changes)


def _end(held: Held, fact: Fact, shelves: Mapping[int, Shelf], changes: Changes) -> bool:
    if held.state == "confirmed":
        for product_id, units in zip(held.product_ids, held.reserved, strict=True):
            shelves[product_id].reserved -= units
        release(held, "cancelled" if fact.fact == "cancelled" else "refunded", changes)
        return True
    # An order that was shipped can still be refunded in full, but not be cancelled.
    return held.state in ENDED or (held.state == "shipped" and fact.fact == "refunded")


def _leave(held: Held, fact: Fact, shelves: Mapping[int, Shelf], changes: Changes) -> bool:
    """Units that were never shipped leave the reservation."""
    if not held.reserves(fact.units):
        return False
    for product_id, quantity in fact.units:
        held.reserved[held.place(product_id)] -= quantity
        shelves[product_id].reserved -= quantity
        changes.reserved[product_id] -= quantity
    # What was reserved lies there, so that there is enough to write off.
    return fact.restock or _write_off(fact, shelves, changes)


def _write_off(fact: Fact, shelves: Mapping[int, Shelf], changes: Changes) -> bool:
    if not all(_can_lose(shelves.get(product_id), quantity) for product_id, quantity in fact.units):
        return False
    day = fact.at.astimezone(UTC).date()
    for product_id, quantity in fact.units:
        shelf = shelves[product_id]
        # Unexpired units that others have reserved stay, unless all that is left besides has expired.
        portions = take_any(shelf, quantity, day, keep=shelf.reserved)
        portions = portions or take_any(shelf, quantity, day, keep=0)
        changes.out(portions or [], by_order(fact.order_id, WRITTEN_OFF, fact.at, fact.actor))
    return True


def _can_lose(shelf: Shelf | None, quantity: int) -> bool:
    return shelf is not None and shelf.on_hand() - shelf.reserved >= quantity


def _return(held: Held, fact: Fact, shelves: Mapping[int, Shelf], changes: Changes) -> bool:
    """Shipped units lie again in the batches from which they were taken."""
    if not fact.restock:
        return True
    batches = {batch.inventory_id: batch for shelf in shelves.values() for batch in shelf.batches}
    portions: list[tuple[int, int]] = []
    for product_id, quantity in fact.units:
        places = [n for n, i in enumerate(held.inventory_ids) if batches[i].product_id == product_id]
        if sum(held.taken[place] for place in places) < quantity:
            return False
        portions += give_back(held.taken, places, quantity)
    cause = by_order(fact.order_id, RETURNED, fact.at, fact.actor)
    for place, units in portions:
        held.taken[place] -= units
        batch = batches[held.inventory_ids[place]]
        batch.stock += units
        changes.movements.append(Movement(batch, units, cause))
    return True
