"""What has happened to commission."""

from dataclasses import dataclass

from fenxiao.kernel.events import Event
from fenxiao.kernel.ids import DistributorId, OrderId, SettlementId


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfOrderStep(Event):
    """One step of an order's history was booked: 0 is the accrual, n the n-th refund after it.

    `amount_minor` is the signed sum of the step's entries.
    """

    order_id: OrderId
    step: int
    currency: str
    amount_minor: int

    def subject(self) -> str:
        """The order."""
        return f"orders/{self.order_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionAccrued(_OfOrderStep):
    """An order's commission was booked for the first time."""

    type = "commission.accrued"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionClawedBack(_OfOrderStep):
    """A refund corrected an order's commission."""

    type = "commission.clawed_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionReleased(Event):
    """A settlement released a distributor's matured entries; the amount may be negative."""

    type = "commission.released"
    settlement_id: SettlementId
    distributor_id: DistributorId
    currency: str
    amount_minor: int

    def subject(self) -> str:
        """The distributor."""
        return f"distributors/{self.distributor_id}"
