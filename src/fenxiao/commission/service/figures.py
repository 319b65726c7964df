"""Figures (条件事实) of the people in the chains of orders: gathered once, when an order earns, and kept with it.

Refunds, explanations and later steps rest on what is kept. It is nevertheless what anybody would gather at any later
time: see `OrdersApi.activity`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from fenxiao.commission.domain.figures import Figures, windows
from fenxiao.commission.queries import figures as reads
from fenxiao.commission.service.plans import Plans
from fenxiao.engine.conditions.subjects import Need
from fenxiao.engine.plan import Plan
from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import DistributorId
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import Activity, ActivityQuestion, FrozenMember, OrderHistory, OrdersApi

_DAY = timedelta(hours=24)
Asked = tuple[OrderHistory, Plan, Sequence[Need]]
"""A paid order, the plan that it is evaluated under, and what that plan needs."""


class Facts:
    """Finds figures: what is kept, and for what is new the orders and the network."""

    def __init__(self, db: Database, orders: OrdersApi, network: NetworkApi, plans: Plans) -> None:
        self._db = db
        self._orders = orders
        self._network = network
        self._plans = plans

    async def needing(self, histories: Iterable[OrderHistory]) -> list[Asked]:
        """Those of these orders, paid, whose plans have conditions on figures, with plan and needs."""
        found = [history for history in histories if history.rule_id is not None]
        plans = await self._plans.of(history.rule_id for history in found)
        return [
            (history, plans[history.rule_id], needs)
            for history in found
            if history.rule_id is not None and (needs := self._plans.needs(history.rule_id))
        ]

    async def of(self, asked: Sequence[Asked]) -> tuple[Figures, Figures]:
        """All figures that the orders are evaluated with, and those of them that are kept nowhere yet."""
        if not asked:
            return {}, {}
        kept = await reads.stored(self._db, [history.order_id for history, _, _ in asked])
        new = await self.gathered([one for one in asked if one[0].order_id not in kept])
        return {**kept, **new}, new

    async def gathered(self, asked: Sequence[Asked]) -> Figures:
        """What the orders and the network say, whatever is kept."""
        if not asked:
            return {}
        questions = [
            _question(history, plan, member.distributor_id, days)
            for history, plan, needs in asked
            for days in windows(needs)
            for member in _chain(history)
        ]
        answers = dict(zip(questions, await self._orders.activity(asked=questions), strict=True))
        joined: dict[DistributorId, datetime] = {}
        if any(need.field == "days_registered" for _, _, needs in asked for need in needs):
            people = {member.distributor_id for history, _, _ in asked for member in _chain(history)}
            joined = await self._network.joined(distributor_ids=sorted(people))
        return {
            history.order_id: {
                member.distributor_id: dict(_values(one, member.distributor_id, answers, joined))
                for member in _chain(history)
            }
            for one in asked
            for history in (one[0],)
        }


def _chain(history: OrderHistory) -> tuple[FrozenMember, ...]:
    return (history.seller, *history.upline)


def _question(
    history: OrderHistory, plan: Plan, distributor_id: DistributorId, days: int | None
) -> ActivityQuestion:
    return ActivityQuestion(
        order_id=history.order_id,
        distributor_id=distributor_id,
        within_days=days,
        earned_when=plan.accrue_on,
    )


def _values(
    asked: Asked,
    distributor_id: DistributorId,
    answers: Mapping[ActivityQuestion, Activity | None],
    joined: Mapping[DistributorId, datetime],
) -> Iterator[tuple[str, int]]:
    """Figures by name; one that nobody could tell is left out, and the evaluation will say so."""
    history, plan, needs = asked
    for need in needs:
        if need.field == "days_registered":
            if distributor_id in joined and history.paid_at is not None:
                # Whoever was brought in with a date behind the order's has been there for no day.
                yield need.name, max(0, (history.paid_at - joined[distributor_id]) // _DAY)
            continue
        found = answers[_question(history, plan, distributor_id, need.within_days)]
        if found is not None:
            yield need.name, found.paid_orders if need.field == "paid_orders" else found.sales_minor
