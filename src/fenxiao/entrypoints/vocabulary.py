"""What the names in a plan mean on this server: the rules ask by a port, the network and the catalogue know."""

from fenxiao.catalog.api import CatalogApi
from fenxiao.engine.names import Known, Named
from fenxiao.kernel.ids import CategoryId, ProductId
from fenxiao.network.api import NetworkApi


class Names:
    """名称核对: grades of the network, products, categories and tags of the catalogue, near or far."""

    def __init__(self, network: NetworkApi, catalog: CatalogApi) -> None:
        self._network = network
        self._catalog = catalog

    async def known(self, *, named: Named) -> Known:
        """All grades with their ranks, and those of the named products, categories and tags that there are."""
        grades = await self._network.grade_ranks()
        if not (named.product_ids or named.category_ids or named.tags):
            return Known(grades=grades)
        there = await self._catalog.existing(
            product_ids=[ProductId(one) for one in named.product_ids],
            category_ids=[CategoryId(one) for one in named.category_ids],
            tags=named.tags,
        )
        return Known(
            grades=grades,
            products={int(product_id): currency for product_id, currency in there.products.items()},
            category_ids=there.category_ids,
            tags=there.tags,
        )
