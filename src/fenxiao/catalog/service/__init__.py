"""Use cases of the catalogue."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.catalog.api import (
    Existing,
    HeldStock,
    NewProduct,
    OpenHold,
    Shipment,
    Shipped,
    StockChange,
    StockRequest,
)
from fenxiao.catalog.queries.categories import existing
from fenxiao.catalog.service.alerts import Alerts
from fenxiao.catalog.service.categories import Categories, Tags
from fenxiao.catalog.service.counts import Counts
from fenxiao.catalog.service.files.exports import Exports
from fenxiao.catalog.service.files.imports import Imports
from fenxiao.catalog.service.files.products import ProductRows
from fenxiao.catalog.service.files.stock import StockRows
from fenxiao.catalog.service.following import Following
from fenxiao.catalog.service.holding import Holding
from fenxiao.catalog.service.inventory import Warehouse
from fenxiao.catalog.service.products import Products
from fenxiao.catalog.service.recalls import Recalls
from fenxiao.catalog.service.shipping import Shipping
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import CategoryId, HoldId, OrderId, ProductId


class Catalog:
    """商品与库存: the near implementation of `CatalogApi`, which says what each of its methods does.

    The nouns beside it are the use cases of the catalogue's own edge. `currency` is that of a product in a file which
    names none.
    """

    def __init__(self, db: Database, currency: str) -> None:
        self.categories = Categories(db)
        self.tags = Tags(db)
        self.products = Products(db)
        self.exports = Exports(db)
        self.imports = Imports(db, {"products": ProductRows(currency), "stock": StockRows()})
        self.warehouse = Warehouse(db)
        self.counts = Counts(db)
        self.recalls = Recalls(db)
        self.alerts = Alerts(db)
        self.following = Following(db)
        self._db = db
        self._holding = Holding(db)
        self._shipping = Shipping(db)

    async def hold_stock(self, *, requests: Sequence[StockRequest]) -> list[HeldStock | Refusal]:
        return await self._holding.hold_stock(requests=requests)

    async def release_holds(self, *, holds: Sequence[HoldId]) -> None:
        await self._holding.release_holds(holds=holds)

    async def confirm_holds(self, *, holds: Sequence[tuple[HoldId, OrderId]]) -> None:
        await self.following.confirm_holds(holds=holds)

    async def overdue_holds(self, *, before: datetime, limit: int) -> list[OpenHold]:
        return await self._holding.overdue_holds(before=before, limit=limit)

    async def ship(self, *, shipments: Sequence[Shipment]) -> list[Shipped | Refusal]:
        return await self._shipping.ship(shipments=shipments)

    async def unship(self, *, orders: Sequence[OrderId]) -> None:
        await self._shipping.unship(orders=orders)

    async def create_products(self, *, products: Sequence[NewProduct]) -> list[ProductId]:
        return await self.products.create_products(products=products)

    async def existing(
        self, *, product_ids: Sequence[ProductId], category_ids: Sequence[CategoryId], tags: Sequence[str]
    ) -> Existing:
        return await existing(self._db, product_ids=product_ids, category_ids=category_ids, names=tags)

    async def change_stock(self, *, changes: Sequence[StockChange], key: str) -> None:
        await self.warehouse.change_stock(changes=changes, key=key)
