"""Stock as people change it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.catalog.api import StockChange
from fenxiao.catalog.domain.adjustment import Adjustment, adjust, new_batches, set_batch
from fenxiao.catalog.domain.batches import NO_BATCH, Batch, Shelf
from fenxiao.catalog.domain.movements import Changes
from fenxiao.catalog.domain.refusals import ProductNotFound
from fenxiao.catalog.domain.transfers import Transfer, transfer
from fenxiao.catalog.queries import inventory, movements
from fenxiao.catalog.queries.inventory import Inventory, InventoryFilter
from fenxiao.catalog.queries.movements import MovementFilter, MovementView
from fenxiao.catalog.store import alerts
from fenxiao.catalog.store import stock as stock_store
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import ProductId
from fenxiao.kernel.paging import Page

_STOCK_CHANGES = "catalog:stock-changes"
"""Whose keys those of `change_stock` are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchContent:
    """What lies in a batch. `expires` says whether anything is said of its expiry; otherwise that stays."""

    stock: int
    batch_id: str | None = None
    expiry_date: date | None = None
    expires: bool = False


class Warehouse:
    """仓库: what lies where, counted and adjusted by people."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, product_id: int) -> Inventory:
        """What lies of a product; `ProductNotFound`."""
        return await self._inventory(self._db, product_id)

    async def search(self, wanted: InventoryFilter, *, cursor: str | None, limit: int) -> Page[Inventory]:
        """A page of what lies of the products, without empty batches."""
        return await inventory.search(self._db, wanted, self._db.clock().date(), cursor=cursor, limit=limit)

    async def movements(
        self, product_id: int, wanted: MovementFilter, *, cursor: str | None, limit: int
    ) -> Page[MovementView]:
        """The movements of a product, the latest first; `ProductNotFound`."""
        if not await self._db.fetchval("select true from stock where product_id = $1", product_id):
            raise ProductNotFound(product_id=product_id)
        return await movements.movements(self._db, product_id, wanted, cursor=cursor, limit=limit)

    @starts_over
    async def set_batch(self, product_id: int, content: BatchContent) -> Inventory:
        """Let so many units lie in a batch, whatever lay there before; `BelowReserved`, `ProductNotFound`."""
        now = self._db.clock()
        changes = Changes()
        async with self._db.begin() as tx:
            shelf = (await stock_store.lock_shelves(tx, [product_id], all_batches=True)).get(product_id)
            if shelf is None:
                raise ProductNotFound(product_id=product_id)
            batch_id = content.batch_id or NO_BATCH
            batch = shelf.batch(batch_id)
            if batch is None:
                batch = Batch(
                    inventory_id=0,
                    product_id=product_id,
                    batch_id=batch_id,
                    stock=0,
                    expiry_date=content.expiry_date,
                )
                await stock_store.open_batches(tx, [batch], now)
                shelf.batches.append(batch)
            elif content.expires and batch.expiry_date != content.expiry_date:
                await stock_store.set_expiries(tx, [(batch.inventory_id, content.expiry_date)], now)
            if refusal := set_batch(shelf, batch, content.stock, now, changes):
                raise refusal
            await stock_store.write(tx, changes, now)
            # Another expiry changes what can be sold, though nothing moved.
            await alerts.watch(tx, [product_id], now)
            return await self._inventory(tx, product_id)

    async def adjust(self, adjustments: Sequence[Adjustment], *, once: Once | None) -> list[Inventory]:
        """Make all of these changes or none; answers what lies of the products afterwards.

        `AdjustmentsRefused` or `Invalid` with an error for each change that cannot be made.
        """
        return await self._adjust(adjustments, once=once, reference=once.key if once else None)

    async def change_stock(self, *, changes: Sequence[StockChange], key: str) -> None:
        """See `CatalogApi`."""
        adjustments = [
            Adjustment(c.product_id, c.delta, c.reason, c.batch_id, c.expiry_date) for c in changes
        ]
        await self._adjust(adjustments, once=Once(_STOCK_CHANGES, key, b""), reference=key)

    async def transfer(self, transfers: Sequence[Transfer], *, once: Once | None) -> list[Inventory]:
        """Make all of these transfers between batches or none; answers and refuses like `adjust`."""
        products = {one.product_id for one in transfers}
        reference = once.key if once else None
        return await self._decided(
            products, lambda shelves, now: transfer(transfers, shelves, now, reference), once=once
        )

    async def _adjust(
        self, adjustments: Sequence[Adjustment], *, once: Once | None, reference: str | None
    ) -> list[Inventory]:
        products = {adjustment.product_id for adjustment in adjustments}
        return await self._decided(
            products, lambda shelves, now: adjust(adjustments, shelves, now, reference), once=once
        )

    @starts_over
    async def _decided(
        self,
        products: Collection[int],
        decide: Callable[[Mapping[int, Shelf], datetime], Changes],
        *,
        once: Once | None,
    ) -> list[Inventory]:
        """Write what is decided on the locked shelves of these products; answers what lies of them afterwards."""
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(list[Inventory])
            shelves = await stock_store.lock_shelves(tx, products, all_batches=True)
            stored = {
                batch.inventory_id: batch.expiry_date for shelf in shelves.values() for batch in shelf.batches
            }
            changes = decide(shelves, now)
            await stock_store.open_batches(tx, new_batches(changes), now)
            await stock_store.set_expiries(tx, _other_expiries(changes, stored), now)
            await stock_store.write(tx, changes, now)
            return tx.keep(await inventory.inventories(tx, products, now.date()))

    async def _inventory(self, reader: Database | Transaction, product_id: int) -> Inventory:
        found = await inventory.inventories(reader, [product_id], self._db.clock().date())
        if not found:
            raise ProductNotFound(product_id=ProductId(product_id))
        return found[0]


def _other_expiries(changes: Changes, stored: dict[int, date | None]) -> list[tuple[int, date | None]]:
    """Batches that were empty and are filled again with goods of another expiry."""
    batches = {movement.batch.inventory_id: movement.batch for movement in changes.movements}
    return [
        (number, batch.expiry_date)
        for number, batch in batches.items()
        if number in stored and stored[number] != batch.expiry_date
    ]
