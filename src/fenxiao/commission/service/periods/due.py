"""Which periods a run has to close, or to look at again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.closing import Close, Purpose
from fenxiao.commission.queries import periods
from fenxiao.commission.service.periods import facts
from fenxiao.commission.service.periods.gathering import question
from fenxiao.commission.service.plans import Plans
from fenxiao.engine.periods import PERIOD_KINDS, Period, period_after, period_before, period_of
from fenxiao.infra.db.database import Database
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.ids import RuleId
from fenxiao.orders.api import OrdersApi

CATCH_UP = 400
"""Periods that a scheduled run makes up for at most."""

LATE = timedelta(days=62)
"""For so long after its end the caps of a period are compared again with what was earned: its last orders may be
booked after it is closed. Later only where the orders tell of something new."""

_CLOSES = 500
_PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A period to be closed, of one currency and for one purpose."""

    currency: str
    period: Period
    purpose: Purpose

    def document(self) -> list[str]:
        """As it stands in a run's cursor."""
        return [self.currency, self.period.key, self.purpose]


def of_close(close: Close) -> Wanted:
    """The same period again."""
    return Wanted(close.currency, Period(close.kind, close.period, close.since, close.until), close.purpose)


class Due:
    """Looks for them."""

    def __init__(self, db: Database, clock: Clock, zone: ZoneInfo, orders: OrdersApi, plans: Plans) -> None:
        self._db, self._clock, self._zone = db, clock, zone
        self._orders, self._plans = orders, plans

    async def of(self, key: str | None) -> list[Wanted]:
        """Those of one period; without a key what has ended since, and what the orders tell something new of."""
        currencies = await self._orders.currencies()
        if key is not None:
            period = facts.read(key, self._zone)
            return [Wanted(one, period, purpose) for one in currencies for purpose in _PURPOSES if period]
        again = {one.close_id: one for one in await periods.unfinished(self._db)}
        again |= {one.close_id: one for one in await self._changed()}
        again |= {one.close_id: one for one in await periods.caps_since(self._db, self._clock() - LATE)}
        found = [*map(of_close, again.values()), *await self._ended(currencies)]
        # The shortest first where they end together: that is their order in the engine too. Caps look at what was paid.
        kinds = {kind: place for place, kind in enumerate(PERIOD_KINDS)}
        return sorted(
            found,
            key=lambda one: (
                one.period.end,
                kinds[one.period.kind],
                _PURPOSES.index(one.purpose),
                one.currency,
            ),
        )

    async def _ended(self, currencies: Sequence[str]) -> list[Wanted]:
        """Periods that have ended since the last that is closed, the last alone where none is."""
        now, ends = self._clock(), await periods.last_ends(self._db)
        found: list[Wanted] = []
        for currency in currencies:
            for kind in PERIOD_KINDS:
                last = period_before(period_of(now, kind, self._zone), self._zone)
                for purpose in _PURPOSES:
                    known = ends.get((currency, kind, purpose))
                    following = last if known is None else period_of(known, kind, self._zone)
                    while following.end <= last.end and len(found) < CATCH_UP:
                        found.append(Wanted(currency, following, purpose))
                        following = period_after(following, self._zone)
        return found

    async def _changed(self) -> list[Close]:
        """Closes of whose sales the orders have recorded something since; of the others that is noted."""
        now, cursor = await self._orders.recorded_until(), 0
        found: list[Close] = []
        while some := await periods.after(self._db, cursor, _CLOSES):
            cursor = some[-1].close_id
            plans = await self._plans.of(RuleId(one.rule_id) for one in some)
            asked = [
                (question(plans[RuleId(one.rule_id)], one.since, one.until, now), one.known_until)
                for one in some
            ]
            anew = dict(zip(some, await self._orders.sold_anew(asked=asked), strict=True))
            found += [one for one in some if anew[one]]
            await self._note([one for one in some if not anew[one] and one.stage == "idle"], now)
        return found

    async def _note(self, closes: Sequence[Close], now: datetime) -> None:
        async with self._db.begin() as tx:
            await tx.execute(
                "update period_close c set known_until = $1 from unnest($2::bigint[], $3::int[]) as t (close_id, steps)"
                " where c.close_id = t.close_id and c.steps = t.steps and c.stage = 'idle' and c.known_until < $1",
                now,
                [one.close_id for one in closes],
                [one.steps for one in closes],
            )
