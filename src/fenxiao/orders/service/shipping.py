"""Shipping: claim the order, let the warehouse take the units, commit that the order is shipped.

The claim makes us the only one who talks to the warehouse about the order, so that a shipment is never taken back
under somebody else's feet. What was shipped is decided on the order's version; if a refund came between, the
shipment is taken back and made anew with fewer units.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from fenxiao.catalog.api import CatalogApi, Shipment, Shipped, StockLine
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.starts_over import ATTEMPTS, starts_over
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import HoldId, OrderId, ProductId
from fenxiao.orders.api import OrderMissing, ShippingUnderWay, Transition
from fenxiao.orders.domain.states import refusal
from fenxiao.orders.service.transitions import announce, decided
from fenxiao.orders.store import refunds, shipping, transitions

CLAIM_FOR = timedelta(seconds=15)
"""How long one try may take; after that the claim may be taken over and the shipment is the sweep's."""


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What has to leave for one order, as it stood at `version`."""

    order_id: OrderId
    hold_id: HoldId
    version: int
    units: Mapping[ProductId, int]
    at: datetime


class Shipping:
    """发货: paid orders leave the warehouse."""

    def __init__(self, db: Database, catalog: CatalogApi) -> None:
        self._db, self._catalog = db, catalog

    async def ship(self, orders: Sequence[Transition]) -> list[Refusal | None]:
        """Ship paid orders; one that stands twice in the list is shipped once and then found shipped."""
        first: dict[OrderId, Transition] = {}
        for order in orders:
            first.setdefault(order.order_id, order)
        answers = await self._all(first)
        again = await self._all(
            {order.order_id: order for order in orders if first[order.order_id] is not order}
        )
        return [
            answers[order.order_id] if first[order.order_id] is order else again[order.order_id]
            for order in orders
        ]

    async def _all(self, orders: Mapping[OrderId, Transition]) -> dict[OrderId, Refusal | None]:
        holder = uuid4()
        answers: dict[OrderId, Refusal | None] = {}
        for attempt in range(ATTEMPTS):
            waiting = [order for order_id, order in orders.items() if order_id not in answers]
            if not waiting:
                break
            if attempt:
                await asyncio.sleep(0.005 * 2**attempt)
            answers |= await self._try(waiting, holder)
        return {order_id: answers.get(order_id, ShippingUnderWay(order_id=order_id)) for order_id in orders}

    async def _try(self, orders: Sequence[Transition], holder: UUID) -> dict[OrderId, Refusal | None]:
        """One try; orders that moved meanwhile, or that somebody else is shipping, have no answer."""
        now = self._db.clock()
        deadline = now + CLAIM_FOR
        answers, parcels = await self._claim(orders, holder, now, deadline)
        if not parcels:
            return answers
        try:
            taken = await self._catalog.ship(shipments=[_shipment(parcel, deadline) for parcel in parcels])
        except Exception:
            # What became of it is not known; taking it back is safe as long as the claim is ours.
            with suppress(Exception):
                await self._take_back([parcel.order_id for parcel in parcels], holder)
            raise
        ready, wrong = [], []
        for parcel, answer in zip(parcels, taken, strict=True):
            if isinstance(answer, Refusal):
                answers[parcel.order_id] = answer
            elif _units(answer) == parcel.units:
                ready.append(parcel)
            else:
                wrong.append(parcel.order_id)
        shipped, moved = await self._commit(ready, holder, deadline)
        answers |= dict.fromkeys(shipped)
        await self._take_back(wrong + moved, holder)
        await self._end(
            holder, [parcel.order_id for parcel in parcels if parcel.order_id not in set(shipped)]
        )
        return answers

    @starts_over
    async def _claim(
        self, orders: Sequence[Transition], holder: UUID, now: datetime, deadline: datetime
    ) -> tuple[dict[OrderId, Refusal | None], list[_Parcel]]:
        answers: dict[OrderId, Refusal | None] = {}
        async with self._db.begin() as tx:
            found = await transitions.lock(tx, [order.order_id for order in orders])
            for order in orders:
                standing = found.get(order.order_id)
                if standing is None:
                    answers[order.order_id] = OrderMissing(order_id=order.order_id)
                elif (refused := refusal(order.order_id, standing.status, "shipped")) is not None:
                    answers[order.order_id] = refused
            open_ = [order for order in orders if order.order_id not in answers]
            mine = await shipping.claim(tx, [order.order_id for order in open_], holder, now, deadline)
            left = await refunds.left(tx, mine)
        parcels = [
            _Parcel(
                order.order_id,
                found[order.order_id].hold_id,
                found[order.order_id].version,
                _left(left[order.order_id]),
                order.at or now,
            )
            for order in open_
            if order.order_id in mine
        ]
        return answers, parcels

    @starts_over
    async def _commit(
        self, parcels: Sequence[_Parcel], holder: UUID, deadline: datetime
    ) -> tuple[list[OrderId], list[OrderId]]:
        """Write what has left as shipped; answers that, and the orders that moved meanwhile.

        An order whose claim is no longer ours is in neither list: its shipment is the new holder's.
        """
        if not parcels:
            return [], []
        changes, moved = [], []
        async with self._db.begin() as tx:
            if self._db.clock() >= deadline:
                return [], []
            found = await transitions.lock(tx, [parcel.order_id for parcel in parcels])
            moved = [p.order_id for p in parcels if found[p.order_id].version != p.version]
            mine = await shipping.give_back(
                tx, {parcel.order_id for parcel in parcels}.difference(moved), holder
            )
            for parcel in parcels:
                if parcel.order_id in mine:
                    change = decided(found[parcel.order_id], parcel.order_id, "shipped", parcel.at)
                    assert not isinstance(change, Refusal)  # noqa: S101 - of the same version, so it is still paid
                    changes.append(change)
            await transitions.advance(tx, changes)
            announce(tx, changes)
        return [change.order_id for change in changes], moved

    async def _end(self, holder: UUID, orders: Sequence[OrderId]) -> None:
        """End the claims that are still ours."""
        if orders:
            async with self._db.begin() as tx:
                await shipping.give_back(tx, orders, holder)

    async def _take_back(self, orders: Sequence[OrderId], holder: UUID) -> None:
        """Take back shipments of orders that are not shipped, unless somebody else has claimed the order."""
        if not orders:
            return
        now = self._db.clock()
        async with self._db.begin() as tx:
            # Looked at and claimed under one lock: from here on no commit of another holder can succeed.
            found = await transitions.lock(tx, orders)
            open_ = [order_id for order_id, standing in found.items() if not standing.shipped]
            mine = await shipping.claim(tx, open_, holder, now, now + CLAIM_FOR)
        if mine:
            await self._catalog.unship(orders=sorted(mine))
            await self._end(holder, sorted(mine))

    async def settle(self, orders: Sequence[OrderId]) -> None:
        """Take back overdue shipments of orders that were not committed as shipped."""
        await self._take_back(orders, uuid4())


def _left(left: refunds.Left) -> dict[ProductId, int]:
    units: Counter[ProductId] = Counter()
    for line_id, line in left.lines.items():
        units[left.products[line_id]] += line.quantity
    return {product_id: quantity for product_id, quantity in units.items() if quantity}


def _units(shipped: Shipped) -> dict[ProductId, int]:
    units: Counter[ProductId] = Counter()
    for allocation in shipped.allocations:
        units[allocation.product_id] += allocation.quantity
    return dict(units)


def _shipment(parcel: _Parcel, deadline: datetime) -> Shipment:
    return Shipment(
        order_id=parcel.order_id,
        hold_id=parcel.hold_id,
        lines=tuple(
            StockLine(product_id=product_id, quantity=units) for product_id, units in parcel.units.items()
        ),
        deadline=deadline,
        at=parcel.at,
    )
