"""Use cases of the sales figures."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import asyncpg

from fenxiao.analytics import queries
from fenxiao.analytics.api import SalesTotals
from fenxiao.analytics.domain.facts import Fact, Key
from fenxiao.analytics.queries import SlotDifference
from fenxiao.analytics.reports import sales
from fenxiao.analytics.reports.sales import SalesQuestion, SalesRow
from fenxiao.analytics.service.history import facts_of
from fenxiao.commission.api import CommissionApi
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.ids import OrderId
from fenxiao.kernel.paging import Page
from fenxiao.orders.api import OrdersApi

BREATH = 50
UNKNOWN_ZONE = "There is no time zone {zone}; send a name such as Asia/Shanghai."


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Facts of some orders as they should be, as they are, and how far the comparison has come."""

    expected: dict[Key, Fact]
    found: dict[Key, Fact]
    cursor: OrderId | None


class Analytics:
    """数据分析: the near implementation of `AnalyticsApi`, and what HTTP, consumers and checks ask besides."""

    def __init__(self, db: Database, orders: OrdersApi, commission: CommissionApi) -> None:
        self._db = db
        self._orders = orders
        self._commission = commission

    async def totals(self, *, currency: str) -> SalesTotals:
        """The whole span of the sales report in one row."""
        return await queries.totals(self._db, currency)

    async def follow(self, delivery: Delivery, named: Collection[Key]) -> None:
        """Bring in what has happened to the orders of a batch of events; `named` are the facts they speak of.

        Whatever else is missing of those orders comes along. Facts that are there already stay as they are.
        """
        known = await queries.known(self._db, sorted({order_id for order_id, _, _ in named}))
        facts = await self._missing({key for key in named if key not in known}, known)
        async with self._db.begin(once=delivery) as tx:
            if facts:
                await queries.add(tx, facts)

    async def _missing(self, wanted: set[Key], known: set[Key]) -> list[Fact]:
        order_ids = sorted({OrderId(order_id) for order_id, _, _ in wanted})
        if not order_ids:
            return []
        # Bookings before histories: a booked step then finds its refund in the history that is read after it.
        paid_out = sorted({OrderId(order_id) for order_id, kind, _ in wanted if kind == "commission"})
        booked = await self._commission.booked(order_ids=paid_out) if paid_out else []
        by_order = {one.order_id: one for one in booked}
        histories = await self._orders.histories(order_ids=order_ids)
        facts: list[Fact] = []
        for number, history in enumerate(histories):
            facts.extend(facts_of(history, by_order.get(history.order_id), known))
            if number % BREATH == BREATH - 1:
                # Others get the loop in between: a batch takes longer than anybody should wait.
                await asyncio.sleep(0)
        return facts

    async def sales(self, asked: SalesQuestion, *, cursor: str | None, limit: int | None) -> Page[SalesRow]:
        """A page of the sales report."""
        try:
            return await sales.read(self._db, asked, cursor=cursor, limit=limit)
        except asyncpg.InvalidParameterValueError:
            # Python knows the zone, the server's PostgreSQL does not.
            raise Invalid(errors=(FieldError("tz", UNKNOWN_ZONE, {"zone": asked.zone}),)) from None

    async def compare_after(self, cursor: OrderId, limit: int) -> Comparison:
        """Facts recomputed from the next orders and their bookings, beside those that are kept."""
        histories = await self._orders.orders_after(cursor=cursor, limit=limit)
        ids = [history.order_id for history in histories]
        booked = {one.order_id: one for one in await self._commission.booked(order_ids=ids)} if ids else {}
        expected = [fact for history in histories for fact in facts_of(history, booked.get(history.order_id))]
        found = await queries.between(self._db, cursor, ids[-1] if ids else None)
        return Comparison(expected=_by_key(expected), found=_by_key(found), cursor=ids[-1] if ids else None)

    async def in_flight(self) -> set[OrderId]:
        """Orders of which events are still on their way."""
        return {*await self._orders.in_flight(), *await self._commission.in_flight()}

    async def slot_differences(self) -> list[SlotDifference]:
        """Rows of the sales report that are not the sums of their facts."""
        return await queries.slot_differences(self._db)


def _by_key(facts: Sequence[Fact]) -> dict[Key, Fact]:
    return {fact.key: fact for fact in facts}
