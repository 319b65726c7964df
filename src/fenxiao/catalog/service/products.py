"""Products: what can be sold, at what price."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fenxiao.catalog.api import NewProduct
from fenxiao.catalog.domain.images import led_by
from fenxiao.catalog.domain.products import ProductContent, unsaid_prices
from fenxiao.catalog.domain.refusals import ProductNotFound
from fenxiao.catalog.events import ProductChanged
from fenxiao.catalog.queries import products
from fenxiao.catalog.queries.products import ProductFilter, ProductView
from fenxiao.catalog.store import products as store
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Invalid, StaleVersion
from fenxiao.kernel.ids import ProductId
from fenxiao.kernel.paging import Page

_DECIDED = tuple(field for field in store.FIELDS if field != "image_url")
"""The fields of `ProductContent` but the tags."""


class Products:
    """商品: the list of what can be sold."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, product_id: int) -> ProductView:
        """One product; `ProductNotFound`."""
        return await _required(self._db, product_id)

    async def search(self, wanted: ProductFilter, *, cursor: str | None, limit: int) -> Page[ProductView]:
        """A page of products."""
        return await products.search(self._db, wanted, cursor=cursor, limit=limit)

    @starts_over
    async def create(self, content: ProductContent, *, once: Once | None) -> ProductView:
        """A new product; tags it names are created. `SkuTaken`, `Invalid` for a category that does not exist."""
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(ProductView)
            created = await _required(tx, await store.add_product(tx, content, now))
            tx.audit("product.created", f"products/{created.product_id}", after=masked(created))
            tx.emit(ProductChanged(product_id=created.product_id, version=created.version))
            return tx.keep(created)

    @starts_over
    async def change(self, product_id: int, fields: Mapping[str, Any], *, version: int | None) -> ProductView:
        """Change the named fields of a product: those of `ProductContent`, and `image_url`, the first picture.

        With `version`, `StaleVersion` unless it is the present one. Also `ProductNotFound`, `SkuTaken`, `Invalid`.
        """
        now = self._db.clock()
        async with self._db.begin() as tx:
            await store.lock_products(tx, [product_id])
            before = await _required(tx, product_id)
            if version not in (None, before.version):
                raise StaleVersion
            present = content_of(before)
            wanted = _changed(present, fields)
            if wanted == present:
                return before
            if silent := unsaid_prices(present, wanted, fields.keys()):
                raise Invalid(errors=tuple(silent))
            await store.change_product(tx, product_id, present, wanted, now)
            after = await _required(tx, product_id)
            tx.audit("product.changed", f"products/{product_id}", before=masked(before), after=masked(after))
            tx.emit(ProductChanged(product_id=after.product_id, version=after.version))
            return after

    @starts_over
    async def create_products(self, *, products: Sequence[NewProduct]) -> list[ProductId]:
        """See `CatalogApi`."""
        wanted = {product.sku: _content(product) for product in reversed(products)}
        now = self._db.clock()
        async with self._db.begin() as tx:
            new = await store.add_missing(tx, list(wanted.values()), now)
            for product_id in new.values():
                tx.emit(ProductChanged(product_id=ProductId(product_id), version=1))
            rows = await tx.fetch(
                "select sku, product_id from product where sku = any($1::text[])", list(wanted)
            )
        numbers = {row["sku"]: ProductId(row["product_id"]) for row in rows}
        return [numbers[product.sku] for product in products]


def content_of(view: ProductView) -> ProductContent:
    """What people have decided about it."""
    return ProductContent(tags=view.tags, **{field: getattr(view, field) for field in _DECIDED})


def masked(view: ProductView) -> dict[str, Any]:
    """What the audit log keeps of a product."""
    shown = asdict(view)
    return {field: shown[field] for field in (*_DECIDED, "tags")}


def _changed(present: ProductContent, fields: Mapping[str, Any]) -> ProductContent:
    wanted = {field: getattr(present, field) for field in (*_DECIDED, "tags")} | dict(fields)
    if "image_url" in wanted:
        wanted["images"] = led_by(wanted["images"], wanted.pop("image_url"))
    return ProductContent(**wanted)


def _content(product: NewProduct) -> ProductContent:
    return ProductContent(
        sku=product.sku,
        name=product.name,
        currency=product.currency,
        price_minor=product.price_minor,
        cost_minor=product.cost_minor,
        tags=product.tags,
    )


async def _required(reader: Database | Transaction, product_id: int) -> ProductView:
    found = await products.find(reader, product_id)
    if found is None:
        raise ProductNotFound(product_id=product_id)
    return found
