"""The sales that rewards rest on, asked of the orders, and who there was, asked of the network.

Every question names what the orders had recorded by then and stands on the network's history, so that the same is
answered whenever it is asked again. Of a team counts what each member sold while he was in it: an order by where its
seller was when it was paid, whoever led then. Whoever leads the team at the last moment of the period gets the reward.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.rewards import Opened, StandingKey, of_kind
from fenxiao.engine.periods import Period
from fenxiao.engine.plan import Plan
from fenxiao.engine.rewards import REWARDS
from fenxiao.engine.rewards.kind import Figures, Spans, Whose
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.kernel.ids import DistributorId, TeamId
from fenxiao.network.api import NetworkApi, TeamStretch
from fenxiao.orders.api import OrdersApi, SellingStretch, SoldBy, SoldQuestion

PAGE = 1000
"""Distributors asked for at once."""

STRETCHES = 2000
"""Stretches of members in teams asked for at once."""

INSTANT = timedelta(microseconds=1)
"""The last moment of a period is so long before its end."""


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
        spans = {one.name: self._spans(one, opened) for one in of_kind(plan, opened.kind)}
        return [question(opened.currency, one, recorded_until) for one in _stretches(spans)]

    async def page(self, plan: Plan, opened: Opened, recorded_until: datetime, cursor: int) -> Gathered:
        """The next distributors by id who had joined before the end, and the figures of those who were active then."""
        found = await self._network.roster(at=opened.until, cursor=cursor, limit=PAGE)
        if not found:
            return Gathered({}, None)
        ids = [
            one.member.distributor_id for one in found if one.member.status == "active" and one.member.earns
        ]
        spans = {one.name: self._spans(one, opened) for one in of_kind(plan, opened.kind)}
        told = await self._sold(opened, recorded_until, ids, spans)
        told |= await self._led(opened, recorded_until, ids, spans)
        return Gathered(told, int(found[-1].member.distributor_id))

    async def _sold(
        self,
        opened: Opened,
        recorded_until: datetime,
        ids: Sequence[DistributorId],
        spans: Mapping[str, Spans],
    ) -> dict[StandingKey, Figures]:
        """The figures of the rewards for one's own sales, and for those of the downline."""
        chosen = {name: one for name, one in spans.items() if one.whose != "led"}
        sold = {
            stretch: {
                one.distributor_id: one
                for one in (
                    await self._orders.sold(
                        asked=question(opened.currency, stretch, recorded_until), distributor_ids=ids
                    )
                ).by
            }
            for stretch in _stretches(chosen)
        }
        return {
            (name, one): _figures(span, {key: _of(span.whose, sold[key].get(one)) for key in _both(span)})
            for name, span in chosen.items()
            for one in ids
        }

    async def _led(
        self,
        opened: Opened,
        recorded_until: datetime,
        ids: Sequence[DistributorId],
        spans: Mapping[str, Spans],
    ) -> dict[StandingKey, Figures]:
        """The figures of the rewards for a team's sales, of those who led one at the last moment of the period."""
        chosen = {name: one for name, one in spans.items() if one.whose == "led"}
        if not chosen or not ids:
            return {}
        teams = await self._network.teams_led(at=opened.until - INSTANT, distributor_ids=ids)
        if not teams:
            return {}
        sold = {
            stretch: await self._team_sales(opened.currency, stretch, recorded_until, list(teams.values()))
            for stretch in _stretches(chosen)
        }
        return {
            (name, leader): _figures(span, {key: sold[key][team] for key in _both(span)}, team)
            for name, span in chosen.items()
            for leader, team in teams.items()
        }

    async def _team_sales(
        self, currency: str, stretch: Period, recorded_until: datetime, team_ids: Sequence[TeamId]
    ) -> Counter[TeamId]:
        """What the members of each team sold while they were in it."""
        sales: Counter[TeamId] = Counter()
        last: TeamStretch | None = None
        while True:
            some = await self._network.team_stretches(
                team_ids=team_ids, since=stretch.start, until=stretch.end, after=last, limit=STRETCHES
            )
            asked = [
                SellingStretch(distributor_id=one.distributor_id, since=one.since, until=one.until)
                for one in some
            ]
            found = await self._orders.sold_in(
                currency=currency, recorded_until=recorded_until, stretches=asked
            )
            for one, minor in zip(some, found, strict=True):
                sales[one.team_id] += minor
            if len(some) < STRETCHES:
                return sales
            last = some[-1]

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


def _both(span: Spans) -> tuple[Period, ...]:
    return (span.sales,) if span.before is None else (span.sales, span.before)


def _stretches(spans: Mapping[str, Spans]) -> list[Period]:
    """Every stretch of time that is asked about, once."""
    return list(dict.fromkeys(stretch for span in spans.values() for stretch in _both(span)))


def _figures(span: Spans, sold: Mapping[Period, int], team_id: TeamId | None = None) -> Figures:
    return Figures(sold[span.sales], 0 if span.before is None else sold[span.before], team_id)


def _of(whose: Whose, one: SoldBy | None) -> int:
    if one is None:
        return 0
    return one.personal_minor if whose == "personal" else one.team_minor
