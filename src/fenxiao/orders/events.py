"""What has happened to orders."""

from dataclasses import dataclass
from typing import Literal

from fenxiao.kernel.events import Event
from fenxiao.kernel.ids import DistributorId, HoldId, OrderId, ProductId, RefundId, RuleId

Status = Literal["pending", "paid", "shipped", "completed", "cancelled", "refunded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfOrder(Event):
    order_id: OrderId
    version: int

    def subject(self) -> str:
        """The order."""
        return f"orders/{self.order_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCreated(_OfOrder):
    """An order was placed; `hold_id` is its hold on stock, confirmed by this event."""

    type = "order.created"
    distributor_id: DistributorId
    hold_id: HoldId
    currency: str
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStatusChanged(_OfOrder):
    """An order went from one state to the next.

    `rule_id` is the rule version stamped at payment; None before, without a plan, or where the sender does not say.
    """

    type = "order.status_changed"
    status: Status
    previous: Status
    rule_id: RuleId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedUnits:
    """Units of a product that a refund gives back."""

    product_id: ProductId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefunded(_OfOrder):
    """Money, and perhaps units, of an order went back. `sequence` counts the order's refunds from 1.

    `amount_minor` is that of the goods; what went back of shipping and tax stands beside it.
    `units` are those returned by lines; `restock` says that they can be sold again; `shipped` says whether they
    had left the warehouse (if not, they are still reserved).
    """

    type = "order.refunded"
    refund_id: RefundId
    sequence: int
    currency: str
    amount_minor: int
    units: tuple[ReturnedUnits, ...]
    restock: bool
    shipped: bool
    shipping_minor: int = 0
    tax_minor: int = 0
