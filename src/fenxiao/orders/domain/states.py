"""The states of an order and what follows what."""

from collections.abc import Mapping

from fenxiao.kernel.ids import OrderId
from fenxiao.orders.api import WrongState
from fenxiao.orders.events import Status

FOLLOWS: Mapping[Status, frozenset[Status]] = {
    "pending": frozenset({"paid", "cancelled"}),
    "paid": frozenset({"shipped", "refunded"}),
    "shipped": frozenset({"completed", "refunded"}),
    "completed": frozenset({"refunded"}),
    "cancelled": frozenset(),
    "refunded": frozenset(),
}
"""What each state may become. A partial refund leaves the state as it is; only a full one changes it."""


def may_become(status: Status, wanted: Status) -> bool:
    """Whether an order in this state may go to that one."""
    return wanted in FOLLOWS[status]


def refusal(order_id: OrderId, status: Status, wanted: Status) -> WrongState | None:
    """Why the order cannot go there, naming both states; None if it can."""
    return None if may_become(status, wanted) else WrongState(order_id=order_id, status=status, wanted=wanted)


def is_refunded(*, total_minor: int, refunded_minor: int, units_left: int) -> bool:
    """Whether an order's refunds have reached its total; one that cost nothing is refunded when all units are back."""
    return refunded_minor == total_minor and (total_minor > 0 or units_left == 0)
