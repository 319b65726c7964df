"""The rewards of a simulation (模拟的奖励): what each would have granted for a period, beside what was granted for it.

Everybody's sales are asked as a real run asks them, by what is recorded now, page by page, and stand by the same
function. Of people only the number is kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from fenxiao.commission.domain import hashes
from fenxiao.commission.domain.rewards import Opened, StandingKey, stood
from fenxiao.commission.domain.simulation import Outcome, RewardSums, periods_of
from fenxiao.commission.queries import rewards
from fenxiao.commission.queries import simulation as reads
from fenxiao.commission.queries.simulation import GrantedInPeriod, Simulation
from fenxiao.commission.service.rewards.gathering import Gathering
from fenxiao.commission.service.rewards.starting import KINDS, read
from fenxiao.commission.service.simulation_periods import Simulated, Wanted, in_order
from fenxiao.engine.periods import Period
from fenxiao.engine.plan import Plan
from fenxiao.engine.rewards.kind import Figures
from fenxiao.engine.rewards.params import RewardPeriod
from fenxiao.infra.db.database import Database
from fenxiao.orders.api import OrdersApi


class SimulatedRewards:
    """Reckons them."""

    def __init__(self, db: Database, zone: ZoneInfo, orders: OrdersApi, gathering: Gathering) -> None:
        self._db, self._zone, self._orders = db, zone, orders
        self._gathering = gathering

    async def wanted(self, simulation: Simulation, plan: Plan) -> Wanted:
        """The periods for which the plan has rewards, and those that were looked at for rewards."""
        start, end = simulation.paid_from, simulation.paid_to
        whole: dict[str, Period] = {}
        parts: dict[str, Period] = {}
        for kind in {one.period for one in plan.rewards}:
            inside, across = periods_of(kind, start, end, self._zone)
            whole |= {one.key: one for one in inside}
            parts |= {one.key: one for one in across}
        for opened in await rewards.within(self._db, simulation.currency, start, end):
            lies_in = opened.since >= start and opened.until <= end
            period = Period(opened.kind, opened.period, opened.since, opened.until)
            (whole if lies_in else parts).setdefault(opened.period, period)
        return Wanted(in_order(whole.values()), tuple(one.key for one in in_order(parts.values())))

    async def reckon(self, simulation: Simulation, plan: Plan, key: str) -> Simulated | None:
        """What a period would have granted and granted; None where it is to stop."""
        period = read(key, self._zone)
        assert period is not None  # noqa: S101 - `wanted` named it
        (kind,) = [one for one in KINDS if one == period.kind]
        granted = await reads.granted_in_period(self._db, simulation.currency, kind, key)
        recorded = await self._orders.recorded_until()
        opened = _opened(simulation, kind, period)
        would, heads = Counter[str](), Counter[str]()
        into, out = hashes.page(_packed(granted)), hashes.page(key.encode())
        last: int | None = 0 if any(one.period == kind for one in plan.rewards) else None
        while last is not None:
            if await reads.is_cancelled(self._db, simulation.run_id):
                return None
            page = await self._gathering.page(plan, opened, recorded, last)
            found = stood(plan, kind, page.told, {})
            for one in found:
                would[one.reward] += one.standing.amount_minor
                heads[one.reward] += one.standing.amount_minor > 0
            into = hashes.folded(into, [hashes.page(_packed(_figures(page.told)))])
            out = hashes.folded(out, [hashes.page(_packed(found))])
            last = page.last
        sums = _sums([one.name for one in plan.rewards if one.period == kind], key, (would, heads), granted)
        return Simulated({}, Outcome(rewards=sums), (), into, out)


def _opened(simulation: Simulation, kind: RewardPeriod, period: Period) -> Opened:
    """The period as a run that has just begun would see it; of it only when and which counts."""
    return Opened(
        reward_period_id=0,
        rule_id=simulation.rule_id,
        currency=simulation.currency,
        kind=kind,
        period=period.key,
        since=period.start,
        until=period.end,
        steps=0,
        stage="granting",
        position=0,
        known_until=period.end,
    )


def _sums(
    names: Sequence[str],
    key: str,
    made: tuple[Counter[str], Counter[str]],
    granted: Sequence[GrantedInPeriod],
) -> list[RewardSums]:
    """The rewards of the plan in its order, then those that it does not have."""
    would, heads = made
    was = {one.reward: (one.amount_minor, one.heads) for one in granted}
    every = (*names, *sorted(was.keys() - set(names)))
    nothing = (0, 0)
    return [
        RewardSums(name, key, would[name], was.get(name, nothing)[0], heads[name], was.get(name, nothing)[1])
        for name in every
    ]


def _figures(told: Mapping[StandingKey, Figures]) -> list[tuple[StandingKey, Figures]]:
    return sorted(told.items(), key=lambda one: one[0])


def _packed(what: object) -> bytes:
    return msgspec.json.encode(what, order="deterministic")
