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
class StockMoved(Event):
    """Units of a product came or went; `delta` is the sum of one operation's movements of this product."""

    type = "stock.moved"
    product_id: ProductId
    delta: int
    reason: str

    def subject(self) -> str:
        """The product."""
        return f"products/{self.product_id}"
