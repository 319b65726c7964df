"""Products over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from fenxiao.catalog.domain.images import MAX_IMAGES, Image, led_by, repeated
from fenxiao.catalog.domain.products import ProductContent, Status
from fenxiao.catalog.http.filters import Filter, whole
from fenxiao.catalog.http.texts import CANNOT_BE_EMPTIED, Address, Currency, Line, Name, Word
from fenxiao.catalog.queries.products import ProductView, Sort
from fenxiao.catalog.service.products import Products
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import MAX_COUNT, Amount, Answer, Body, Id, Items, items, minor
from fenxiao.infra.http.headers import Cursor, Idempotency, IfMatch, Limit, etag
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT

MAX_TAGS = 50
Reader = Annotated[Principal, require("catalog:read")]
Writer = Annotated[Principal, require("catalog:write")]
WordList = Annotated[list[Word], Field(max_length=MAX_TAGS)]
Units = Annotated[int, Field(ge=0, le=MAX_COUNT)]


class ImageBody(Body):
    """A picture of a product; `alt` says what it shows."""

    url: Address
    alt: Line | None = None


ImageList = Annotated[list[ImageBody], Field(max_length=MAX_IMAGES)]


class NewProduct(Body):
    """A product to create. `price` and `cost` are of one unit; unknown tags are created.

    `images` are shown in their order; `image_url` is the first of them, and enough where there is one.
    """

    name: Name
    image_url: Address | None = None
    images: ImageList = Field(default_factory=list)
    category_id: Id | None = None
    tags: WordList = Field(default_factory=list)
    price: Amount | None = None
    cost: Amount | None = None
    currency: Currency | None = None
    sku: Word | None = None
    status: Status = "available"
    alert_threshold: Units | None = None


class ProductChange(Body):
    """What is to change of a product: a field left out stays, one that is null is emptied.

    `image_url` changes the first picture and leaves the others; null takes all of them away.
    """

    name: Name | None = None
    image_url: Address | None = None
    images: ImageList | None = None
    category_id: Id | None = None
    tags: WordList | None = None
    price: Amount | None = None
    cost: Amount | None = None
    currency: Currency | None = None
    sku: Word | None = None
    status: Status | None = None
    alert_threshold: Units | None = None


_NEVER_NULL = ("name", "tags", "images", "currency", "status")


class ImageAnswer(Answer):
    """A picture of a product."""

    url: str
    alt: str | None


class ProductAnswer(Answer):
    """A product; `cost` is null for those who may not change products. `image_url` is the first of `images`."""

    product_id: int
    name: str
    image_url: str | None
    images: list[ImageAnswer]
    category_id: int | None
    tags: list[str]
    status: Status
    price: str | None
    cost: str | None
    currency: str
    sku: str | None
    alert_threshold: int | None
    created_at: datetime
    updated_at: datetime


def _answer(view: ProductView, who: Principal) -> ProductAnswer:
    cost = view.cost_minor if who.may("catalog:write") else None
    return ProductAnswer(
        product_id=view.product_id,
        name=view.name,
        image_url=view.image_url,
        images=[ImageAnswer(url=image.url, alt=image.alt) for image in view.images],
        category_id=view.category_id,
        tags=list(view.tags),
        status=view.status,
        price=None if view.price_minor is None else from_minor(view.price_minor, view.currency),
        cost=None if cost is None else from_minor(cost, view.currency),
        currency=view.currency,
        sku=view.sku,
        alert_threshold=view.alert_threshold,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def router(use: Products, currency: str) -> APIRouter:
    """The routes of products; `currency` is that of a product which names none."""
    routes = new_router(prefix="/api/products", tags=["products"])

    @routes.get("")
    async def list_products(
        who: Reader,
        asked: Filter,
        sort: Annotated[
            Sort, Query(description="With `-` downwards; equal ones by product id.")
        ] = "product_id",
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[ProductAnswer]:
        """Products in the order asked for; whoever names `ids` gets them all at once."""
        wanted = asked.wanted(currency, sort)
        page = await use.search(wanted, cursor=cursor, limit=whole(wanted, limit))
        return items(page, [_answer(view, who) for view in page.items])

    @routes.post("", status_code=201)
    async def create_product(
        who: Writer, body: NewProduct, once: Idempotency, response: Response
    ) -> ProductAnswer:
        """Create a product."""
        created = await use.create(_content(body, body.currency or currency), once=once)
        response.headers["ETag"] = etag(created.version)
        return _answer(created, who)

    @routes.get("/{product_id}")
    async def get_product(who: Reader, product_id: Id, response: Response) -> ProductAnswer:
        """One product; its ETag is for If-Match."""
        view = await use.find(product_id)
        response.headers["ETag"] = etag(view.version)
        return _answer(view, who)

    @routes.patch("/{product_id}")
    async def change_product(
        who: Writer, product_id: Id, body: ProductChange, version: IfMatch, response: Response
    ) -> ProductAnswer:
        """Change a product, if it still is the version that If-Match names."""
        present = await use.find(product_id)
        changed = await use.change(product_id, _changes(body, present.currency), version=version)
        response.headers["ETag"] = etag(changed.version)
        return _answer(changed, who)

    return routes


def _content(body: NewProduct, currency: str) -> ProductContent:
    pictures = _images(body.images)
    if body.image_url is not None:
        pictures = _led_by(pictures, body.image_url)
    return ProductContent(
        name=body.name,
        currency=currency,
        images=pictures,
        category_id=body.category_id,
        tags=tuple(dict.fromkeys(body.tags)),
        status=body.status,
        price_minor=_minor("price", body.price, currency),
        cost_minor=_minor("cost", body.cost, currency),
        sku=body.sku,
        alert_threshold=body.alert_threshold,
    )


def _changes(body: ProductChange, present: str) -> dict[str, Any]:
    """The fields that were sent, as the use case names them; `present` is the currency the product has."""
    sent: dict[str, Any] = {field: getattr(body, field) for field in body.model_fields_set}
    empty = [field for field in _NEVER_NULL if field in sent and sent[field] is None]
    if empty:
        raise Invalid(errors=tuple(FieldError(field, CANNOT_BE_EMPTIED) for field in empty))
    if "tags" in sent:
        sent["tags"] = tuple(dict.fromkeys(sent["tags"]))
    if body.images is not None:
        sent["images"] = _images(body.images)
        if "image_url" in sent:
            sent["images"] = _led_by(sent["images"], sent.pop("image_url"))
    if "price" in sent or "cost" in sent:
        # Said along, so that nobody can change the currency under the amount.
        sent.setdefault("currency", present)
    for field in ("price", "cost"):
        if field in sent:
            sent[f"{field}_minor"] = _minor(field, sent.pop(field), sent["currency"])
    return sent


def _images(bodies: Sequence[ImageBody]) -> tuple[Image, ...]:
    pictures = tuple(Image(url=body.url, alt=body.alt) for body in bodies)
    place = repeated(pictures)
    if place is not None:
        raise Invalid(errors=(FieldError(f"images.{place}.url", "This picture stands there already."),))
    return pictures


def _led_by(pictures: tuple[Image, ...], url: str | None) -> tuple[Image, ...]:
    """Both were sent: they must mean the same."""
    if pictures and pictures[0].url != url:
        raise Invalid(
            errors=(FieldError("image_url", "Send the first of images here, or leave one of the two out."),)
        )
    return led_by(pictures, url)


def _minor(field: str, amount: Any, currency: str) -> int | None:
    if amount is None:
        return None
    value = minor(field, amount, currency)
    if value < 0:
        raise Invalid(errors=(FieldError(field, "Send {ge} or more.", {"ge": 0}),))
    return value
