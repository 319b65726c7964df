"""Products as they are shown."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, exists, func, or_, select

from fenxiao.catalog.queries.categories import below
from fenxiao.catalog.tables import product, product_tag, tags
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import CategoryId, ProductId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

Status = Literal["available", "unavailable", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductView:
    """商品: prices in minor units of `currency`; `version` counts its changes from 1; tags in the order given."""

    product_id: ProductId
    name: str
    image_url: str | None
    category_id: CategoryId | None
    tags: tuple[str, ...]
    status: Status
    price_minor: int | None
    cost_minor: int | None
    currency: str
    sku: str | None
    alert_threshold: int | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFilter:
    """Which products are asked for; a category stands for all below it too, `q` for a part of name or SKU."""

    category_id: int | None = None
    tag: str | None = None
    status: Status | None = None
    q: str | None = None
    ids: Collection[int] | None = None


_TAGS = func.array(
    select(tags.c.name)
    .join(product_tag, product_tag.c.tag_id == tags.c.tag_id)
    .where(product_tag.c.product_id == product.c.product_id)
    .order_by(product_tag.c.position)
    .scalar_subquery()
)
_PRODUCT: Select[Any] = select(*product.c, _TAGS.label("tags"))


async def find(reader: Reader, product_id: int) -> ProductView | None:
    """The product, if there is one."""
    row = await reader.fetchrow(_PRODUCT.where(product.c.product_id == product_id))
    return None if row is None else _view(dict(row.items()))


async def search(
    reader: Reader, wanted: ProductFilter, *, cursor: str | None, limit: int
) -> Page[ProductView]:
    """Products by id."""
    query = _PRODUCT.order_by(product.c.product_id).limit(limit + 1)
    query = await _filtered(reader, query, wanted)
    if cursor:
        query = query.where(product.c.product_id > decode_cursor(cursor, int)[0])
    rows = await reader.fetch(query)
    items = tuple(_view(dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].product_id) if len(rows) > limit else None)


async def _filtered(reader: Reader, query: Select[Any], wanted: ProductFilter) -> Select[Any]:
    if wanted.category_id is not None:
        query = query.where(product.c.category_id.in_(await below(reader, wanted.category_id)))
    if wanted.tag is not None:
        tagged = select(product_tag.c.product_id).join(tags, tags.c.tag_id == product_tag.c.tag_id)
        tagged = tagged.where(tags.c.name == wanted.tag, product_tag.c.product_id == product.c.product_id)
        query = query.where(exists(tagged.correlate(product)))
    if wanted.status is not None:
        query = query.where(product.c.status == wanted.status)
    if wanted.q:
        name, sku = (
            column.icontains(wanted.q, autoescape=True) for column in (product.c.name, product.c.sku)
        )
        query = query.where(or_(name, sku))
    if wanted.ids is not None:
        query = query.where(product.c.product_id.in_(wanted.ids))
    return query


def _view(row: dict[str, object]) -> ProductView:
    return ProductView(**(row | {"tags": tuple(row["tags"])}))  # type: ignore[arg-type]
