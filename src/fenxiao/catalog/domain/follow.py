"""What the events of orders tell the warehouse."""

from dataclasses import dataclass

from fenxiao.catalog.domain.holds import Fact


@dataclass(frozen=True, slots=True)
class Placed:
    """The order that a hold was taken for was committed."""

    order_id: int
    hold_id: int


@dataclass(frozen=True, slots=True)
class Left:
    """The order was committed as shipped."""

    order_id: int


Told = Placed | Left | Fact
