"""Shipments: units of held orders leave their batches, or come back because the order was not committed."""

from collections.abc import Mapping, Sequence
from datetime import UTC

from fenxiao.catalog.api import Allocation, HoldGone, OutOfStock, Shipment, Shipped
from fenxiao.catalog.domain import holds
from fenxiao.catalog.domain.batches import Shelf
from fenxiao.catalog.domain.holds import Held
from fenxiao.catalog.domain.movements import Changes
from fenxiao.catalog.domain.reservation import Units, gathered
from fenxiao.catalog.queries import inventory
from fenxiao.catalog.service.following import settle_waiting
from fenxiao.catalog.service.poison import apart
from fenxiao.catalog.store import holds as hold_store
from fenxiao.catalog.store import stock
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import OrderId, ProductId

Answer = Shipped | Refusal


class Shipping:
    """出库: shipments, first expired first out."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ship(self, *, shipments: Sequence[Shipment]) -> list[Answer]:
        """See `CatalogApi`."""
        return await apart(self._ship, shipments) if shipments else []

    @starts_over
    async def _ship(self, shipments: Sequence[Shipment]) -> list[Answer]:
        wanted = [gathered(shipment.lines) for shipment in shipments]
        changes = Changes()
        async with self._db.begin() as tx:
            shelves = await stock.lock_shelves(tx, {product for units in wanted for product, _ in units})
            held = await hold_store.lock_holds(tx, {shipment.hold_id for shipment in shipments})
            refusals = [
                _decide(shipment, units, held.get(shipment.hold_id), shelves, changes)
                for shipment, units in zip(shipments, wanted, strict=True)
            ]
            out = {
                one.hold_id: one for one, refusal in zip(shipments, refusals, strict=True) if refusal is None
            }
            await hold_store.save_holds(
                tx, [held[hold_id] for hold_id in out], deadlines=[one.deadline for one in out.values()]
            )
            await stock.write(tx, changes, self._db.clock())
            named = await _names(tx, shelves, [held[hold_id] for hold_id in out])
        return [
            _shipped(held[shipment.hold_id], shipment.order_id, named) if refusal is None else refusal
            for shipment, refusal in zip(shipments, refusals, strict=True)
        ]

    @starts_over
    async def unship(self, *, orders: Sequence[OrderId]) -> None:
        """See `CatalogApi`."""
        changes = Changes()
        async with self._db.begin() as tx:
            hold_ids = (await hold_store.holds_of(tx, orders)).values()
            shelves = await stock.lock_shelves(
                tx, await hold_store.products_of(tx, hold_ids), all_batches=True
            )
            held = await hold_store.lock_holds(tx, hold_ids)
            back = [one for one in held.values() if one.state == "shipping"]
            now = self._db.clock()
            for one in back:
                holds.unship(one, shelves, changes, now)
            # What had to wait for the outcome of the shipment takes effect now.
            await settle_waiting(tx, back, shelves, changes)
            await hold_store.save_holds(tx, back)
            await stock.write(tx, changes, now)


def _decide(
    shipment: Shipment, units: Units, held: Held | None, shelves: Mapping[int, Shelf], changes: Changes
) -> Refusal | None:
    """Ship, unless it was shipped before; None when the units are out."""
    if held is None or held.order_id not in (None, shipment.order_id) or held.state in holds.ENDED:
        return HoldGone()
    if held.state in ("shipping", "shipped"):
        return None
    if not held.reserves(units):
        return HoldGone()
    day = shipment.at.astimezone(UTC).date()
    for product_id, quantity in units:
        if (left := shelves[product_id].servable(day)) < quantity:
            return OutOfStock(product_id=product_id, available=left, wanted=quantity)
    held.order_id = shipment.order_id
    holds.ship(held, units, shipment.at, shelves, changes)
    return None


Names = Mapping[int, tuple[int, str]]
"""By inventory id: product and batch number."""


async def _names(tx: Transaction, shelves: Mapping[int, Shelf], held: Sequence[Held]) -> Names:
    named = {
        batch.inventory_id: (batch.product_id, batch.batch_id)
        for shelf in shelves.values()
        for batch in shelf.batches
    }
    # Those of earlier shipments may be empty by now and were not read.
    missing = {number for one in held for number in one.inventory_ids} - named.keys()
    return named | await inventory.batch_names(tx, missing) if missing else named


def _shipped(held: Held, order_id: OrderId, named: Names) -> Shipped:
    return Shipped(
        order_id=order_id,
        allocations=tuple(
            Allocation(product_id=ProductId(named[number][0]), batch_id=named[number][1], quantity=units)
            for number, units in zip(held.inventory_ids, held.taken, strict=True)
            if units
        ),
    )
