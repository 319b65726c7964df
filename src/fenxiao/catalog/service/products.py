"""Products: what can be sold, at what price."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import asyncpg

from fenxiao.catalog.api import NewProduct
from fenxiao.catalog.domain.refusals import CategoryNotFound, ProductNotFound, SkuTaken
from fenxiao.catalog.events import ProductChanged
from fenxiao.catalog.queries import categories, products
from fenxiao.catalog.queries.products import ProductFilter, ProductView, Status
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import Moved, starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid, StaleVersion
from fenxiao.kernel.ids import ProductId
from fenxiao.kernel.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductContent:
    """All of a product that people decide on; prices in minor units of `currency`."""

    name: str
    currency: str
    image_url: str | None = None
    category_id: int | None = None
    tags: tuple[str, ...] = ()
    status: Status = "available"
    price_minor: int | None = None
    cost_minor: int | None = None
    sku: str | None = None
    alert_threshold: int | None = None


_FIELDS = (
    "name",
    "currency",
    "image_url",
    "category_id",
    "status",
    "price_minor",
    "cost_minor",
    "sku",
    "alert_threshold",
)
_INSERT = (
    f"insert into product ({', '.join(_FIELDS)}, version, created_at, updated_at)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10) returning product_id"
)
_UPDATE = (
    f"update product set {', '.join(f'{field} = ${n}' for n, field in enumerate(_FIELDS, 1))},"
    " version = version + 1, updated_at = $10 where product_id = $11"
)


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
            tag_ids = await ensure_tags(tx, content.tags, now)
            product_id = await _write(tx, content, _INSERT, *_values(content), now)
            await tx.execute(
                "insert into stock (product_id, on_hand, reserved) values ($1, 0, 0)", product_id
            )
            await _tag(tx, product_id, [tag_ids[name] for name in content.tags])
            created = await _required(tx, product_id)
            tx.audit("product.created", f"products/{product_id}", after=_masked(created))
            tx.emit(ProductChanged(product_id=created.product_id, version=created.version))
            return tx.keep(created)

    @starts_over
    async def change(
        self, product_id: int, content: Mapping[str, Any], *, version: int | None
    ) -> ProductView:
        """Change the named fields of a product (those of `ProductContent`).

        With `version`, `StaleVersion` unless it is the present one. Also `ProductNotFound`, `SkuTaken`, `Invalid`.
        """
        now = self._db.clock()
        async with self._db.begin() as tx:
            # A statement of its own: what is read next was committed before the lock was granted.
            await tx.execute("select 1 from product where product_id = $1 for no key update", product_id)
            before = await _required(tx, product_id)
            if version not in (None, before.version):
                raise StaleVersion
            present = {field: getattr(before, field) for field in (*_FIELDS, "tags")}
            wanted = ProductContent(**(present | dict(content)))
            _require_prices(before, wanted, content)
            if wanted == ProductContent(**present):
                return before
            tag_ids = await ensure_tags(tx, wanted.tags, now)
            await _write(tx, wanted, _UPDATE, *_values(wanted), now, product_id)
            if wanted.tags != before.tags:
                await tx.execute("delete from product_tag where product_id = $1", product_id)
                await _tag(tx, product_id, [tag_ids[name] for name in wanted.tags])
            after = await _required(tx, product_id)
            tx.audit(
                "product.changed", f"products/{product_id}", before=_masked(before), after=_masked(after)
            )
            tx.emit(ProductChanged(product_id=after.product_id, version=after.version))
            return after

    @starts_over
    async def create_products(self, *, products: Sequence[NewProduct]) -> list[ProductId]:
        """See `CatalogApi`."""
        wanted = {product.sku: product for product in reversed(products)}
        now = self._db.clock()
        async with self._db.begin() as tx:
            new = await _insert_missing(tx, [wanted[sku] for sku in sorted(wanted)], now)
            await _tag_new(tx, [(new[sku], wanted[sku].tags) for sku in new], now)
            for product_id in new.values():
                tx.emit(ProductChanged(product_id=ProductId(product_id), version=1))
            rows = await tx.fetch(
                "select sku, product_id from product where sku = any($1::text[])", list(wanted)
            )
        numbers = {row["sku"]: ProductId(row["product_id"]) for row in rows}
        return [numbers[product.sku] for product in products]


def _values(content: ProductContent) -> list[Any]:
    return [getattr(content, field) for field in _FIELDS]


def _require_prices(before: ProductView, wanted: ProductContent, content: Mapping[str, Any]) -> None:
    """An amount is not an amount of another currency: who changes that says the prices anew."""
    if wanted.currency == before.currency:
        return
    silent = [
        FieldError(field, "Send this again in {currency}.", {"currency": wanted.currency})
        for field in ("price", "cost")
        if getattr(before, f"{field}_minor") is not None and f"{field}_minor" not in content
    ]
    if silent:
        raise Invalid(errors=tuple(silent))


async def _write(tx: Transaction, content: ProductContent, statement: str, *values: Any) -> int:
    try:
        product_id: int = await tx.fetchval(statement, *values)
    except asyncpg.UniqueViolationError as error:
        raise SkuTaken(sku=content.sku) from error
    except asyncpg.ForeignKeyViolationError as error:
        params = {"category_id": content.category_id}
        raise Invalid(errors=(FieldError("category_id", CategoryNotFound.template(), params),)) from error
    return product_id


async def _required(reader: Database | Transaction, product_id: int) -> ProductView:
    found = await products.find(reader, product_id)
    if found is None:
        raise ProductNotFound(product_id=product_id)
    return found


async def ensure_tags(tx: Transaction, names: Sequence[str], now: datetime) -> dict[str, int]:
    """The numbers of these tags, created where missing."""
    if not names:
        return {}
    # In order of name, or two products with the same new tags would wait for each other.
    await tx.execute(
        "insert into tags (name, created_at) select name, $2 from unnest($1::text[]) as name"
        " on conflict (name) do nothing",
        sorted(set(names)),
        now,
    )
    numbers = await categories.tag_numbers(tx, names)
    if numbers.keys() != set(names):
        # One of them was deleted between the two statements.
        raise Moved
    return numbers


async def _tag(tx: Transaction, product_id: int, tag_ids: Sequence[int]) -> None:
    if tag_ids:
        await tx.execute(
            "insert into product_tag (product_id, tag_id, position)"
            " select $1, tag_id, n from unnest($2::bigint[]) with ordinality as t(tag_id, n)",
            product_id,
            tag_ids,
        )


async def _insert_missing(tx: Transaction, wanted: Sequence[NewProduct], now: datetime) -> dict[str, int]:
    rows = await tx.fetch(
        """
        with new as (
          insert into product (sku, name, currency, price_minor, cost_minor, status, version, created_at, updated_at)
          select sku, name, currency, price, cost, 'available', 1, $6, $6
          from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) as t(sku, name, currency, price, cost)
          on conflict (sku) do nothing
          returning sku, product_id)
        select sku, product_id from new
        """,
        [product.sku for product in wanted],
        [product.name for product in wanted],
        [product.currency for product in wanted],
        [product.price_minor for product in wanted],
        [product.cost_minor for product in wanted],
        now,
    )
    await tx.execute(
        "insert into stock (product_id, on_hand, reserved) select unnest($1::bigint[]), 0, 0",
        [row["product_id"] for row in rows],
    )
    return {row["sku"]: row["product_id"] for row in rows}


async def _tag_new(tx: Transaction, tagged: Sequence[tuple[int, Sequence[str]]], now: datetime) -> None:
    tag_ids = await ensure_tags(tx, [name for _, names in tagged for name in names], now)
    pairs = [(product_id, tag_ids[name]) for product_id, names in tagged for name in dict.fromkeys(names)]
    if pairs:
        await tx.execute(
            "insert into product_tag (product_id, tag_id, position)"
            " select product_id, tag_id, n"
            " from unnest($1::bigint[], $2::bigint[]) with ordinality as t(product_id, tag_id, n)",
            [product_id for product_id, _ in pairs],
            [tag_id for _, tag_id in pairs],
        )


async def retagged(tx: Transaction, tag_id: int, now: datetime) -> None:
    """The products with this tag are changed: its name is part of what is shown of them."""
    rows = await tx.fetch(
        "update product set version = version + 1, updated_at = $2 where product_id in"
        " (select product_id from product where product_id in (select product_id from product_tag where tag_id = $1)"
        " order by product_id for no key update) returning product_id, version",
        tag_id,
        now,
    )
    for row in rows:
        tx.emit(ProductChanged(product_id=row["product_id"], version=row["version"]))


def _masked(view: ProductView) -> dict[str, Any]:
    """What the audit log keeps of a product."""
    shown = asdict(view)
    return {field: shown[field] for field in (*_FIELDS, "tags")}
