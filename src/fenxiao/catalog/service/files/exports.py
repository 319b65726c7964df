"""Files of products and of stock that go: page by page, whatever their number."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from fenxiao.catalog.domain import product_rows, stock_rows
from fenxiao.catalog.domain.product_rows import ABOVE
from fenxiao.catalog.queries import files as queries
from fenxiao.catalog.queries import inventory, products
from fenxiao.catalog.queries.inventory import Inventory
from fenxiao.catalog.queries.products import ProductFilter, ProductView
from fenxiao.catalog.service.files.writing import Format, written
from fenxiao.catalog.service.products import content_of
from fenxiao.infra.db.database import Database


class Exports:
    """导出: writes files, by product id. What changes meanwhile is in them as it was when its page was read."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def products(
        self, wanted: ProductFilter, kind: Format, *, bom: bool, with_cost: bool
    ) -> AsyncIterator[bytes]:
        """The products of the filter; `FileRefused` before the first part if a sheet cannot hold them."""
        heading = product_rows.headings(with_cost=with_cost)
        return written(kind, heading, self._product_pages(wanted, with_cost=with_cost), bom=bom)

    def stock(self, wanted: ProductFilter, kind: Format, *, bom: bool, empty: bool) -> AsyncIterator[bytes]:
        """What lies of the products of the filter, batch by batch, with or without `empty` ones."""
        return written(kind, stock_rows.headings(), self._stock_pages(wanted, empty=empty), bom=bom)

    async def _product_pages(
        self, wanted: ProductFilter, *, with_cost: bool
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        paths = await queries.category_paths(self._db, ABOVE)
        async for views in self._pages(wanted):
            yield await asyncio.to_thread(_product_rows, views, paths, with_cost)

    async def _stock_pages(
        self, wanted: ProductFilter, *, empty: bool
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        today = self._db.clock().date()
        async for views in self._pages(wanted):
            numbers = [view.product_id for view in views]
            found = await inventory.inventories(self._db, numbers, today, empty=empty)
            yield await asyncio.to_thread(_stock_rows, views, found)

    async def _pages(self, wanted: ProductFilter) -> AsyncIterator[tuple[ProductView, ...]]:
        wanted = replace(wanted, sort="product_id")
        cursor: str | None = None
        while True:
            page = await products.search(self._db, wanted, cursor=cursor, limit=queries.PAGE)
            if page.items:
                yield page.items
            cursor = page.next_cursor
            if cursor is None:
                return


def _product_rows(
    views: Sequence[ProductView],
    paths: dict[int, str],
    with_cost: bool,  # noqa: FBT001 - on its way to a thread
) -> list[list[Any]]:
    return [
        product_rows.cells_of(
            view.product_id,
            content_of(view),
            None if view.category_id is None else paths.get(view.category_id),
            with_cost=with_cost,
        )
        for view in views
    ]


def _stock_rows(views: Sequence[ProductView], found: Sequence[Inventory]) -> list[list[Any]]:
    by_product = {one.product_id: one for one in found}
    rows: list[list[Any]] = []
    for view in views:
        stock = by_product.get(view.product_id)
        batches = [(b.batch_id, b.stock, b.expiry_date) for b in stock.batches] if stock else []
        rows += stock_rows.cells_of(
            view.product_id, view.sku, view.name, stock.reserved if stock else 0, batches
        )
    return rows
