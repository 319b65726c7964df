"""What the rows of a file speak of, and how far a file has come."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeVar

import msgspec

from fenxiao.catalog.domain.batches import Batch, Shelf
from fenxiao.catalog.queries import products
from fenxiao.catalog.queries.products import ProductView
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.errors import FieldError

PAGE = 500
"""Products that are read at once: making their views keeps the event loop for some milliseconds."""

FAULTS = 1000
"""Refused rows that are shown of a file."""

Noun = Literal["products", "stock"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportView:
    """导入: a file that was taken, and what has become of its rows; `faults` are (row, fault) of refused ones."""

    import_id: int
    noun: Noun
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    rows: int
    created: int
    changed: int
    unchanged: int
    refused: int
    actor: str
    created_at: datetime
    faults: tuple[tuple[int, FieldError], ...] = ()


async def category_paths(reader: Reader, above: str) -> dict[int, str]:
    """Every category with the names of those above it and its own, the highest first, `above` between them."""
    rows = await reader.fetch(
        """
        with recursive down as (
          select category_id, name as path from category where parent_id is null
          union all
          select c.category_id, down.path || $1 || c.name from down join category c on c.parent_id = down.category_id
        )
        select category_id, path from down
        """,
        above,
    )
    return {row["category_id"]: row["path"] for row in rows}


async def products_by_id(reader: Reader, product_ids: Collection[int]) -> dict[int, ProductView]:
    """Those of these products that exist."""
    found: dict[int, ProductView] = {}
    for some in pages(sorted(product_ids), PAGE):
        found |= await products.by_ids(reader, some)
    return found


async def products_by_sku(reader: Reader, skus: Collection[str]) -> dict[str, ProductView]:
    """Those of these products that exist."""
    found: dict[str, ProductView] = {}
    for some in pages(sorted(skus), PAGE):
        found |= await products.by_skus(reader, some)
    return found


async def numbers_of(reader: Reader, skus: Collection[str]) -> dict[str, int]:
    """The product of each of these SKUs that somebody has."""
    rows = await reader.fetch("select sku, product_id from product where sku = any($1::text[])", list(skus))
    return {row["sku"]: row["product_id"] for row in rows}


async def shelves(reader: Reader, product_ids: Collection[int]) -> dict[int, Shelf]:
    """What lies of these products, all batches, not locked: for looking ahead."""
    found: dict[int, Shelf] = {}
    for some in pages(sorted(product_ids), PAGE):
        rows = await reader.fetch(
            "select s.product_id, s.reserved, i.inventory_id, i.batch_id, i.stock, i.expiry_date, i.recalled"
            " from stock s left join inventory i using (product_id) where s.product_id = any($1::bigint[])",
            some,
        )
        for row in rows:
            shelf = Shelf(product_id=row["product_id"], reserved=row["reserved"], batches=[])
            shelf = found.setdefault(shelf.product_id, shelf)
            if row["inventory_id"] is not None:
                shelf.batches.append(_batch(row))
    return found


async def find(reader: Reader, import_id: int) -> ImportView | None:
    """The file, if there is one."""
    row = await reader.fetchrow(
        "select i.import_id, i.noun, coalesce(r.state, 'done') as status, i.rows, i.created, i.changed, i.unchanged,"
        " i.refused, i.actor, i.created_at from import_file i left join run r using (run_id) where i.import_id = $1",
        import_id,
    )
    if row is None:
        return None
    refused = await reader.fetch(
        "select row, faults from import_row where import_id = $1 and faults is not null order by row limit $2",
        import_id,
        FAULTS,
    )
    faults = tuple((one["row"], _fault(fault)) for one in refused for fault in one["faults"])
    return ImportView(**dict(row.items()), faults=faults)


async def waiting_rows(reader: Reader, import_id: int, *, after: int, limit: int) -> list[tuple[int, Any]]:
    """The next rows of a file that are to be applied: number and content."""
    rows = await reader.fetch(
        "select row, content from import_row where import_id = $1 and row > $2 order by row limit $3",
        import_id,
        after,
        limit,
    )
    return [(row["row"], row["content"]) for row in rows]


def pages(things: Sequence[T], size: int) -> Iterator[list[T]]:
    """The things in lists of at most so many."""
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some


def _batch(row: Record) -> Batch:
    return Batch(
        inventory_id=row["inventory_id"],
        product_id=row["product_id"],
        batch_id=row["batch_id"],
        stock=row["stock"],
        expiry_date=row["expiry_date"],
        recalled=row["recalled"],
    )


def _fault(stored: dict[str, Any]) -> FieldError:
    return msgspec.convert(stored, FieldError)
