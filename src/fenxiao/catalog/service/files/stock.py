"""Stock by the file: what its rows do, foreseen and applied."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from fenxiao.catalog.domain import stock_rows
from fenxiao.catalog.domain.outcomes import Outcome
from fenxiao.catalog.domain.sheets import Row
from fenxiao.catalog.domain.stock_rows import COLUMNS, NEEDED
from fenxiao.catalog.queries import files as queries
from fenxiao.catalog.store import alerts
from fenxiao.catalog.store import stock as store
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.transaction import Transaction


class StockRows:
    """The rows of a file of stock."""

    columns = COLUMNS
    needed = NEEDED

    async def foresee(self, reader: Reader, rows: Sequence[Row], now: datetime) -> list[Outcome]:
        """What would become of the rows now."""
        by_sku = await queries.numbers_of(reader, _skus(rows))
        shelves = await queries.shelves(reader, _numbers(rows) | set(by_sku.values()))
        return (await asyncio.to_thread(stock_rows.decide, rows, by_sku, shelves, now)).outcomes

    async def apply(self, tx: Transaction, rows: Sequence[Row], now: datetime) -> list[Outcome]:
        """Do what the rows say, as far as it can be done."""
        by_sku = await queries.numbers_of(tx, _skus(rows))
        shelves = await store.lock_shelves(tx, _numbers(rows) | set(by_sku.values()), all_batches=True)
        plan = stock_rows.decide(rows, by_sku, shelves, now)
        await store.open_batches(tx, plan.opened, now)
        expiries = [(batch.inventory_id, batch.expiry_date) for batch in plan.expiries]
        await store.set_expiries(tx, expiries, now)
        await store.write(tx, plan.changes, now)
        # Another expiry makes goods sellable, or not, without moving them.
        await alerts.watch(tx, {batch.product_id for batch in plan.expiries}, now)
        return plan.outcomes


def _skus(rows: Sequence[Row]) -> set[str]:
    return {
        row.content["sku"] for row in rows if row.content.get("sku") and not row.content.get("product_id")
    }


def _numbers(rows: Sequence[Row]) -> set[int]:
    return {row.content["product_id"] for row in rows if row.content.get("product_id")}
