"""The sales that rewards rest on, asked of the orders, and who there was, asked of the network.

Every question names what the orders had recorded by then and stands on the network's history, so that the same is
answered whenever it is asked again.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.rewards import Opened, StandingKey, of_kind
from fenxiao.engine.periods import Period
from fenxiao.engine.plan import Plan
from fenxiao.engine.rewards import REWARDS
from fenxiao.engine.rewards.kind import Figures, Spans
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import OrdersApi, SoldBy, SoldQuestion

PAGE = 1000
"""Distributors asked for at once."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A page of distributors with their figures; `last` is the id to read on behind, None behind the last of all."""

    told: dict[StandingKey, Figures]
    last: int | None


class Gathering:
    """Asks."""

    def __init__(self, orders: OrdersApi, network: NetworkApi, zone: ZoneInfo) -> None:
        self._orders, self._network, self._zone = orders, network, zone

    def questions(self, plan: Plan, opened: Opened, recorded_until: datetime) -> list[SoldQuestion]:
        """Everything that is asked of a period, each once."""
        found = []
        for params in of_kind(plan, opened.kind):
            spans = self._spans(params, opened)
            found += [
                question(opened.currency, span, recorded_until)
                for span in (spans.sales, spans.before)
                if span is not None
            ]
        return list(dict.fromkeys(found))

    async def page(self, plan: Plan, opened: Opened, recorded_until: datetime, cursor: int) -> Gathered:
        """The next distributors by id who had joined before the end, and the figures of those who were active then."""
        found = await self._network.roster(at=opened.until, cursor=cursor, limit=PAGE)
        if not found:
            return Gathered({}, None)
        ids = [
            one.member.distributor_id for one in found if one.member.status == "active" and one.member.earns
        ]
        sold = {
            asked: {one.distributor_id: one for one in answer.by}
            for asked in self.questions(plan, opened, recorded_until)
            for answer in [await self._orders.sold(asked=asked, distributor_ids=ids)]
        }
        told: dict[StandingKey, Figures] = {}
        for params in of_kind(plan, opened.kind):
            spans = self._spans(params, opened)
            now = sold[question(opened.currency, spans.sales, recorded_until)]
            before = (
                {} if spans.before is None else sold[question(opened.currency, spans.before, recorded_until)]
            )
            told |= {(params.name, one): _figures(spans, now.get(one), before.get(one)) for one in ids}
        return Gathered(told, int(found[-1].member.distributor_id))

    def _spans(self, params: RewardParams, opened: Opened) -> Spans:
        period = Period(opened.kind, opened.period, opened.since, opened.until)
        return REWARDS[params.type].spans(params, period, self._zone)


def question(currency: str, span: Period, recorded_until: datetime) -> SoldQuestion:
    """Orders paid in a stretch of time, less their refunds known by then; of the goods alone, whatever the plan's base."""
    return SoldQuestion(
        currency=currency,
        reached="paid",
        since=span.start,
        until=span.end,
        base="paid_amount",
        recorded_until=recorded_until,
    )


def _figures(spans: Spans, now: SoldBy | None, before: SoldBy | None) -> Figures:
    def of(one: SoldBy | None) -> int:
        if one is None:
            return 0
        return one.personal_minor if spans.whose == "personal" else one.team_minor

    return Figures(of(now), of(before))
