"""Recomputation: every order is evaluated again from its history and its rule version, and compared with what is booked.

Entries are read only to be compared, never to compute one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fenxiao.commission.domain.booking import Claim
from fenxiao.commission.domain.comparison import Odd, compare_books, compare_entries
from fenxiao.commission.domain.figures import NOTHING, OfPeople, compare_figures
from fenxiao.commission.queries import figures
from fenxiao.commission.queries import stored as reads
from fenxiao.commission.queries.stored import Stored
from fenxiao.commission.service.figures import Facts
from fenxiao.commission.service.histories import accrued, claim
from fenxiao.commission.service.plans import Plans
from fenxiao.engine.plan import Plan
from fenxiao.infra.db.database import Database
from fenxiao.kernel.ids import OrderId, RuleId
from fenxiao.orders.api import OrderHistory, OrdersApi

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class OddOrder:
    """Something odd about an order; `in_flight`: its events have not all been delivered yet."""

    odd: Odd
    in_flight: bool


class Recomputation:
    """Recomputes the whole book, some hundred orders at a time."""

    def __init__(self, db: Database, orders: OrdersApi, plans: Plans, facts: Facts) -> None:
        self._db = db
        self._orders = orders
        self._plans = plans
        self._facts = facts

    async def oddities(self) -> AsyncIterator[OddOrder]:
        """Everything that is not booked as the histories say, order by order."""
        on_the_way = set(await self._orders.in_flight())
        cursor = OrderId(0)
        while histories := await self._orders.orders_after(cursor=cursor, limit=_CHUNK):
            plans = await self._plans.of(history.rule_id for history in histories)
            last = histories[-1].order_id
            stored = await reads.between(self._db, cursor, last)
            kept = dict(await figures.between(self._db, cursor, last))
            needing = [one for one in await self._facts.needing(histories) if accrued(one[0], one[1])]
            made = await self._facts.gathered(needing)
            for history in histories:
                known, there = made.get(history.order_id), kept.pop(history.order_id, None)
                for odd in (
                    *_compared(history, plans, known or NOTHING, stored.pop(history.order_id, None)),
                    *compare_figures(history.order_id, known, there),
                ):
                    yield OddOrder(odd, history.order_id in on_the_way)
                await asyncio.sleep(0)
            for odd in _unknown(stored.values()):
                yield OddOrder(odd, in_flight=False)
            cursor = last
        async for odd in self._beyond(cursor):
            yield OddOrder(odd, in_flight=False)

    async def _beyond(self, last: int) -> AsyncIterator[Odd]:
        """What is booked of orders that do not exist."""
        while (order_id := await reads.next_order(self._db, last)) is not None:
            for odd in _unknown((await reads.between(self._db, last, order_id)).values()):
                yield odd
            last = order_id


def _compared(
    history: OrderHistory, plans: Mapping[RuleId, Plan], known: OfPeople, stored: Stored | None
) -> Iterator[Odd]:
    made: Claim | None = None
    if history.rule_id is not None:
        try:
            made = claim(history, plans[history.rule_id], known)
        except ValueError as error:
            yield Odd(f"order {history.order_id}", "facts that can be evaluated", str(error))
            return
    yield from _both(history.order_id, made, stored)


def _unknown(stored: Iterable[Stored]) -> Iterator[Odd]:
    for one in stored:
        yield from _both(one.order_id, None, one)


def _both(order_id: int, made: Claim | None, stored: Stored | None) -> Iterator[Odd]:
    book = None
    if stored is not None and stored.steps is not None:
        names = ("rule_id", "currency", "steps", "release_at")
        book = {name: getattr(stored, name) for name in names}
    yield from compare_books(order_id, made, book)
    yield from compare_entries(order_id, made, [] if stored is None else stored.entries)
