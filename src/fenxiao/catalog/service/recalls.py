"""Recalls: a batch is taken off sale, and who got units of it is told."""

from fenxiao.catalog.domain.refusals import (
    BatchNotFound,
    BatchNotRecalled,
    BatchRecalled,
    ProductNotFound,
)
from fenxiao.catalog.queries import recalls as views
from fenxiao.catalog.queries.recalls import RecallView, Recipient
from fenxiao.catalog.store import alerts, recalls
from fenxiao.catalog.store import stock as stock_store
from fenxiao.catalog.store.recalls import Decision
from fenxiao.infra import context
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.paging import Page


class Recalls:
    """召回: batches that must not be sold any more."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, product_id: int, batch_id: str) -> RecallView:
        """How a batch stands; `BatchNotFound`."""
        return await _required(self._db, product_id, batch_id)

    async def recipients(self, inventory_id: int, *, cursor: str | None, limit: int) -> Page[Recipient]:
        """Which orders got units of a batch, by order."""
        return await views.recipients(self._db, inventory_id, cursor=cursor, limit=limit)

    @starts_over
    async def recall(self, product_id: int, batch_id: str, reason: str, *, once: Once | None) -> RecallView:
        """Take a batch off sale at once; `BatchNotFound`, `BatchRecalled`.

        Orders that wait keep their reservation; those that the remaining batches cannot serve are refused when they
        are to be shipped.
        """
        decision = Decision(reason, context.current().actor, self._db.clock())
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(RecallView)
            before = await _locked(tx, product_id, batch_id)
            if before.recalled:
                raise BatchRecalled(product_id=product_id, batch_id=batch_id)
            await recalls.add(tx, before.inventory_id, product_id, decision)
            await alerts.watch(tx, [product_id], decision.at)
            return await _changed(tx, before, "batch.recalled")

    @starts_over
    async def lift(self, product_id: int, batch_id: str, reason: str, *, once: Once | None) -> RecallView:
        """Let a recalled batch be sold again; `BatchNotFound`, `BatchNotRecalled`."""
        decision = Decision(reason, context.current().actor, self._db.clock())
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(RecallView)
            before = await _locked(tx, product_id, batch_id)
            if not before.recalled:
                raise BatchNotRecalled(product_id=product_id, batch_id=batch_id)
            await recalls.lift(tx, before.inventory_id, product_id, decision)
            await alerts.watch(tx, [product_id], decision.at)
            return await _changed(tx, before, "batch.recall-lifted")


async def _locked(tx: Transaction, product_id: int, batch_id: str) -> RecallView:
    """The batch, its product's stock locked: nobody sells of it from here on."""
    if not await stock_store.lock_stock(tx, [product_id]):
        raise ProductNotFound(product_id=product_id)
    return await _required(tx, product_id, batch_id)


async def _required(reader: Database | Transaction, product_id: int, batch_id: str) -> RecallView:
    found = await views.find(reader, product_id, batch_id)
    if found is None:
        raise BatchNotFound(product_id=product_id, batch_id=batch_id)
    return found


async def _changed(tx: Transaction, before: RecallView, action: str) -> RecallView:
    after = await _required(tx, before.product_id, before.batch_id)
    subject = f"products/{after.product_id}/batches/{after.batch_id}"
    tx.audit(action, subject, before=_shown(before), after=_shown(after))
    return tx.keep(after)


def _shown(view: RecallView) -> dict[str, object]:
    names = ("recalled", "reason", "lifted_reason", "stock")
    return {name: getattr(view, name) for name in names}
