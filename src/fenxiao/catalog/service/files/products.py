"""Products by the file: what its rows do, foreseen and applied."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from fenxiao.catalog.domain import product_rows
from fenxiao.catalog.domain.outcomes import Outcome
from fenxiao.catalog.domain.product_rows import ABOVE, COLUMNS, NEEDED, Decision, Existing, Known, shown
from fenxiao.catalog.domain.sheets import Row
from fenxiao.catalog.events import ProductChanged
from fenxiao.catalog.queries import files as queries
from fenxiao.catalog.queries.products import ProductView
from fenxiao.catalog.service.products import content_of
from fenxiao.catalog.store import products as store
from fenxiao.infra.db.sql import Reader
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import ProductId


class ProductRows:
    """The rows of a file of products; `currency` is that of a new product which names none."""

    columns = COLUMNS
    needed = NEEDED

    def __init__(self, currency: str) -> None:
        self._currency = currency

    async def foresee(self, reader: Reader, rows: Sequence[Row], now: datetime) -> list[Outcome]:  # noqa: ARG002
        """What would become of the rows now."""
        known, _ = await self._known(reader, rows)
        return await asyncio.to_thread(_outcomes, rows, known)

    async def apply(self, tx: Transaction, rows: Sequence[Row], now: datetime) -> list[Outcome]:
        """Do what the rows say, as far as they can be done; `Moved` when somebody was quicker."""
        numbers = await queries.numbers_of(tx, _skus(rows))
        await store.lock_products(tx, {*numbers.values(), *_numbers(rows)})
        known, views = await self._known(tx, rows)
        decisions = await asyncio.to_thread(product_rows.decide, rows, known)
        changed = {
            d.before.product_id: (d.before.content, d.after)
            for d in decisions
            if d.action == "changed" and d.before and d.after
        }
        created = {d.after.sku: d.after for d in decisions if d.action == "created" and d.after}
        try:
            await store.change_products(tx, changed, now)
            new = await store.add_missing(tx, list(created.values()), now)
        except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
            # A SKU was taken, or a category deleted, since they were looked at.
            raise Moved from error
        if len(new) != len(created):
            raise Moved
        _tell(tx, decisions, new, {number: view.version for number, view in views.items()})
        return [d.outcome(new.get(d.after.sku) if d.after and d.after.sku else None) for d in decisions]

    async def _known(self, reader: Reader, rows: Sequence[Row]) -> tuple[Known, dict[int, ProductView]]:
        by_sku = await queries.products_by_sku(reader, _skus(rows))
        by_id = await queries.products_by_id(reader, _numbers(rows))
        paths = await queries.category_paths(reader, ABOVE)
        known = await asyncio.to_thread(_known, by_id, by_sku, paths, self._currency)
        return known, by_id | {view.product_id: view for view in by_sku.values()}


def _known(
    by_id: Mapping[int, ProductView],
    by_sku: Mapping[str, ProductView],
    categories: Mapping[int, str],
    currency: str,
) -> Known:
    return Known(
        by_id={number: _existing(view) for number, view in by_id.items()},
        by_sku={sku: _existing(view) for sku, view in by_sku.items()},
        categories=categories,
        currency=currency,
    )


def _outcomes(rows: Sequence[Row], known: Known) -> list[Outcome]:
    return [decision.outcome() for decision in product_rows.decide(rows, known)]


def _skus(rows: Sequence[Row]) -> set[str]:
    return {row.content["sku"] for row in rows if row.content.get("sku")}


def _numbers(rows: Sequence[Row]) -> set[int]:
    return {row.content["product_id"] for row in rows if row.content.get("product_id")}


def _existing(view: ProductView) -> Existing:
    return Existing(view.product_id, content_of(view))


def _tell(
    tx: Transaction, decisions: Sequence[Decision], new: Mapping[str, int], versions: Mapping[int, int]
) -> None:
    for decision in decisions:
        if decision.action == "changed" and decision.before:
            number, version = decision.before.product_id, versions[decision.before.product_id] + 1
            changes = decision.outcome().changes
            tx.audit(
                "product.changed",
                f"products/{number}",
                before={name: old for name, (old, _) in changes.items()},
                after={name: present for name, (_, present) in changes.items()},
            )
        elif decision.action == "created" and decision.after and decision.after.sku:
            number, version = new[decision.after.sku], 1
            tx.audit("product.created", f"products/{number}", after=shown(decision.after))
        else:
            continue
        tx.emit(ProductChanged(product_id=ProductId(number), version=version))
