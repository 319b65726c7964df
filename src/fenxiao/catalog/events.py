"""What has happened in the catalogue and the warehouse."""

from dataclasses import dataclass

from fenxiao.kernel.events import Event
from fenxiao.kernel.ids import ProductId


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductChanged(Event):
    """A product was created or changed."""

    type = "product.changed"
    product_id: ProductId
    version: int

    def subject(self) -> str:
        """The product."""
        return f"products/{self.product_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedUnits:
    """So many units of a product came (positive) or went (negative)."""

    product_id: ProductId
    delta: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMoved(Event):
    """Units came or went for one reason; each product once, `delta` the sum of its movements in one operation.

    One event for all products of an operation: shipping five hundred orders moves thousands of them.
    """

    type = "stock.moved"
    reason: str
    units: tuple[MovedUnits, ...]

    def subject(self) -> str:
        """The stock as a whole; movements commute, so their order does not matter."""
        return "stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLow(Event):
    """库存预警: what can be sold of a product fell below its threshold; told once until it has risen again."""

    type = "stock.low"
    product_id: ProductId
    sellable: int
    threshold: int

    def subject(self) -> str:
        """The product."""
        return f"products/{self.product_id}"
