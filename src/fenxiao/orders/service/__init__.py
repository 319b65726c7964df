"""Use cases of orders. `Orders` is the near implementation of `OrdersApi`, and what the HTTP routes call."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from fenxiao.catalog.api import CatalogApi
from fenxiao.infra import context
from fenxiao.infra.context import RequestContext
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import holds
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.transaction import Prior
from fenxiao.kernel.errors import KeyBusy, KeyReused, Refusal
from fenxiao.kernel.ids import DistributorId, OrderId
from fenxiao.kernel.paging import Page
from fenxiao.network.api import DistributorMissing, NetworkApi
from fenxiao.orders.api import (
    Activity,
    ActivityBefore,
    ActivityQuestion,
    FactsPage,
    NewOrder,
    NewRefund,
    OrderHistory,
    OrderMissing,
    PaidSpan,
    PlacedOrder,
    Refund,
    SellingStretch,
    Sold,
    SoldQuestion,
    Transition,
)
from fenxiao.orders.queries import activity, known, listing, packed, sold, trail, views
from fenxiao.orders.queries.histories import Histories
from fenxiao.orders.queries.listing import Filter
from fenxiao.orders.queries.trail import HistoryEntry
from fenxiao.orders.queries.views import Head, OrderView
from fenxiao.orders.service.attempt import Answered, Asked, once_of
from fenxiao.orders.service.committing import CATALOG
from fenxiao.orders.service.placing import Placing
from fenxiao.orders.service.policies import OrderPolicies
from fenxiao.orders.service.refunding import Refunding
from fenxiao.orders.service.shipping import Shipping
from fenxiao.orders.service.transitions import PaymentNote, Transitions
from fenxiao.rules.api import RulesApi

SWEPT_AT_ONCE = 500
SWEEP_EVERY = timedelta(seconds=30)
UNPAID_EVERY = timedelta(seconds=15)

_log = structlog.get_logger(__name__)


class Orders:
    """订单: what was sold to whom at what price and by whom."""

    def __init__(
        self,
        db: Database,
        cipher: Cipher,
        *,
        network: NetworkApi,
        catalog: CatalogApi,
        rules: RulesApi,
        currency: str,
    ) -> None:
        self._db, self._cipher, self._catalog = db, cipher, catalog
        self._placing = Placing(db, cipher, network=network, catalog=catalog, rules=rules, currency=currency)
        self._transitions = Transitions(db, cipher, rules)
        self._shipping = Shipping(db, catalog)
        self._refunding = Refunding(db)
        self._histories = Histories()
        self.policies = OrderPolicies(db)

    # What other contexts ask

    async def place_orders(self, *, orders: Sequence[NewOrder]) -> list[PlacedOrder | Refusal]:
        """See `OrdersApi`."""
        actor = context.current().actor
        answers = await self._placing.place(
            [Asked(order=order, actor=actor, once=once_of(order)) for order in orders]
        )
        placed: list[PlacedOrder | Refusal] = []
        for answer in answers:
            if isinstance(answer, Answered):
                placed.append(answer.order)
            elif isinstance(answer, Refusal):
                placed.append(answer)
            else:
                raise answer
        return placed

    async def ship_orders(self, *, orders: Sequence[Transition]) -> list[Refusal | None]:
        """See `OrdersApi`."""
        return await self._shipping.ship(orders)

    async def complete_orders(self, *, orders: Sequence[Transition]) -> list[Refusal | None]:
        """See `OrdersApi`."""
        return await self._transitions.complete(orders)

    async def refund_orders(self, *, refunds: Sequence[NewRefund]) -> list[Refund | Refusal]:
        """See `OrdersApi`."""
        return await self._refunding.refund(refunds)

    async def known_external_ids(self, *, channel: str, external_ids: Sequence[str]) -> dict[str, OrderId]:
        """See `OrdersApi`."""
        found = await known.ids_by_external(
            self._db, [(channel, external_id) for external_id in external_ids]
        )
        return {external_id: order_id for (_, external_id), order_id in found.items()}

    async def histories(self, *, order_ids: Sequence[OrderId]) -> list[OrderHistory]:
        """See `OrdersApi`."""
        return await self._histories.of(self._db, order_ids)

    async def orders_after(self, *, cursor: OrderId, limit: int) -> list[OrderHistory]:
        """See `OrdersApi`."""
        return await self._histories.after(self._db, cursor, limit)

    async def activity(self, *, asked: Sequence[ActivityQuestion]) -> list[Activity | None]:
        """See `OrdersApi`."""
        return await activity.at_payment(self._db, asked)

    async def activity_before(self, *, asked: Sequence[ActivityBefore]) -> list[Activity]:
        """See `OrdersApi`."""
        return await activity.before(self._db, asked)

    async def recorded_until(self) -> datetime:
        """See `OrdersApi`."""
        return await activity.recorded_until(self._db)

    async def sold(self, *, asked: SoldQuestion, distributor_ids: Sequence[DistributorId]) -> Sold:
        """See `OrdersApi`."""
        return await sold.sold(self._db, asked, distributor_ids)

    async def sold_in(
        self, *, currency: str, recorded_until: datetime, stretches: Sequence[SellingStretch]
    ) -> list[int]:
        """See `OrdersApi`."""
        return await sold.within(self._db, currency, recorded_until, stretches)

    async def sold_anew(self, *, asked: Sequence[tuple[SoldQuestion, datetime]]) -> list[bool]:
        """See `OrdersApi`."""
        return await sold.changed(self._db, asked)

    async def currencies(self) -> list[str]:
        """See `OrdersApi`."""
        return await sold.currencies(self._db)

    async def facts_after(self, *, span: PaidSpan, cursor: OrderId, limit: int) -> FactsPage:
        """See `OrdersApi`."""
        return await packed.facts_after(self._db, span, cursor, limit)

    async def paid_within(self, *, span: PaidSpan) -> int:
        """See `OrdersApi`."""
        return await packed.paid_within(self._db, span)

    async def in_flight(self) -> list[OrderId]:
        """See `OrdersApi`. An order's commission hangs on the same events."""
        return await known.unpublished(self._db)

    # What people ask

    async def place_asked(self, asked: Sequence[Asked]) -> list[Answered | Refusal | Exception]:
        """Place orders of several people in one go, in the name of none of them; each order keeps its own actor."""
        actors = {each.actor for each in asked}
        with context.use(RequestContext(actor=actors.pop() if len(actors) == 1 else "orders")):
            return await self._placing.place(asked)

    async def head(self, order_id: OrderId) -> Head:
        """Whose order it is, and in what currency; raises OrderMissing."""
        found = await views.head(self._db, order_id)
        if found is None:
            raise OrderMissing(order_id=order_id)
        return found

    def hidden(self, distributor_id: DistributorId) -> Refusal:
        """What someone is told who asks for a distributor that is not his: the same as if there were none."""
        return DistributorMissing(distributor_id=distributor_id)

    async def order(self, order_id: OrderId) -> OrderView:
        """One order; raises OrderMissing."""
        found = await views.views(self._db, self._cipher, [order_id])
        if not found:
            raise OrderMissing(order_id=order_id)
        return found[0]

    async def page(self, wanted: Filter, *, limit: int, cursor: str | None) -> Page[OrderView]:
        """Orders, the newest first."""
        return await listing.page(self._db, self._cipher, wanted, limit=limit, cursor=cursor)

    async def history(self, order_id: OrderId) -> list[HistoryEntry]:
        """Every version of the order: who made it, when, and how."""
        return await trail.history(self._db, order_id)

    async def pay_order(self, *, order_id: OrderId, note: PaymentNote) -> None:
        """A pending order is paid."""
        await self._transitions.pay(order_id=order_id, note=note)

    async def ship_order(self, *, order_id: OrderId) -> None:
        """A paid order leaves the warehouse."""
        _raise(await self._shipping.ship([Transition(order_id=order_id)]))

    async def complete_order(self, *, order_id: OrderId) -> None:
        """A shipped order has arrived."""
        _raise(await self._transitions.complete([Transition(order_id=order_id)]))

    async def cancel_order(self, *, order_id: OrderId) -> None:
        """A pending order is given up; its stock goes back."""
        _raise(await self._transitions.cancel([Transition(order_id=order_id)]))

    async def refund_order(self, *, refund: NewRefund, once: Once | None) -> Refund:
        """Money, and perhaps units, go back."""
        return await self._refunding.refund_one(refund, once)

    async def kept(self, keys: Sequence[Once]) -> list[Prior | KeyReused]:
        """What is known of requests with these keys; unknown ones are left out."""
        return list((await known.before(self._db, keys, self._db.clock())).kept.values())

    async def remember(self, once: Once) -> None:
        """Bind a key to its request, some of whose work is done; whoever does the same at the moment does it for us."""
        # In a context of its own: that the key is known does not make the answer a kept one.
        with suppress(KeyBusy, KeyReused), context.use(RequestContext(actor=context.current().actor)):
            async with self._db.begin(once=once) as tx:
                if tx.prior is None:
                    tx.keep(None)

    # What the clock asks

    async def cancel_unpaid(self) -> int:
        """Cancel pending orders whose time for payment has run out; how many."""
        return await self._transitions.cancel_unpaid()

    async def sweep(self) -> int:
        """Settle stock whose attempt has run out of time: confirm what was committed, give back the rest; how many.

        The fence comes first: a commit that is late finds it and fails, so stock that goes back is used by nobody.
        """
        overdue = await self._catalog.overdue_holds(before=self._db.clock(), limit=SWEPT_AT_ONCE)
        await self._shipping.settle(
            [hold.order_id for hold in overdue if hold.state == "shipping" and hold.order_id]
        )
        open_ = [hold.hold_id for hold in overdue if hold.state == "open"]
        if open_:
            async with self._db.begin() as tx:
                outcomes = await holds.fence(tx, CATALOG, open_)
            await self._catalog.release_holds(holds=[hold for hold in open_ if outcomes[hold] == "fenced"])
            committed = await known.ids_by_hold(
                self._db, [hold for hold in open_ if outcomes[hold] == "committed"]
            )
            await self._catalog.confirm_holds(holds=list(committed.items()))
        if overdue:
            _log.info("stock of attempts that ran out of time was settled", holds=len(overdue))
        return len(overdue)


def _raise(answers: Sequence[Refusal | None]) -> None:
    for answer in answers:
        if answer is not None:
            raise answer
