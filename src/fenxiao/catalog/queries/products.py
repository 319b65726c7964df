"""Products as they are shown."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from fenxiao.catalog.domain.images import Image
from fenxiao.catalog.domain.products import Status
from fenxiao.catalog.queries.categories import below
from fenxiao.catalog.queries.searching import grams, near
from fenxiao.catalog.tables import GRAMS, SEARCHED, product, product_tag, tags
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.ids import CategoryId, ProductId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

Sort = Literal["product_id", "-product_id", "name", "-name", "price", "-price", "updated_at", "-updated_at"]
"""Orders of the list; with `-` downwards. Equal ones stand by product id, in the same direction."""

SORTS: tuple[Sort, ...] = get_args(Sort)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
    # Last and with a default: answers that were kept under a key before there were several pictures lack it.
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFilter:
    """Which products are asked for.

    A category stands for all below it too, `q` for a part of name or SKU whatever its case and width, prices are in
    minor units of `currency` (which they need) and both ends belong to the range; `sort` "price" needs it too.
    """

    category_id: int | None = None
    tag: str | None = None
    status: Status | None = None
    q: str | None = None
    ids: Collection[int] | None = None
    sku: str | None = None
    currency: str | None = None
    price_from_minor: int | None = None
    price_to_minor: int | None = None
    updated_since: datetime | None = None
    sort: Sort = "product_id"


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


async def by_ids(reader: Reader, product_ids: Collection[int]) -> dict[int, ProductView]:
    """Those of these products that exist, by id."""
    rows = await reader.fetch(_PRODUCT.where(product.c.product_id == func.any(_numbers(product_ids))))
    return {row["product_id"]: _view(dict(row.items())) for row in rows}


async def by_skus(reader: Reader, skus: Collection[str]) -> dict[str, ProductView]:
    """Those of these products that exist, by SKU."""
    rows = await reader.fetch(_PRODUCT.where(product.c.sku == func.any(literal(list(skus), ARRAY(Text)))))
    return {row["sku"]: _view(dict(row.items())) for row in rows}


async def search(
    reader: Reader, wanted: ProductFilter, *, cursor: str | None, limit: int
) -> Page[ProductView]:
    """A page of products in the order that `wanted.sort` says."""
    query = await _filtered(reader, _PRODUCT, wanted)
    if query is None:
        return Page((), None)
    ids = await _near(reader, wanted, cursor, limit + 1) if wanted.q and wanted.q.strip() else None
    if ids is not None:
        known = await by_ids(reader, ids)
        found = [known[product_id] for product_id in ids if product_id in known]
    else:
        rows = await reader.fetch(_paged(query, wanted, cursor).limit(limit + 1))
        found = [_view(dict(row.items())) for row in rows]
    items = tuple(found[:limit])
    return Page(items, _cursor(items[-1], wanted.sort) if len(found) > limit else None)


async def _near(reader: Reader, wanted: ProductFilter, cursor: str | None, limit: int) -> list[int] | None:
    columns = select(product.c.product_id.label("id"), SEARCHED.label("searched"))
    some = await _filtered(reader, columns, replace(wanted, q=None))
    if some is None:
        return []
    return await near(reader, _paged(some, wanted, cursor), (wanted.q or "").strip(), limit)


def _paged(query: Select[Any], wanted: ProductFilter, cursor: str | None) -> Select[Any]:
    if cursor and wanted.tag is not None and wanted.sort in {"product_id", "-product_id"}:
        # Told twice: the planner does not see that what is behind the cursor here is so among those with the tag.
        last, tagged = decode_cursor(cursor, int)[0], product_tag.c.product_id
        query = query.where(tagged > last if wanted.sort == "product_id" else tagged < last)
    return _ordered(query, wanted.sort, cursor)


async def _filtered(reader: Reader, query: Select[Any], wanted: ProductFilter) -> Select[Any] | None:
    """The query with its conditions; None when nothing can meet them."""
    if wanted.category_id is not None:
        # One array: as so many parameters the categories below would be more than a statement may have.
        below_it = _numbers(await below(reader, wanted.category_id))
        query = query.where(product.c.category_id == func.any(below_it))
    if wanted.tag is not None:
        # By its number: how many products bear it is known to the planner of that, not of its name.
        tag_id = await reader.fetchval("select tag_id from tags where name = $1", wanted.tag)
        if tag_id is None:
            return None
        query = query.join(product_tag, product_tag.c.product_id == product.c.product_id)
        query = query.where(product_tag.c.tag_id == tag_id)
    if wanted.q and (text := wanted.q.strip()):
        query = query.where(*await _contains(reader, text))
    if wanted.ids is not None:
        query = query.where(product.c.product_id == func.any(_numbers(wanted.ids)))
    return query.where(*_compared(wanted))


def _compared(wanted: ProductFilter) -> list[ColumnElement[bool]]:
    """The conditions on single columns."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        conditions.append(product.c.status == wanted.status)
    if wanted.sku is not None:
        conditions.append(product.c.sku == wanted.sku)
    if wanted.currency is not None:
        conditions.append(product.c.currency == wanted.currency)
    if wanted.price_from_minor is not None:
        conditions.append(product.c.price_minor >= wanted.price_from_minor)
    if wanted.price_to_minor is not None:
        conditions.append(product.c.price_minor <= wanted.price_to_minor)
    if wanted.updated_since is not None:
        conditions.append(product.c.updated_at >= wanted.updated_since)
    return conditions


async def _contains(reader: Reader, text: str) -> list[ColumnElement[bool]]:
    """That name or SKU contain the text: all its grams, which the index knows, in this order."""
    folded: str = await reader.fetchval("select catalog.folded($1)", text)
    known = GRAMS.op("@>")(literal(grams(folded), ARRAY(Text)))
    place = func.strpos(SEARCHED, folded)
    if len(folded) <= 2:  # noqa: PLR2004
        # A gram itself, so how frequent it is, is known; the place is looked for only because that is quicker, where
        # rows are read in the order of the list, than to take each of them apart.
        return [known, place > 0]
    # The same condition, in a form of which the planner expects little. With `> 0` it would expect a third of the rows
    # that have the grams, and read the list from its beginning for a text that is hardly ever there.
    return [known, place.between(1, 1000)]


def _ordered(query: Select[Any], sort: Sort, cursor: str | None) -> Select[Any]:
    field, down = sort.removeprefix("-"), sort.startswith("-")
    keys = [product.c.product_id]
    if field != "product_id":
        keys.insert(0, product.c["price_minor" if field == "price" else field])
    if field == "price":
        query = query.where(product.c.price_minor.is_not(None))
    if cursor:
        last = tuple_(
            *(literal(value, key.type) for value, key in zip(_key(cursor, field), keys, strict=True))
        )
        query = query.where(tuple_(*keys) < last if down else tuple_(*keys) > last)
    return query.order_by(*(key.desc() if down else key for key in keys))


def _cursor(last: ProductView, sort: Sort) -> str:
    match sort.removeprefix("-"):
        case "name":
            return encode_cursor(last.name, last.product_id)
        case "price":
            return encode_cursor(last.price_minor or 0, last.product_id)
        case "updated_at":
            return encode_cursor((last.updated_at - _EPOCH) // _MICROSECOND, last.product_id)
    return encode_cursor(last.product_id)


def _key(cursor: str, field: str) -> tuple[Any, ...]:
    if field == "product_id":
        return decode_cursor(cursor, int)
    value, product_id = decode_cursor(cursor, str if field == "name" else int, int)
    if field == "updated_at" and isinstance(value, int):
        try:
            return _EPOCH + timedelta(microseconds=value), product_id
        except OverflowError:
            message = "This is not a cursor of this list; take next_cursor from its last page."
            raise Invalid(errors=(FieldError("cursor", message),)) from None
    return value, product_id


def _numbers(ids: Collection[int]) -> Any:
    return literal(list(ids), ARRAY(product.c.product_id.type))


def _view(row: dict[str, Any]) -> ProductView:
    pictures = tuple(Image(**image) for image in row["images"])
    return ProductView(**(row | {"tags": tuple(row["tags"]), "images": pictures}))
