"""The after-sale state, looked at again at release: what a refund has yet to correct is not released before it has."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.commission.domain.after_sale import steps_told
from fenxiao.commission.queries import maturing
from fenxiao.commission.service.plans import Plans
from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import OrderId
from fenxiao.orders.api import OrdersApi


class AfterSale:
    """Asks the orders what has happened since their commission was booked."""

    def __init__(self, db: Database, orders: OrdersApi, plans: Plans) -> None:
        self._db = db
        self._orders = orders
        self._plans = plans

    async def unbooked(self, distributor_ids: Sequence[int] | None, *, cutoff: datetime) -> list[OrderId]:
        """Orders with matured entries of these distributors (None: of all) and a refund that is not booked yet.

        Only those can have one whose events are still on their way, or could not be booked: there are few of them,
        and their histories are asked for. Their entries stay pending; the next settlement finds them corrected.
        """
        moving = {*await self._orders.in_flight(), *await maturing.parked(self._db)}
        if not moving:
            return []
        due = await maturing.order_ids_of(self._db, distributor_ids, cutoff=cutoff, among=sorted(moving))
        if not due:
            return []
        histories = await self._orders.histories(order_ids=due)
        plans = await self._plans.of(one.rule_id for one in histories)
        booked = await maturing.booked_steps(self._db, due)
        found: list[OrderId] = []
        for history in histories:
            on_payment = history.rule_id is not None and plans[history.rule_id].accrue_on == "paid"
            accrued_at = history.paid_at if on_payment else history.completed_at
            times = [refund.at for refund in history.refunds]
            if accrued_at and steps_told(times, accrued_at, on_payment=on_payment) > booked[history.order_id]:
                found.append(history.order_id)
        return found
