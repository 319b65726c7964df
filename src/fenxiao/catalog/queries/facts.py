"""What counts of a product for an order."""

from collections.abc import Collection, Mapping

from fenxiao.catalog.api import ProductFacts
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import CategoryId, ProductId

MOST_FACTS = 100_000
"""How many products' facts are kept in memory; some 40 MB."""


class KnownFacts:
    """Facts of products by their versions. A version never changes, so one that was read once is kept."""

    def __init__(self) -> None:
        self._known: dict[int, ProductFacts] = {}

    async def of(self, reader: Reader, versions: Mapping[int, int]) -> dict[int, ProductFacts]:
        """The facts of these products, which exist, at these versions or newer ones."""
        found = {
            product_id: facts
            for product_id, version in versions.items()
            if (facts := self._known.get(product_id)) is not None and facts.version == version
        }
        if len(found) < len(versions):
            read = await _read(reader, versions.keys() - found.keys())
            if len(self._known) > MOST_FACTS:
                self._known = {}
            self._known |= read
            found |= read
        return found


async def _read(reader: Reader, product_ids: Collection[int]) -> dict[int, ProductFacts]:
    rows = await reader.fetch(
        """
        select product_id, version, name, currency, price_minor, cost_minor, category_id,
               array(select t.name from product_tag pt join tags t using (tag_id) where pt.product_id = p.product_id
                     order by pt.position) as tags
        from product p where product_id = any($1::bigint[])
        """,
        product_ids,
    )
    paths = await category_paths(reader, {row["category_id"] for row in rows} - {None})
    return {
        row["product_id"]: ProductFacts(
            product_id=ProductId(row["product_id"]),
            version=row["version"],
            name=row["name"],
            currency=row["currency"],
            price_minor=row["price_minor"],
            cost_minor=row["cost_minor"],
            category_path=paths.get(row["category_id"], ()),
            tags=tuple(row["tags"]),
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
