"""What earlier imports have loaded already, read from the orders themselves: there is no second bookkeeping."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from fenxiao.kernel.ids import DistributorId, LineId, OrderId, ProductId
from fenxiao.orders.api import OrderHistory, OrdersApi

CHANNEL = "retail"
_PAGE = 500


@dataclass(frozen=True, slots=True)
class OldLine:
    """A line loaded before: the units of it that have not come back."""

    seller: DistributorId
    product_id: ProductId
    unit_price_minor: int
    at: datetime
    external_id: str
    place: int
    order_id: OrderId
    line_id: LineId
    left: int


@dataclass(slots=True)
class Loaded:
    """The state of the import before it starts."""

    lines_of: Counter[str] = field(default_factory=Counter)
    """How many lines of an invoice are in, over all orders made from it."""
    unfinished: list[tuple[OrderId, datetime, str]] = field(default_factory=list)
    """Orders that were placed but not yet shipped or completed when an earlier run ended."""
    returned: Counter[str] = field(default_factory=Counter)
    """Units of a return row (by its key) that have been given back."""
    lines: list[OldLine] = field(default_factory=list)


def invoice_of(external_id: str) -> str:
    """The invoice of an order: `489434`, or `489434/12` for lines that a later file added from place 12 on."""
    return external_id.partition("/")[0]


def refund_key(row_key: str, line_id: LineId) -> str:
    """The key of the refund that a return row makes on a line."""
    return f"{row_key}@{line_id}"


async def read(orders: OrdersApi, codes_wanted: set[ProductId]) -> Loaded:
    """Walk over all orders of the channel; only lines of the products wanted are kept."""
    loaded = Loaded()
    async for order in _orders(orders):
        if order.channel == CHANNEL and order.external_id is not None:
            _note(loaded, order, order.external_id, codes_wanted)
    return loaded


async def _orders(orders: OrdersApi) -> AsyncIterator[OrderHistory]:
    cursor = OrderId(0)
    while page := await orders.orders_after(cursor=cursor, limit=_PAGE):
        for order in page:
            yield order
        cursor = page[-1].order_id


def _note(loaded: Loaded, order: OrderHistory, external_id: str, codes_wanted: set[ProductId]) -> None:
    loaded.lines_of[invoice_of(external_id)] += len(order.lines)
    if order.status in ("paid", "shipped"):
        loaded.unfinished.append((order.order_id, order.created_at, order.status))
    back: Counter[LineId] = Counter()
    for refund in order.refunds:
        units = sum(line.quantity for line in refund.lines)
        if refund.key is not None:
            loaded.returned[refund.key.rpartition("@")[0]] += units
        for line in refund.lines:
            back[line.line_id] += line.quantity
    for place, sold in enumerate(order.lines):
        if sold.product_id in codes_wanted:
            loaded.lines.append(
                OldLine(
                    order.seller.distributor_id,
                    sold.product_id,
                    sold.amount_minor // sold.quantity,
                    order.created_at,
                    external_id,
                    place,
                    order.order_id,
                    sold.line_id,
                    sold.quantity - back[sold.line_id],
                )
            )
