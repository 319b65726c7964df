"""Products and their tags, as they are locked and written.

Whoever changes products locks their rows first, in product order, then the tags he gives them, then stock rows. Those
who change a tag lock it first: the two may meet in a deadlock, of which PostgreSQL lets one start over.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from fenxiao.catalog.domain.products import ProductContent
from fenxiao.catalog.domain.refusals import CategoryNotFound, SkuTaken
from fenxiao.catalog.events import ProductChanged
from fenxiao.catalog.store import alerts
from fenxiao.infra.db.starts_over import Moved
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid

FIELDS = (
    "name",
    "currency",
    "image_url",
    "images",
    "category_id",
    "status",
    "price_minor",
    "cost_minor",
    "sku",
    "alert_threshold",
)
# Pictures travel as text: the driver takes a list in a list for an array of two dimensions.
_TYPES = ("text", "text", "text", "text", "bigint", "text", "bigint", "bigint", "text", "bigint")
_COLUMNS = ", ".join(FIELDS)
_VALUES = _COLUMNS.replace("images", "images::jsonb")
_UNNEST = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, 1))
_NOW = len(FIELDS) + 1

_INSERT = f"""
    insert into product ({_COLUMNS}, version, created_at, updated_at)
    select {_VALUES}, 1, ${_NOW}::timestamptz, ${_NOW}::timestamptz from unnest({_UNNEST}) as t({_COLUMNS})
    on conflict (sku) do nothing
    returning product_id, sku
"""
_UPDATE = f"""
    update product p
    set {", ".join(f"{field} = t.{field}" for field in FIELDS).replace("t.images", "t.images::jsonb")}, version = version + 1, updated_at = ${_NOW}
    from unnest({_UNNEST}, ${_NOW + 1}::bigint[]) as t({_COLUMNS}, product_id)
    where p.product_id = t.product_id
"""


async def lock_products(tx: Transaction, product_ids: Collection[int]) -> None:
    """Lock these products. A statement of its own: what is read next was committed before the lock was granted."""
    await tx.execute(
        "select from product where product_id = any($1::bigint[]) order by product_id for no key update",
        list(product_ids),
    )


async def add_product(tx: Transaction, content: ProductContent, now: datetime) -> int:
    """Store a new product, its tags created where missing; `SkuTaken`, `Invalid` for a category that does not exist."""
    tag_ids = await ensure_tags(tx, content.tags, now)
    try:
        rows = await tx.fetch(_INSERT, *_columns([content]), now)
    except asyncpg.ForeignKeyViolationError as error:
        raise _no_category(content) from error
    if not rows:
        raise SkuTaken(sku=content.sku)
    (row,) = rows
    await _shelve(tx, [row["product_id"]])
    await _write_tags(tx, [(row["product_id"], content.tags)], tag_ids)
    await _watch(tx, [(row["product_id"], content)], now)
    return int(row["product_id"])


async def add_missing(tx: Transaction, contents: Sequence[ProductContent], now: datetime) -> dict[str, int]:
    """Store those of these products, each with a SKU, whose SKU nobody has yet; the new ones by SKU."""
    by_sku = {content.sku: content for content in contents}
    tag_ids = await ensure_tags(tx, [tag for content in contents for tag in content.tags], now)
    # In order of SKU, or two who bring the same ones would wait for each other.
    rows = await tx.fetch(_INSERT, *_columns([by_sku[sku] for sku in sorted(filter(None, by_sku))]), now)
    new: dict[str, int] = {row["sku"]: row["product_id"] for row in rows}
    await _shelve(tx, list(new.values()))
    await _write_tags(tx, [(product_id, by_sku[sku].tags) for sku, product_id in new.items()], tag_ids)
    await _watch(tx, [(product_id, by_sku[sku]) for sku, product_id in new.items()], now)
    return new


async def change_product(
    tx: Transaction, product_id: int, before: ProductContent, after: ProductContent, now: datetime
) -> None:
    """Store a locked product as it is to be; `SkuTaken`, `Invalid` for a category that does not exist."""
    try:
        await change_products(tx, {product_id: (before, after)}, now)
    except asyncpg.UniqueViolationError as error:
        raise SkuTaken(sku=after.sku) from error
    except asyncpg.ForeignKeyViolationError as error:
        raise _no_category(after) from error


async def change_products(
    tx: Transaction, changes: Mapping[int, tuple[ProductContent, ProductContent]], now: datetime
) -> None:
    """Store locked products, id to (before, after), each of which differs."""
    if not changes:
        return
    resold = [
        number
        for number, (before, after) in changes.items()
        if len(changes) > 1 and None is not before.sku != after.sku
    ]
    if resold:
        # Uniqueness is looked at row by row: where two exchange their SKUs, both are given up first.
        await tx.execute("update product set sku = null where product_id = any($1::bigint[])", resold)
    tagged = [
        (number, after.tags) for number, (before, after) in changes.items() if before.tags != after.tags
    ]
    tag_ids = await ensure_tags(tx, [tag for _, names in tagged for tag in names], now)
    contents = [after for _, after in changes.values()]
    await tx.execute(_UPDATE, *_columns(contents), now, list(changes))
    if tagged:
        numbers = [number for number, _ in tagged]
        await tx.execute("delete from product_tag where product_id = any($1::bigint[])", numbers)
        await _write_tags(tx, tagged, tag_ids)
    await _watch(
        tx,
        [
            (number, after)
            for number, (before, after) in changes.items()
            if before.alert_threshold != after.alert_threshold
        ],
        now,
        always=True,
    )


async def ensure_tags(tx: Transaction, names: Sequence[str], now: datetime) -> dict[str, int]:
    """The numbers of these tags, created where missing; none of them is deleted before the transaction ends."""
    if not names:
        return {}
    wanted = sorted(set(names))
    # In order of name, or two products with the same new tags would wait for each other.
    await tx.execute(
        "insert into tags (name, created_at) select name, $2 from unnest($1::text[]) as name"
        " on conflict (name) do nothing",
        wanted,
        now,
    )
    rows = await tx.fetch(
        "select name, tag_id from tags where name = any($1::text[]) order by tag_id for key share", wanted
    )
    numbers: dict[str, int] = {row["name"]: row["tag_id"] for row in rows}
    if numbers.keys() != set(names):
        # One of them was deleted between the two statements.
        raise Moved
    return numbers


async def retagged(tx: Transaction, tag_id: int, now: datetime) -> None:
    """The products with this tag are changed: its name is part of what is shown of them."""
    await _touch(tx, "select product_id from product_tag where tag_id = $2", now, tag_id)


async def recategorised(tx: Transaction, category_ids: Collection[int], now: datetime) -> None:
    """The products in these categories are changed: what lies above them is a fact of theirs."""
    await _touch(
        tx,
        "select product_id from product where category_id = any($2::bigint[])",
        now,
        list(category_ids),
    )


async def merge_tags(tx: Transaction, source: int, into: int) -> None:
    """Give all products with the first tag the second, both locked, where they have both in the earlier place of the two."""
    await tx.execute(
        "update product_tag kept set position = least(kept.position, gone.position) from product_tag gone"
        " where gone.tag_id = $1 and kept.tag_id = $2 and kept.product_id = gone.product_id",
        source,
        into,
    )
    await tx.execute(
        "delete from product_tag gone using product_tag kept"
        " where gone.tag_id = $1 and kept.tag_id = $2 and kept.product_id = gone.product_id",
        source,
        into,
    )
    await tx.execute("update product_tag set tag_id = $2 where tag_id = $1", source, into)


async def _touch(tx: Transaction, products: str, now: datetime, *args: Any) -> None:
    rows = await tx.fetch(
        "update product set version = version + 1, updated_at = $1 where product_id in"
        f" (select product_id from product where product_id in ({products}) order by product_id for no key update)"
        " returning product_id, version",
        now,
        *args,
    )
    for row in rows:
        tx.emit(ProductChanged(product_id=row["product_id"], version=row["version"]))


async def _shelve(tx: Transaction, product_ids: Sequence[int]) -> None:
    await tx.execute(
        "insert into stock (product_id, on_hand, reserved) select unnest($1::bigint[]), 0, 0", product_ids
    )


async def _watch(
    tx: Transaction, contents: Sequence[tuple[int, ProductContent]], now: datetime, *, always: bool = False
) -> None:
    numbers = [number for number, content in contents if always or content.alert_threshold is not None]
    if numbers:
        await alerts.copy_thresholds(tx, numbers, now)


async def _write_tags(
    tx: Transaction, tagged: Sequence[tuple[int, Sequence[str]]], tag_ids: Mapping[str, int]
) -> None:
    given = [
        (product_id, tag_ids[name], position)
        for product_id, names in tagged
        for position, name in enumerate(dict.fromkeys(names), 1)
    ]
    if given:
        await tx.execute(
            "insert into product_tag (product_id, tag_id, position)"
            " select * from unnest($1::bigint[], $2::bigint[], $3::int[])",
            [product_id for product_id, _, _ in given],
            [tag_id for _, tag_id, _ in given],
            [position for _, _, position in given],
        )


def _columns(contents: Sequence[ProductContent]) -> list[list[Any]]:
    return [[_stored(getattr(content, field)) for content in contents] for field in FIELDS]


def _stored(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, tuple) else value


def _no_category(content: ProductContent) -> Invalid:
    params = {"category_id": content.category_id}
    return Invalid(errors=(FieldError("category_id", CategoryNotFound.template(), params),))
