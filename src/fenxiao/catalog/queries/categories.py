"""Categories and tags, as lists and one by one."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, select

from fenxiao.catalog.tables import category, tags
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import CategoryId, TagId
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
    query = select(tags.c.tag_id, tags.c.name).order_by(tags.c.tag_id).limit(limit + 1)
    if q:
        query = query.where(tags.c.name.icontains(q, autoescape=True))
    if cursor:
        query = query.where(tags.c.tag_id > decode_cursor(cursor, int)[0])
    rows = await reader.fetch(query)
    items = tuple(TagView(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].tag_id) if len(rows) > limit else None)


async def tag_numbers(reader: Reader, names: Collection[str]) -> dict[str, int]:
    """The number of each of these tags that exists; none of them is deleted before the transaction ends."""
    rows = await reader.fetch(
        "select name, tag_id from tags where name = any($1::text[]) order by tag_id for key share",
        list(names),
    )
    return {row["name"]: row["tag_id"] for row in rows}
