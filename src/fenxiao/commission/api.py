"""What other contexts may ask of commission."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fenxiao.kernel.ids import DistributorId, OrderId, PayoutAccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedStep:
    """What one step of an order's history changed: 0 is the accrual, n the n-th step after it.

    `at` is the time of the fact; `refund_sequence` is that of the refund which caused it, None for the accrual;
    `amount_minor` is the signed sum of its entries.
    """

    step: int
    at: datetime
    refund_sequence: int | None
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedOrder:
    """All booked steps of one order, in order."""

    order_id: OrderId
    currency: str
    steps: tuple[BookedStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutDestination:
    """Where a payout goes, in the clear: for the channel that carries it out, never for a log or an answer."""

    account_id: PayoutAccountId
    distributor_id: DistributorId
    channel: str
    holder: str
    number: str
    bank: str | None = None
    branch: str | None = None

    def __repr__(self) -> str:
        """Nothing of it: a trace back must not print it."""
        return f"PayoutDestination({self.account_id})"


class CommissionApi(Protocol):
    """佣金."""

    async def booked(self, *, order_ids: Sequence[OrderId]) -> list[BookedOrder]:
        """What is booked for these orders, ordered by id; orders without bookings are left out."""

    async def total_minor(self, *, currency: str) -> int:
        """The sum of all entries in a currency, corrections included."""

    async def in_flight(self) -> list[OrderId]:
        """Orders with booked steps whose events have not all been delivered yet."""

    async def payout_accounts(self, *, account_ids: Sequence[PayoutAccountId]) -> list[PayoutDestination]:
        """Where payouts go, by id; closed accounts too, but none that is erased or unknown."""
