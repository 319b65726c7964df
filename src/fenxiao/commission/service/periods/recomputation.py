"""Recomputation of periods: what each step rested on is asked again, evaluated again, and compared with what is kept.

Entries are read to be compared, and for caps, which rest on what was earned; that is proven by itself. Of a step
under way nothing is said; it is not booked to the end.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fenxiao.commission.domain.booking import Claim
from fenxiao.commission.domain.closing import (
    NO_ORDER,
    Close,
    Evaluation,
    claim,
    compare_carries,
    compare_members,
)
from fenxiao.commission.domain.comparison import Odd, compare_entries
from fenxiao.commission.queries import periods
from fenxiao.commission.service.periods import facts, news
from fenxiao.commission.service.periods.due import of_close
from fenxiao.commission.service.periods.gathering import Gathering
from fenxiao.commission.service.plans import Plans
from fenxiao.engine.evaluate import AwardKey, Step
from fenxiao.engine.periods import Member
from fenxiao.engine.plan import Plan
from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import RuleId
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import OrdersApi

_CLOSES = 100


@dataclass(frozen=True, slots=True)
class OddClose:
    """Something odd about a close; `in_flight`: the next run that looks at it will find it by itself."""

    odd: Odd
    in_flight: bool = False


class PeriodRecomputation:
    """Recomputes every close."""

    def __init__(self, db: Database, orders: OrdersApi, network: NetworkApi, plans: Plans) -> None:
        self._db = db
        self._gathering = Gathering(orders, network)
        self._plans = plans

    async def oddities(self) -> AsyncIterator[OddClose]:
        """Everything that is not kept or booked as orders and network say, close by close."""
        cursor = 0
        while closes := await periods.after(self._db, cursor, _CLOSES):
            cursor = closes[-1].close_id
            plans = await self._plans.of(RuleId(close.rule_id) for close in closes)
            for close in closes:
                async for odd in self._of(close, plans[RuleId(close.rule_id)]):
                    yield odd

    async def _of(self, close: Close, plan: Plan) -> AsyncIterator[OddClose]:
        subject = f"period_close {close.close_id} ({close.period} {close.currency})"
        found = await periods.evaluations(self._db, close.close_id)
        steps: list[Step] = []
        for evaluation in found[: close.steps]:
            where = f"{subject}, step {evaluation.step}"
            async for odd in self._kept(where, close, plan, evaluation):
                yield OddClose(odd)
            try:
                evaluated = await facts.evaluated(self._db, plan, close, evaluation)
            except ValueError as error:
                yield OddClose(Odd(where, "facts that can be evaluated", str(error)))
                return
            kept = await periods.carries(self._db, close.close_id, evaluation.step)
            for odd in compare_carries(where, evaluated.carries, kept):
                yield OddClose(odd)
            steps.append(Step(evaluation.step, evaluation.at, 0, evaluated.target))
        for odd in await self._booked(subject, close, claim(close, steps)):
            yield OddClose(odd)
        if close.purpose == "caps" and close.stage == "idle":
            then = await periods.accrued_then(self._db, close.close_id, close.steps - 1)
            now = await periods.accrued(self._db, close.currency, close.since, close.until, news.names(plan))
            for odd in _changed(subject, then, now):
                yield OddClose(odd, in_flight=True)

    async def _again(self, close: Close, plan: Plan, evaluation: Evaluation) -> dict[int, Member]:
        """The members as orders and network tell them."""
        cursor: int | None = 0
        made: dict[int, Member] = {}
        while cursor is not None:
            page = await self._gathering.members(plan, of_close(close).period, evaluation.known_until, cursor)
            made |= {member.distributor_id: member for member in page.members}
            cursor = page.last
        return made

    async def _kept(self, where: str, close: Close, plan: Plan, evaluation: Evaluation) -> AsyncIterator[Odd]:
        if close.purpose == "pay":
            made = await self._again(close, plan, evaluation)
            stored = await periods.members(self._db, close.close_id, evaluation.step)
            for odd in compare_members(where, made, stored):
                yield odd
        sales = await self._gathering.sales(plan, of_close(close).period, evaluation.known_until)
        if sales != evaluation.sales_minor:
            yield Odd(f"{where}.sales_minor", str(sales), str(evaluation.sales_minor))

    async def _booked(self, subject: str, close: Close, made: Claim) -> Sequence[Odd]:
        stored = await periods.stored(self._db, close.close_id)
        total = sum(one.commission_amount_minor for one in stored)
        if total != close.booked_minor:
            return [Odd(f"{subject}.booked_minor", str(total), str(close.booked_minor))]
        done = [one for one in stored if one.step < close.steps or close.stage != "booking"]
        return list(compare_entries(NO_ORDER, made, done, about=subject))


def _changed(subject: str, then: Mapping[AwardKey, int], now: Mapping[AwardKey, int]) -> Iterator[Odd]:
    for key in sorted({*then, *now}):
        if then.get(key, 0) != now.get(key, 0):
            component, level, distributor_id = key
            yield Odd(
                f"{subject}, earned by {component} level {level}, distributor {distributor_id}",
                str(now.get(key, 0)),
                str(then.get(key, 0)),
            )
