"""The near side of what other contexts may ask of commission."""

from collections.abc import Sequence
from itertools import groupby

from fenxiao.commission.api import BookedOrder, BookedStep, PayoutDestination
from fenxiao.commission.queries import entries
from fenxiao.commission.service.payout_accounts import PayoutAccounts
from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import OrderId, PayoutAccountId


class Commission:
    """佣金: answers `CommissionApi`."""

    def __init__(self, db: Database, accounts: PayoutAccounts) -> None:
        self._db = db
        self._accounts = accounts

    async def booked(self, *, order_ids: Sequence[OrderId]) -> list[BookedOrder]:
        """What is booked for these orders, ordered by id; orders without bookings are left out."""
        found = await entries.steps(self._db, order_ids)
        return [
            BookedOrder(order_id=order_id, currency=currency, steps=tuple(map(_step, steps)))
            for (order_id, currency), steps in groupby(found, key=lambda step: (step.order_id, step.currency))
        ]

    async def total_minor(self, *, currency: str) -> int:
        """The sum of all entries in a currency, corrections included."""
        return await entries.total_minor(self._db, currency)

    async def in_flight(self) -> list[OrderId]:
        """Orders with booked steps whose events have not all been delivered yet."""
        return await entries.in_flight(self._db)

    async def payout_accounts(self, *, account_ids: Sequence[PayoutAccountId]) -> list[PayoutDestination]:
        """Where payouts go, by id; closed accounts too, but none that is erased or unknown."""
        return await self._accounts.destinations(account_ids)


def _step(step: entries.Step) -> BookedStep:
    return BookedStep(
        step=step.step, at=step.at, refund_sequence=step.refund_sequence, amount_minor=step.amount_minor
    )
