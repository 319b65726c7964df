"""What other contexts may ask of the catalogue.

Stock for an order is a hold, keyed by (caller, key): taken before the order is committed, confirmed by
`order.created`, shipped through `ship`, given up only by the caller's sweep. The catalogue never expires
one by its own clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from fenxiao.kernel.errors import Conflict, NotFound, Refusal
from fenxiao.kernel.ids import CategoryId, HoldId, OrderId, ProductId
from fenxiao.kernel.values import value


@value(kw_only=True)
class StockLine:
    """So many units of a product; quantity ≥ 1."""

    product_id: ProductId
    quantity: int


@value(kw_only=True)
class StockRequest:
    """Stock for one order that is about to be placed. `at` is the time of a past fact (default: now)."""

    caller: str
    key: str
    lines: tuple[StockLine, ...]
    deadline: datetime
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFacts:
    """What counts of a product for an order, as it was read at `version`.

    `category_path` holds its own category and then the ones above it; prices are minor units of `currency`.
    """

    product_id: ProductId
    version: int
    name: str
    currency: str
    price_minor: int | None
    cost_minor: int | None
    category_path: tuple[CategoryId, ...]
    tags: tuple[str, ...]


@value(kw_only=True)
class HeldStock:
    """A hold and the facts of its products, one for each line of the request, in its order."""

    hold_id: HoldId
    facts: tuple[ProductFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """Units of a held order that leave the warehouse, at most what the hold still reserves."""

    order_id: OrderId
    hold_id: HoldId
    lines: tuple[StockLine, ...]
    deadline: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Units taken from one batch."""

    product_id: ProductId
    batch_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """Which batches an order was served from, first-expired-first-out."""

    order_id: OrderId
    allocations: tuple[Allocation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """A hold that nobody has confirmed in time: of an order being placed, or being shipped."""

    hold_id: HoldId
    order_id: OrderId | None
    state: Literal["open", "shipping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    """A product to create, known by its SKU: one that exists already is answered as it is."""

    sku: str
    name: str
    currency: str
    price_minor: int | None = None
    cost_minor: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StockChange:
    """Units that come or go. `delta` may be negative; stock never goes below what is reserved."""

    product_id: ProductId
    delta: int
    batch_id: str
    reason: str
    expiry_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """Those that there are of what was asked for; each product with its currency."""

    products: dict[ProductId, str]
    category_ids: tuple[CategoryId, ...]
    tags: tuple[str, ...]


class OutOfStock(Conflict):
    """Only {available} of product {product_id} can be sold now, {wanted} were asked for."""

    code = "out-of-stock"


class ProductMissing(NotFound):
    """There is no product {product_id}."""

    code = "product-missing"
    status = 422


class ProductUnavailable(Conflict):
    """Product {product_id} is not for sale now."""

    code = "product-unavailable"


class HoldGone(Conflict):
    """The stock that was held for this order has been given up; repeat the request."""

    code = "hold-gone"


class CatalogApi(Protocol):
    """商品与库存."""

    async def hold_stock(self, *, requests: Sequence[StockRequest]) -> list[HeldStock | Refusal]:
        """Reserve stock for each request, whole or not at all; a refusal stands in its place.

        The same (caller, key) adopts the open hold of an earlier attempt. Requests are served in their order;
        one refused only because a bigger one before it was refused, is tried again alone.
        """

    async def release_holds(self, *, holds: Sequence[HoldId]) -> None:
        """Give up holds of orders that were not committed; confirmed or unknown ones are left alone."""

    async def confirm_holds(self, *, holds: Sequence[tuple[HoldId, OrderId]]) -> None:
        """These orders were committed. Doing it again changes nothing."""

    async def overdue_holds(self, *, before: datetime, limit: int) -> list[OpenHold]:
        """Open or shipping holds whose deadline has passed, oldest first, for the caller's sweep."""

    async def ship(self, *, shipments: Sequence[Shipment]) -> list[Shipped | Refusal]:
        """Take the units from unexpired batches; the same order again answers what was taken before.

        The shipment stays open until the event of the shipped order confirms it or `unship` takes it back.
        """

    async def unship(self, *, orders: Sequence[OrderId]) -> None:
        """Take back shipments whose order was not committed as shipped; the units are reserved again."""

    async def create_products(self, *, products: Sequence[NewProduct]) -> list[ProductId]:
        """Products by SKU, in the order asked, created where missing (SKUs are exact, case counts)."""

    async def existing(
        self, *, product_ids: Sequence[ProductId], category_ids: Sequence[CategoryId], tags: Sequence[str]
    ) -> Existing:
        """Those of these products, categories and tags (by their exact names) that there are, each in order."""

    async def change_stock(self, *, changes: Sequence[StockChange], key: str) -> None:
        """Bulk adjustment, all or nothing; the same key again changes nothing."""
