"""Categories and tags, as lists and one by one, and which of those that are named there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, Text, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from fenxiao.catalog.api import Existing
from fenxiao.catalog.queries.searching import grams, near
from fenxiao.catalog.tables import FOLDED_TAG, TAG_GRAMS, category, tags
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import CategoryId, ProductId, TagId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryView:
    """商品分类: `parent_id` None: at the top."""

    category_id: CategoryId
    name: str
    parent_id: CategoryId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagView:
    """商品标签."""

    tag_id: TagId
    name: str


_CATEGORY = select(category.c.category_id, category.c.name, category.c.parent_id)


async def find_category(reader: Reader, category_id: int) -> CategoryView | None:
    """The category, if there is one."""
    row = await reader.fetchrow(_CATEGORY.where(category.c.category_id == category_id))
    return None if row is None else CategoryView(**dict(row.items()))


async def list_categories(
    reader: Reader, *, parent_id: int | None, cursor: str | None, limit: int
) -> Page[CategoryView]:
    """Categories by id; with `parent_id` those directly below it."""
    query: Select[tuple[int, str, int]] = _CATEGORY.order_by(category.c.category_id).limit(limit + 1)
    if parent_id is not None:
        query = query.where(category.c.parent_id == parent_id)
    if cursor:
        query = query.where(category.c.category_id > decode_cursor(cursor, int)[0])
    rows = await reader.fetch(query)
    items = tuple(CategoryView(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].category_id) if len(rows) > limit else None)


async def below(reader: Reader, category_id: int) -> list[int]:
    """The category and all below it."""
    rows = await reader.fetch(
        "with recursive down as (select category_id from category where category_id = $1"
        " union all select c.category_id from category c join down d on c.parent_id = d.category_id)"
        " select category_id from down",
        category_id,
    )
    return [row["category_id"] for row in rows]


async def find_tag(reader: Reader, tag_id: int) -> TagView | None:
    """The tag, if there is one."""
    row = await reader.fetchrow("select tag_id, name from tags where tag_id = $1", tag_id)
    return None if row is None else TagView(**dict(row.items()))


async def list_tags(reader: Reader, *, q: str | None, cursor: str | None, limit: int) -> Page[TagView]:
    """Tags by id; with `q` those whose name contains it, whatever its case."""
    query = select(tags.c.tag_id, tags.c.name).order_by(tags.c.tag_id)
    if cursor:
        query = query.where(tags.c.tag_id > decode_cursor(cursor, int)[0])
    if q and q.strip():
        query = await _named(reader, query, q.strip(), limit + 1)
    rows = await reader.fetch(query.limit(limit + 1))
    items = tuple(TagView(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].tag_id) if len(rows) > limit else None)


async def _named(reader: Reader, query: Select[Any], text: str, limit: int) -> Select[Any]:
    """Those of the tags whose name contains the text, whatever its case and width."""
    columns = query.with_only_columns(tags.c.tag_id.label("id"), FOLDED_TAG.label("searched"))
    ids = await near(reader, columns, text, limit)
    if ids is not None:
        return query.where(tags.c.tag_id == func.any(literal(ids, ARRAY(BigInteger))))
    folded: str = await reader.fetchval("select catalog.folded($1)", text)
    known = TAG_GRAMS.op("@>")(literal(grams(folded), ARRAY(Text)))
    return query.where(known, func.strpos(FOLDED_TAG, folded).between(1, 1000))


async def existing(
    reader: Reader, *, product_ids: Sequence[int], category_ids: Sequence[int], names: Sequence[str]
) -> Existing:
    """Those of these products, categories and tags that there are, in one statement."""
    rows = await reader.fetch(
        "select 'product' as kind, product_id as id, currency as name from product where product_id = any($1::bigint[])"
        " union all select 'category', category_id, name from category where category_id = any($2::bigint[])"
        " union all select 'tag', tag_id, name from tags where name = any($3::text[]) order by 2",
        list(product_ids),
        list(category_ids),
        list(names),
    )
    return Existing(
        products={ProductId(row["id"]): row["name"] for row in rows if row["kind"] == "product"},
        category_ids=tuple(CategoryId(row["id"]) for row in rows if row["kind"] == "category"),
        tags=tuple(sorted(row["name"] for row in rows if row["kind"] == "tag")),
    )
