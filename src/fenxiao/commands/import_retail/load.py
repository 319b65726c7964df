"""The import itself: what was read and checked is handed to the contexts in their order."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from fenxiao.catalog.api import NewProduct, StockChange
from fenxiao.commands.import_retail import loaded, matching, sponsors
from fenxiao.commands.import_retail.counts import Counts
from fenxiao.commands.import_retail.loaded import CHANNEL, Loaded
from fenxiao.commands.import_retail.matching import Match, Shelf, SoldLine
from fenxiao.commands.import_retail.plan import CURRENCY, PLAN, PLAN_FROM
from fenxiao.commands.import_retail.ports import Advance, Ports
from fenxiao.commands.import_retail.rows import Reject, Return, Sale, Sorted
from fenxiao.commands.import_retail.source import Source
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import DistributorId, OrderId, ProductId
from fenxiao.network.api import NewMember
from fenxiao.orders.api import (
    NewLine,
    NewOrder,
    NewRefund,
    PlacedOrder,
    RefundUnits,
    ShippingUnderWay,
    Transition,
)

T = TypeVar("T")
DIRECT = "DIRECT"
"""Stands for sales in which nobody is named: without sponsor, login or downline, and it earns nothing."""

PATIENCE = 60
"""Seconds to wait for orders that somebody else is shipping."""

BATCH = 200
"""Orders per call: each call is a few statements, and short enough to let others in between."""


class Import:
    """One run over one file."""

    def __init__(
        self, ports: Ports, file: Source, sorted_out: Sorted, people: list[sponsors.Joined], advance: Advance
    ) -> None:
        self._ports = ports
        self.file = file
        self._sorted = sorted_out
        self._people = people
        self._advance = advance
        self._products: dict[str, ProductId] = {}
        self._sellers: dict[str, DistributorId] = {}
        self.counts = Counts(rejects=list(sorted_out.rejects))

    async def run(self) -> None:
        """Distributors, plan, products, orders, returns; each step finds what an earlier run has done of it."""
        await self._register()
        await self._ports.rules.publish_once(document=PLAN, effective_from=PLAN_FROM)
        await self._list_products()
        wanted = matching.wanted(self._sorted.returns)
        known = await loaded.read(
            self._ports.orders, {self._products[code] for _, code, _ in wanted if code in self._products}
        )
        shelf = self._shelf(wanted, known)
        await self._finish(known)
        fresh = self._fresh(known)
        await self._stock(fresh)
        await self._sell(fresh, shelf)
        await self._give_back(shelf, known)

    async def _register(self) -> None:
        members = [
            NewMember(
                external_id=p.external_id,
                display_name=p.external_id,
                joined_at=p.at,
                sponsor_external_id=p.sponsor,
            )
            for p in self._people
        ]
        if any(sale.customer is None for sale in self._sorted.sales):
            first = min(sale.at for sale in self._sorted.sales)
            members.append(
                NewMember(external_id=DIRECT, display_name="Direct sales", joined_at=first, earns=False)
            )
        self._advance("distributors", 0, len(members))
        answers = await self._ports.network.register_members(members=members)
        for member, answer in zip(members, answers, strict=True):
            if isinstance(answer, Refusal):
                self._refuse(f"distributor {member.external_id}", answer)
            else:
                self._sellers[member.external_id] = answer
        self._advance("distributors", len(members), len(members))

    async def _list_products(self) -> None:
        names: dict[str, str] = {}
        for row in range(self.file.rows):
            code = self.file.code.of(row)
            if code and not names.get(code):
                names[code] = self.file.description.of(row).strip()[:255]
        products = [
            NewProduct(sku=code, name=name or code, currency=CURRENCY) for code, name in names.items()
        ]
        self._advance("products", 0, len(products))
        ids = await self._ports.catalog.create_products(products=products)
        self._products = dict(zip(names, ids, strict=True))
        self._advance("products", len(products), len(products))

    def _shelf(self, wanted: set[matching.Key], known: Loaded) -> Shelf:
        shelf = Shelf(wanted)
        codes = {number: code for code, number in self._products.items()}
        people = {number: name for name, number in self._sellers.items()}
        for line in known.lines:
            customer = people.get(line.seller)
            if customer is not None:
                key = (customer, codes[line.product_id], line.unit_price_minor)
                invoice = int(loaded.invoice_of(line.external_id))
                shelf.put(key, SoldLine(line.at, invoice, line.place, line.order_id, line.line_id, line.left))
        return shelf

    def _fresh(self, known: Loaded) -> list[tuple[str, Sale]]:
        """The orders still to be placed, each with its external id; of an invoice known in part, the lines that are new."""
        fresh = []
        for sale in self._sorted.sales:
            loaded_lines = known.lines_of[sale.invoice]
            if loaded_lines == 0:
                fresh.append((sale.invoice, sale))
            elif loaded_lines < len(sale.lines):
                rest = sale.lines[loaded_lines:]
                fresh.append(
                    (f"{sale.invoice}/{rest[0].place}", Sale(sale.invoice, sale.at, sale.customer, rest))
                )
            else:
                self.counts.known_orders += 1
        return fresh

    async def _stock(self, fresh: Sequence[tuple[str, Sale]]) -> None:
        """The opening stock is what the file sells. Its key is the file, so a resumed run does not add it again."""
        sold: dict[str, int] = {}
        for _, sale in fresh:
            for line in sale.lines:
                sold[line.code] = sold.get(line.code, 0) + line.quantity
        changes = [
            StockChange(
                product_id=self._products[code], delta=units, batch_id="OPENING", reason="opening stock"
            )
            for code, units in sold.items()
        ]
        if changes:
            await self._ports.catalog.change_stock(changes=changes, key=f"retail opening {self.file.digest}")

    async def _sell(self, fresh: Sequence[tuple[str, Sale]], shelf: Shelf) -> None:
        """Place batch after batch; while one is placed, the one before is shipped and completed."""
        before: asyncio.Task[None] | None = None
        try:
            for done, batch in _batches(fresh):
                placed = await self._place(batch, shelf)
                if before is not None:
                    await before
                before = asyncio.create_task(self._see_through(placed))
                self._advance("orders", done, len(fresh))
        finally:
            if before is not None:
                await before

    async def _place(self, batch: Sequence[tuple[str, Sale]], shelf: Shelf) -> list[tuple[OrderId, datetime]]:
        answers = await self._ports.orders.place_orders(
            orders=[self._order(name, sale) for name, sale in batch]
        )
        placed: list[tuple[OrderId, datetime]] = []
        for (name, sale), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Refusal):
                self._refuse(f"invoice {name}", answer)
            else:
                placed.append((answer.order_id, sale.at))
                self._count(sale, answer, shelf)
        return placed

    async def _see_through(self, placed: Sequence[tuple[OrderId, datetime]]) -> None:
        await self._ship(placed)
        await self._complete(placed)

    def _order(self, name: str, sale: Sale) -> NewOrder:
        return NewOrder(
            caller="import",
            key=f"{CHANNEL} {name}",
            distributor_id=self._sellers[sale.customer or DIRECT],
            lines=tuple(
                NewLine(
                    product_id=self._products[line.code],
                    quantity=line.quantity,
                    unit_price_minor=line.price_minor,
                )
                for line in sale.lines
            ),
            channel=CHANNEL,
            external_id=name,
            may_set_price=True,
            paid=True,
            at=sale.at,
            currency=CURRENCY,
        )

    def _count(self, sale: Sale, order: PlacedOrder, shelf: Shelf) -> None:
        self.counts.orders += 1
        self.counts.lines += len(sale.lines)
        self.counts.gross_minor += order.total_minor
        if sale.customer is None:
            return
        for line, kept in zip(sale.lines, order.lines, strict=True):
            sold = SoldLine(
                sale.at, int(sale.invoice), line.place, order.order_id, kept.line_id, line.quantity
            )
            shelf.put((sale.customer, line.code, line.price_minor), sold)

    async def _finish(self, known: Loaded) -> None:
        """Ship and complete what an earlier run placed and then was killed."""
        for _, batch in _batches(known.unfinished):
            await self._ship([(order, at) for order, at, status in batch if status == "paid"])
            await self._complete([(order, at) for order, at, _ in batch])

    async def _ship(self, orders: Sequence[tuple[OrderId, datetime]]) -> None:
        """Ship orders; those whose shipping a killed run left half done are free again after a few seconds."""
        waiting = list(orders)
        for _ in range(PATIENCE):
            steps = [Transition(order_id=order_id, at=at) for order_id, at in waiting]
            answers = await self._ports.orders.ship_orders(orders=steps)
            under_way = [isinstance(answer, ShippingUnderWay) for answer in answers]
            done = [
                (order, answer)
                for order, answer, busy in zip(waiting, answers, under_way, strict=True)
                if not busy
            ]
            self._check([order for order, _ in done], [answer for _, answer in done])
            waiting = [order for order, busy in zip(waiting, under_way, strict=True) if busy]
            if not waiting:
                return
            await asyncio.sleep(1)
        self._check(waiting, [ShippingUnderWay(order_id=order_id) for order_id, _ in waiting])

    async def _complete(self, orders: Sequence[tuple[OrderId, datetime]]) -> None:
        answers = await self._ports.orders.complete_orders(
            orders=[Transition(order_id=o, at=at) for o, at in orders]
        )
        self._check(orders, answers)

    def _check(self, orders: Sequence[tuple[OrderId, datetime]], answers: Sequence[Refusal | None]) -> None:
        for (order_id, _), answer in zip(orders, answers, strict=True):
            if answer is not None:
                self._refuse(f"order {order_id}", answer)

    async def _give_back(self, shelf: Shelf, known: Loaded) -> None:
        matches: list[Match] = []
        for back in self._sorted.returns:
            units = back.quantity - known.returned[back.key]
            self.counts.known_refunds += known.returned[back.key] > 0
            found = shelf.match(back, units)
            matches += found
            self._count_return(back, units - sum(match.quantity for match in found))
        for done, batch in _batches(matches):
            answers = await self._ports.orders.refund_orders(refunds=[_refund(match) for match in batch])
            for match, answer in zip(batch, answers, strict=True):
                if isinstance(answer, Refusal):
                    self._refuse(f"return {match.back.key}", answer)
                else:
                    self.counts.refunds += 1
                    self.counts.refunded_minor += answer.amount_minor
            self._advance("returns", done, len(matches))

    def _count_return(self, back: Return, without_sale: int) -> None:
        if without_sale:
            self.counts.returns_not_whole += 1
            self.counts.rejects.append(Reject(back.row, back.place, "return-without-sale", without_sale))
        else:
            self.counts.returns_whole += 1

    def _refuse(self, what: str, refusal: Refusal) -> None:
        self.counts.refused.append(f"{what}: {refusal.message()}")


def _refund(match: Match) -> NewRefund:
    return NewRefund(
        order_id=match.order_id,
        lines=(RefundUnits(line_id=match.line_id, quantity=match.quantity),),
        restock=True,
        key=loaded.refund_key(match.back.key, match.line_id),
        at=match.back.at,
    )


def _batches(items: Sequence[T]) -> list[tuple[int, Sequence[T]]]:
    """Slices of a batch's size, each with how many items are done after it."""
    return [
        (min(start + BATCH, len(items)), items[start : start + BATCH])
        for start in range(0, len(items), BATCH)
    ]
