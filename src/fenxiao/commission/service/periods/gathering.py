"""What the close of a period rests on, asked of the orders and of the network: sales, members, grades, places, figures.

Every question names what the orders had recorded by then and stands on the network's history, so that the same is
answered whenever it is asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fenxiao.commission.domain.figures import windows
from fenxiao.engine.conditions.subjects import Need
from fenxiao.engine.periods import Member, Period
from fenxiao.engine.plan import Plan, needed_period_facts
from fenxiao.kernel.ids import DistributorId
from fenxiao.network.api import MemberAt, NetworkApi, Placement
from fenxiao.orders.api import Activity, ActivityBefore, OrdersApi, SoldBy, SoldQuestion

PAGE = 1000
"""Members asked for at once."""

_DAY = timedelta(hours=24)
_NOBODY = (0, 0)


def question(plan: Plan, since: datetime, until: datetime, recorded_until: datetime) -> SoldQuestion:
    """What was sold in a period as the plan counts it."""
    return SoldQuestion(
        currency=plan.currency,
        reached=plan.accrue_on,
        since=since,
        until=until,
        base=plan.base,
        recorded_until=recorded_until,
    )


@dataclass(frozen=True, slots=True)
class Gathered:
    """A page of members; `last` is the id to read on behind, None behind the last of all."""

    members: tuple[Member, ...]
    last: int | None


class Gathering:
    """Asks."""

    def __init__(self, orders: OrdersApi, network: NetworkApi) -> None:
        self._orders = orders
        self._network = network

    async def members(self, plan: Plan, period: Period, recorded_until: datetime, cursor: int) -> Gathered:
        """The next members by id."""
        found = await self._network.roster(at=period.end, cursor=cursor, limit=PAGE)
        if not found:
            return Gathered((), None)
        ids = [one.member.distributor_id for one in found]
        placed = await self._network.placements_at(at=period.end, cursor=cursor, limit=PAGE)
        places = {one.distributor_id: one for one in placed}
        sold = await self._orders.sold(
            asked=question(plan, period.start, period.end, recorded_until), distributor_ids=ids
        )
        sales = {one.distributor_id: one for one in sold.by}
        needs = needed_period_facts(plan, period.kind)
        figures = await self._figures(needs, (plan.currency, period.end), recorded_until, found)
        members = tuple(
            _member(
                one,
                sales.get(one.member.distributor_id),
                places.get(one.member.distributor_id),
                figures.get(one.member.distributor_id),
            )
            for one in found
        )
        return Gathered(members, int(ids[-1]))

    async def sales(self, plan: Plan, period: Period, recorded_until: datetime) -> int:
        """The base of all orders of the period."""
        asked = question(plan, period.start, period.end, recorded_until)
        return (await self._orders.sold(asked=asked, distributor_ids=[])).total_minor

    async def _figures(
        self,
        needs: Sequence[Need],
        of: tuple[str, datetime],
        recorded_until: datetime,
        found: Sequence[MemberAt],
    ) -> dict[DistributorId, dict[str, int]]:
        """What conditions ask about each, as of the end of the period."""
        if not needs:
            return {}
        currency, end = of
        asked = [
            ActivityBefore(
                distributor_id=one.member.distributor_id,
                currency=currency,
                before=end,
                within_days=days,
                recorded_until=recorded_until,
            )
            for days in windows(needs)
            for one in found
        ]
        answers = await self._orders.activity_before(asked=asked)
        known = {
            (one.distributor_id, one.within_days): answer for one, answer in zip(asked, answers, strict=True)
        }
        return {
            one.member.distributor_id: {
                need.name: _figure(need, known.get((one.member.distributor_id, need.within_days)), one, end)
                for need in needs
            }
            for one in found
        }


def _figure(need: Need, activity: Activity | None, one: MemberAt, end: datetime) -> int:
    if need.field == "days_registered":
        return (end - one.joined_at) // _DAY
    if activity is None:
        message = f"nobody has told {need.name} of distributor {one.member.distributor_id}"
        raise ValueError(message)
    return activity.paid_orders if need.field == "paid_orders" else activity.sales_minor


def _member(
    one: MemberAt, sold: SoldBy | None, placed: Placement | None, figures: dict[str, int] | None
) -> Member:
    return Member(
        distributor_id=one.member.distributor_id,
        grade=one.member.grade,
        rank=one.member.rank,
        active=one.member.status == "active" and one.member.earns,
        facts=figures,
        personal_minor=sold.personal_minor if sold else 0,
        team_minor=sold.team_minor if sold else 0,
        sponsor_id=one.sponsor_id,
        placement_parent_id=placed.parent_id if placed else None,
        position=placed.position if placed else None,
    )
