"""Categories, which nest, and tags."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import asyncpg

from fenxiao.catalog.domain.refusals import (
    CategoryExists,
    CategoryInUse,
    CategoryLoop,
    CategoryNotFound,
    TagExists,
    TagNotFound,
)
from fenxiao.catalog.queries import categories
from fenxiao.catalog.queries.categories import CategoryView, TagView
from fenxiao.catalog.store import products as store
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.paging import Page

_TREE = "catalog category tree"


class Categories:
    """商品分类: the tree of categories."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, category_id: int) -> CategoryView:
        """One category; `CategoryNotFound`."""
        found = await categories.find_category(self._db, category_id)
        if found is None:
            raise CategoryNotFound(category_id=category_id)
        return found

    async def list(self, *, parent_id: int | None, cursor: str | None, limit: int) -> Page[CategoryView]:
        """A page of categories; with `parent_id` only those directly below it."""
        return await categories.list_categories(self._db, parent_id=parent_id, cursor=cursor, limit=limit)

    async def create(self, name: str, parent_id: int | None, *, once: Once | None) -> CategoryView:
        """A new category; `CategoryExists` beside one of that name, `Invalid` under a parent that does not exist."""
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(CategoryView)
            await _require_parent(tx, parent_id)
            try:
                row = await tx.fetchrow(
                    "insert into category (name, parent_id, created_at) values ($1, $2, $3)"
                    " returning category_id, name, parent_id",
                    name,
                    parent_id,
                    self._db.clock(),
                )
            except asyncpg.UniqueViolationError as error:
                raise CategoryExists(name=name) from error
            created = CategoryView(**dict(row.items()))  # type: ignore[union-attr]
            tx.audit(
                "category.created",
                f"categories/{created.category_id}",
                after={"name": name, "parent_id": parent_id},
            )
            return tx.keep(created)

    @starts_over
    async def change(self, category_id: int, fields: Mapping[str, Any]) -> CategoryView:
        """Another `name` or `parent_id` for a category; nothing may come to lie below itself."""
        async with self._db.begin() as tx:
            # Two moves at once could close a loop that neither of them sees.
            await locks.hold(tx, _TREE)
            before = await categories.find_category(tx, category_id)
            if before is None:
                raise CategoryNotFound(category_id=category_id)
            after = replace(before, **fields)
            if after == before:
                return before
            await _require_parent(tx, after.parent_id)
            if after.parent_id is not None and after.parent_id in await categories.below(tx, category_id):
                raise CategoryLoop(category_id=category_id, parent_id=after.parent_id)
            try:
                await tx.execute(
                    "update category set name = $2, parent_id = $3 where category_id = $1",
                    category_id,
                    after.name,
                    after.parent_id,
                )
            except asyncpg.UniqueViolationError as error:
                raise CategoryExists(name=after.name) from error
            if after.parent_id != before.parent_id:
                # What lies above a product's category is a fact of the product, and the moved one is no leaf perhaps.
                await store.recategorised(tx, await categories.below(tx, category_id), self._db.clock())
            about = f"categories/{category_id}"
            tx.audit("category.changed", about, before=_shown(before), after=_shown(after))
            return after

    @starts_over
    async def delete(self, category_id: int) -> None:
        """Remove an empty category; `CategoryInUse` while products or categories are in it."""
        async with self._db.begin() as tx:
            try:
                name = await tx.fetchval(
                    "delete from category where category_id = $1 returning name", category_id
                )
            except asyncpg.ForeignKeyViolationError as error:
                raise CategoryInUse(category_id=category_id) from error
            if name is None:
                raise CategoryNotFound(category_id=category_id)
            tx.audit("category.deleted", f"categories/{category_id}", before={"name": name})


def _shown(category: CategoryView) -> dict[str, Any]:
    return {"name": category.name, "parent_id": category.parent_id}


async def _require_parent(tx: Transaction, parent_id: int | None) -> None:
    if parent_id is None:
        return
    # Locked, so that it cannot be deleted before the child stands below it.
    if await tx.fetchval("select 1 from category where category_id = $1 for key share", parent_id) is None:
        params = {"category_id": parent_id}
        raise Invalid(errors=(FieldError("parent_id", CategoryNotFound.template(), params),))


class Tags:
    """商品标签: words by which products are found and commission rules chosen."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, tag_id: int) -> TagView:
        """One tag; `TagNotFound`."""
        found = await categories.find_tag(self._db, tag_id)
        if found is None:
            raise TagNotFound(tag_id=tag_id)
        return found

    async def list(self, *, q: str | None, cursor: str | None, limit: int) -> Page[TagView]:
        """A page of tags."""
        return await categories.list_tags(self._db, q=q, cursor=cursor, limit=limit)

    async def create(self, name: str, *, once: Once | None) -> TagView:
        """A new tag; `TagExists`."""
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(TagView)
            tag_id = await tx.fetchval(
                "insert into tags (name, created_at) values ($1, $2) on conflict (name) do nothing returning tag_id",
                name,
                self._db.clock(),
            )
            if tag_id is None:
                raise TagExists(name=name)
            tx.audit("tag.created", f"tags/{tag_id}", after={"name": name})
            return tx.keep(TagView(tag_id=tag_id, name=name))

    @starts_over
    async def rename(self, tag_id: int, name: str) -> TagView:
        """Another name; the products that bear the tag have changed with it. `TagNotFound`, `TagExists`."""
        async with self._db.begin() as tx:
            before = await _lock(tx, tag_id)
            if before.name == name:
                return before
            try:
                await tx.execute("update tags set name = $2 where tag_id = $1", tag_id, name)
            except asyncpg.UniqueViolationError as error:
                raise TagExists(name=name) from error
            await store.retagged(tx, tag_id, self._db.clock())
            tx.audit("tag.changed", f"tags/{tag_id}", before={"name": before.name}, after={"name": name})
            return TagView(tag_id=before.tag_id, name=name)

    @starts_over
    async def delete(self, tag_id: int) -> None:
        """Remove the tag from all products and then altogether; `TagNotFound`."""
        async with self._db.begin() as tx:
            before = await _lock(tx, tag_id)
            await store.retagged(tx, tag_id, self._db.clock())
            await tx.execute("delete from tags where tag_id = $1", tag_id)
            tx.audit("tag.deleted", f"tags/{tag_id}", before={"name": before.name})

    @starts_over
    async def merge(self, tag_id: int, into: int) -> TagView:
        """Let all that bear the tag bear the other one instead, and remove it; `TagNotFound`, `Invalid`.

        A product with both keeps one, in the earlier of the two places. Answers the tag that is left.
        """
        if tag_id == into:
            raise Invalid(errors=(FieldError("into", "A tag cannot be merged into itself."),))
        async with self._db.begin() as tx:
            # In order of number, or two that merge the same tags crosswise would wait for each other.
            found = {number: await _find_locked(tx, number) for number in sorted((tag_id, into))}
            source, target = found[tag_id], found[into]
            if source is None:
                raise TagNotFound(tag_id=tag_id)
            if target is None:
                raise Invalid(errors=(FieldError("into", TagNotFound.template(), {"tag_id": into}),))
            await store.retagged(tx, tag_id, self._db.clock())
            await store.merge_tags(tx, tag_id, into)
            await tx.execute("delete from tags where tag_id = $1", tag_id)
            tx.audit(
                "tag.merged", f"tags/{tag_id}", before={"name": source.name}, after={"into": target.name}
            )
            return target


async def _lock(tx: Transaction, tag_id: int) -> TagView:
    found = await _find_locked(tx, tag_id)
    if found is None:
        raise TagNotFound(tag_id=tag_id)
    return found


async def _find_locked(tx: Transaction, tag_id: int) -> TagView | None:
    # For update: nobody gives the tag to another product meanwhile.
    row = await tx.fetchrow("select tag_id, name from tags where tag_id = $1 for update", tag_id)
    return None if row is None else TagView(**dict(row.items()))
