"""Grades that hang on rewards (等级): given once a tier is reached, kept for its periods, taken away where it is missed.

The rules that count are those of the latest period looked at, per currency and kind of period. Nobody is lowered
below what he had before rewards raised him, and whoever was given another grade by hand since keeps that.
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.rewards import (
    Opened,
    Promotion,
    Regrade,
    StandingKey,
    highest,
    of_kind,
    regrade,
)
from fenxiao.commission.queries import rewards
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.store import rewards as store
from fenxiao.engine.periods import Period, period_before
from fenxiao.engine.rewards.grant import graded
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.infra.db.database import Database
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.ids import DistributorId, RuleId
from fenxiao.network.api import GradeChange, NetworkApi, Seller, SellerQuestion

_PAGE = 500


class Grading:
    """Gives and takes away."""

    def __init__(
        self, db: Database, clock: Clock, zone: ZoneInfo, *, network: NetworkApi, plans: Plans
    ) -> None:
        self._db, self._clock, self._zone = db, clock, zone
        self._network, self._plans = network, plans

    async def grade(self, cursor: int) -> int | None:
        """Look at the next distributors by id behind `cursor`; the last of them, None behind the last of all."""
        ids = await rewards.graded(self._db, cursor, _PAGE)
        if not ids:
            return None
        wanted = await self._wanted(ids)
        given = await rewards.promotions(self._db, ids)
        ids_with = [one for one in ids if one in wanted or one in given]
        if ids_with:
            ranks = await self._network.grade_ranks()
            current = await self._current(ids_with)
            decided = {
                one: change
                for one in ids_with
                if one in current
                and (
                    change := regrade(
                        current[one], given.get(one), highest(wanted.get(one, ()), ranks), ranks
                    )
                )
            }
            await self._apply(decided)
        return int(ids[-1])

    async def _wanted(self, ids: Sequence[DistributorId]) -> dict[int, list[str | None]]:
        """The grades that rewards give each of these by now."""
        latest = await rewards.latest(self._db)
        plans = await self._plans.of(RuleId(one.rule_id) for one in latest)
        found: dict[int, list[str | None]] = {}
        for opened in latest:
            giving = [
                one
                for one in of_kind(plans[RuleId(opened.rule_id)], opened.kind)
                if any(tier.grade for tier in one.tier_list())
            ]
            if not giving:
                continue
            reached = await rewards.reached(self._db, opened, [one.name for one in giving], ids)
            for grade, distributor_id in self._grades(opened, giving, reached):
                found.setdefault(distributor_id, []).append(grade)
        return found

    def _grades(
        self,
        opened: Opened,
        giving: Sequence[RewardParams],
        reached: Mapping[StandingKey, Mapping[str, int | None]],
    ) -> list[tuple[str | None, int]]:
        params = {one.name: one for one in giving}
        return [
            (graded(params[name], self._backwards(opened, tiers)), distributor_id)
            for (name, distributor_id), tiers in reached.items()
        ]

    def _backwards(self, opened: Opened, tiers: Mapping[str, int | None]) -> list[int | None]:
        """The tiers period by period, the latest first, as far back as there are any."""
        period = Period(opened.kind, opened.period, opened.since, opened.until)
        left, found = set(tiers), []
        while left:
            found.append(tiers.get(period.key))
            left.discard(period.key)
            period = period_before(period, self._zone)
        return found

    async def _current(self, ids: Sequence[DistributorId]) -> dict[int, str | None]:
        asked = [SellerQuestion(distributor_id=one) for one in ids]
        answers = await self._network.sellers(asked=asked)
        return {
            one.member.distributor_id: one.member.grade
            for one in answers
            if isinstance(one, Seller) and one.member.earns
        }

    async def _apply(self, decided: Mapping[DistributorId, Regrade]) -> None:
        """What was given is noted before, what is taken away behind: a kill in between then loses no way back."""
        raised = {one: change for one, change in decided.items() if change.after is not None}
        await self._note({one: change.after for one, change in raised.items()})
        changes = [
            GradeChange(distributor_id=one, grade=change.grade, expected=change.expected, reason="reward")
            for one, change in sorted(decided.items())
        ]
        if changes:
            await self._network.set_grades(changes=changes)
        await self._note({one: None for one in decided if one not in raised})

    async def _note(self, some: Mapping[DistributorId, Promotion | None]) -> None:
        if some:
            async with self._db.begin() as tx:
                await store.promote(tx, {int(one): given for one, given in some.items()}, self._clock())
