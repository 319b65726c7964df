"""Categories and tags over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from fenxiao.catalog.http.texts import CANNOT_BE_EMPTIED, MAX_NAME, Name, Word
from fenxiao.catalog.queries.categories import CategoryView, TagView
from fenxiao.catalog.service.categories import Categories, Tags
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Body, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.paging import DEFAULT_LIMIT

Reader = Annotated[Principal, require("catalog:read")]
Writer = Annotated[Principal, require("catalog:write")]


class NewCategory(Body):
    """A category to create; without `parent_id` it stands at the top."""

    name: Name
    parent_id: Id | None = None


class CategoryChange(Body):
    """What is to change of a category; `parent_id` null moves it to the top."""

    name: Name | None = None
    parent_id: Id | None = None


class CategoryAnswer(Answer):
    """A category."""

    category_id: int
    name: str
    parent_id: int | None


class TagName(Body):
    """A tag's name."""

    name: Word


class TagMerge(Body):
    """The tag that is to be left."""

    into: Id


class TagAnswer(Answer):
    """A tag."""

    tag_id: int
    name: str


def _category(view: CategoryView) -> CategoryAnswer:
    return CategoryAnswer(category_id=view.category_id, name=view.name, parent_id=view.parent_id)


def _tag(view: TagView) -> TagAnswer:
    return TagAnswer(tag_id=view.tag_id, name=view.name)


def categories(use: Categories) -> APIRouter:
    """The routes of categories."""
    routes = new_router(prefix="/api/categories", tags=["categories"])

    @routes.get("")
    async def list_categories(
        who: Reader,  # noqa: ARG001 - asked for its permission, here and below
        parent_id: Annotated[
            int | None, Query(ge=1, le=2**63 - 1, description="Only those directly below.")
        ] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[CategoryAnswer]:
        """Categories by id."""
        page = await use.list(parent_id=parent_id, cursor=cursor, limit=limit)
        return items(page, [_category(view) for view in page.items])

    @routes.post("", status_code=201)
    async def create_category(who: Writer, body: NewCategory, once: Idempotency) -> CategoryAnswer:  # noqa: ARG001
        """Create a category."""
        return _category(await use.create(body.name, body.parent_id, once=once))

    @routes.get("/{category_id}")
    async def get_category(who: Reader, category_id: Id) -> CategoryAnswer:  # noqa: ARG001
        """One category."""
        return _category(await use.find(category_id))

    @routes.patch("/{category_id}")
    async def change_category(who: Writer, category_id: Id, body: CategoryChange) -> CategoryAnswer:  # noqa: ARG001
        """Rename or move a category."""
        fields = {field: getattr(body, field) for field in body.model_fields_set}
        if "name" in fields and body.name is None:
            raise Invalid(errors=(FieldError("name", CANNOT_BE_EMPTIED),))
        return _category(await use.change(category_id, fields))

    @routes.delete("/{category_id}", status_code=204)
    async def delete_category(who: Writer, category_id: Id) -> None:  # noqa: ARG001
        """Delete an empty category."""
        await use.delete(category_id)

    return routes


def tags(use: Tags) -> APIRouter:
    """The routes of tags."""
    routes = new_router(prefix="/api/tags", tags=["tags"])

    @routes.get("")
    async def list_tags(
        who: Reader,  # noqa: ARG001
        q: Annotated[str | None, Query(max_length=MAX_NAME, description="A part of the name.")] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[TagAnswer]:
        """Tags by id."""
        page = await use.list(q=q, cursor=cursor, limit=limit)
        return items(page, [_tag(view) for view in page.items])

    @routes.post("", status_code=201)
    async def create_tag(who: Writer, body: TagName, once: Idempotency) -> TagAnswer:  # noqa: ARG001
        """Create a tag; products also create the tags that they name."""
        return _tag(await use.create(body.name, once=once))

    @routes.get("/{tag_id}")
    async def get_tag(who: Reader, tag_id: Id) -> TagAnswer:  # noqa: ARG001
        """One tag."""
        return _tag(await use.find(tag_id))

    @routes.patch("/{tag_id}")
    async def rename_tag(who: Writer, tag_id: Id, body: TagName) -> TagAnswer:  # noqa: ARG001
        """Rename a tag on all products that bear it."""
        return _tag(await use.rename(tag_id, body.name))

    @routes.post("/{tag_id}/merge")
    async def merge_tag(who: Writer, tag_id: Id, body: TagMerge) -> TagAnswer:  # noqa: ARG001
        """Give all products that bear the tag another one instead; one that bears both keeps it once."""
        return _tag(await use.merge(tag_id, body.into))

    @routes.delete("/{tag_id}", status_code=204)
    async def delete_tag(who: Writer, tag_id: Id) -> None:  # noqa: ARG001
        """Delete a tag; the products that bore it stay."""
        await use.delete(tag_id)

    return routes
