"""What counts of a product for an order."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fenxiao.catalog.api import ProductFacts
from fenxiao.infra.db.sql import Record
from fenxiao.kernel.ids import CategoryId, ProductId

MOST_FACTS = 100_000
"""How many products' facts are kept in memory; some 40 MB."""


Ask = Callable[..., Awaitable[list[Record]]]
"""Runs a statement with its parameters, in a transaction or alone."""

# One statement, hence one snapshot: a category's path belongs to the product's version.
_FACTS = """
select product_id, version, name, currency, price_minor, cost_minor,
       array(with recursive up as (
               select category_id, parent_id, 0 as height from category c where c.category_id = p.category_id
               union all
               select c.category_id, c.parent_id, up.height + 1 from up join category c on c.category_id = up.parent_id
             ) select category_id from up order by height) as path,
       array(select t.name from product_tag pt join tags t using (tag_id) where pt.product_id = p.product_id
             order by pt.position) as tags
  from product p where product_id = any($1::bigint[])
"""


class KnownFacts:
    """Facts of products by their versions. A version never changes, so one that was read once is kept."""

    def __init__(self) -> None:
        self._known: dict[int, ProductFacts] = {}

    async def of(self, ask: Ask, versions: Mapping[int, int]) -> dict[int, ProductFacts]:
        """The facts of these products, which exist, at these versions or newer ones."""
        found = {
            product_id: facts
            for product_id, version in versions.items()
            if (facts := self._known.get(product_id)) is not None and facts.version == version
        }
        if len(found) < len(versions):
            rows = await ask(_FACTS, list(versions.keys() - found.keys()))
            read = {row["product_id"]: _facts(row) for row in rows}
            if len(self._known) > MOST_FACTS:
                self._known = {}
            self._known |= read
            found |= read
        return found


def _facts(row: Any) -> ProductFacts:
    return ProductFacts(
        product_id=ProductId(row["product_id"]),
        version=row["version"],
        name=row["name"],
        currency=row["currency"],
        price_minor=row["price_minor"],
        cost_minor=row["cost_minor"],
        category_path=tuple(CategoryId(category_id) for category_id in row["path"]),
        tags=tuple(row["tags"]),
    )
