"""What counts of a product for an order."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fenxiao.catalog.api import ProductFacts
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import CategoryId, ProductId


@dataclass(frozen=True, slots=True)
class Known:
    """A product as an order meets it."""

    facts: ProductFacts
    for_sale: bool


async def known(reader: Reader, product_ids: Collection[int]) -> dict[int, Known]:
    """The facts of these products; unknown ones are left out."""
    rows = await reader.fetch(
        """
        select product_id, version, name, currency, price_minor, cost_minor, category_id, status = 'available' as for_sale,
               array(select t.name from product_tag pt join tags t using (tag_id) where pt.product_id = p.product_id
                     order by pt.position) as tags
        from product p where product_id = any($1::bigint[])
        """,
        list(product_ids),
    )
    paths = await category_paths(reader, {row["category_id"] for row in rows} - {None})
    return {
        row["product_id"]: Known(
            ProductFacts(
                product_id=ProductId(row["product_id"]),
                version=row["version"],
                name=row["name"],
                currency=row["currency"],
                price_minor=row["price_minor"],
                cost_minor=row["cost_minor"],
                category_path=paths.get(row["category_id"], ()),
                tags=tuple(row["tags"]),
            ),
            row["for_sale"],
        )
        for row in rows
    }


async def category_paths(
    reader: Reader, category_ids: Collection[int]
) -> Mapping[int, tuple[CategoryId, ...]]:
    """For each category: itself, then the ones above it, the nearest first."""
    if not category_ids:
        return {}
    rows = await reader.fetch(
        """
        with recursive up as (
          select category_id as leaf, category_id, parent_id, 0 as height from category where category_id = any($1::bigint[])
          union all
          select up.leaf, c.category_id, c.parent_id, up.height + 1 from up join category c on c.category_id = up.parent_id
        )
        select leaf, array_agg(category_id order by height) as path from up group by leaf
        """,
        list(category_ids),
    )
    return {row["leaf"]: tuple(CategoryId(c) for c in row["path"]) for row in rows}
