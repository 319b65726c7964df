"""What a use case does to stock, collected before it is written: movements of batches and of what is reserved."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fenxiao.catalog.domain.batches import Batch, Portion

SHIPPED = "shipped"
UNSHIPPED = "unshipped"
RETURNED = "returned"
WRITTEN_OFF = "written-off"
COUNTED = "counted"

BY_ORDERS = (SHIPPED, UNSHIPPED, RETURNED, WRITTEN_OFF)
"""Reasons that carry an order id; people's own reasons never do."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why and when units moved, and for which order. `actor` None: whoever is asking."""

    reason: str
    at: datetime
    order_id: int | None = None
    reference: str | None = None
    actor: str | None = None


def by_order(order_id: int, reason: str, at: datetime, actor: str | None = None) -> Cause:
    """The cause of what moves for an order."""
    return Cause(reason, at, order_id, f"orders/{order_id}", actor)


@dataclass(frozen=True, slots=True)
class Movement:
    """库存流水: units of a batch that came (`delta` above 0) or went."""

    batch: Batch
    delta: int
    cause: Cause


@dataclass(slots=True)
class Changes:
    """All that one transaction does to stock."""

    movements: list[Movement] = field(default_factory=list)
    reserved: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def per_product(self) -> Mapping[int, tuple[int, int]]:
        """By product: what is added to the units on hand and to the reserved ones."""
        on_hand: defaultdict[int, int] = defaultdict(int)
        for movement in self.movements:
            on_hand[movement.batch.product_id] += movement.delta
        return {
            product: (on_hand[product], self.reserved[product])
            for product in sorted({*on_hand, *self.reserved})
        }

    def per_batch(self) -> Mapping[int, int]:
        """By inventory id: what is added to the batch."""
        added: defaultdict[int, int] = defaultdict(int)
        for movement in self.movements:
            added[movement.batch.inventory_id] += movement.delta
        return added

    def per_reason(self) -> Mapping[str, tuple[Mapping[int, int], datetime]]:
        """By reason: the sum of the movements of each product, and the time of the last."""
        sums: dict[str, tuple[dict[int, int], datetime]] = {}
        for movement in self.movements:
            cause, product_id = movement.cause, movement.batch.product_id
            products, at = sums.get(cause.reason) or ({}, cause.at)
            products[product_id] = products.get(product_id, 0) + movement.delta
            sums[cause.reason] = (products, max(at, cause.at))
        return sums

    def out(self, portions: Iterable[Portion], cause: Cause) -> None:
        """Units that leave their batches."""
        self.movements += [Movement(batch, -units, cause) for batch, units in portions]
