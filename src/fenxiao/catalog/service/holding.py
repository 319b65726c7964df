"""Stock for orders: holds taken, confirmed, given up."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from fenxiao.catalog.api import HeldStock, OpenHold, ProductFacts, StockRequest
from fenxiao.catalog.domain import reservation
from fenxiao.catalog.domain.holds import release
from fenxiao.catalog.domain.movements import Changes
from fenxiao.catalog.domain.reservation import Adopted, Granted, Units
from fenxiao.catalog.queries import holds
from fenxiao.catalog.queries.facts import KnownFacts
from fenxiao.catalog.service.poison import apart
from fenxiao.catalog.store import holds as hold_store
from fenxiao.catalog.store import stock
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.starts_over import Moved, starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import HoldId
from fenxiao.kernel.values import value

Answer = HeldStock | Refusal
Key = tuple[str, str]


@value()
class _Asked:
    """One request of a batch, with its place in the answer."""

    place: int
    request: StockRequest
    units: Units

    @property
    def key(self) -> Key:
        return self.request.caller, self.request.key


class Holding:
    """占用库存: units kept for orders that are being placed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._facts = KnownFacts()

    async def hold_stock(self, *, requests: Sequence[StockRequest]) -> list[Answer]:
        """See `CatalogApi`."""
        answers: dict[int, Answer] = {}
        waiting: list[_Asked] = []
        for place, request in enumerate(requests):
            fault = reservation.fault(request)
            if fault is not None:
                answers[place] = fault
            else:
                waiting.append(_Asked(place, request, reservation.gathered(request.lines)))
        # A key that stands twice in one call is two attempts: the second has to see what became of the first.
        while waiting:
            first = {asked.key: asked for asked in reversed(waiting)}
            batch = [asked for asked in waiting if first[asked.key] is asked]
            served = await apart(self._hold, batch)
            answers |= {asked.place: answer for asked, answer in zip(batch, served, strict=True)}
            waiting = [asked for asked in waiting if first[asked.key] is not asked]
        return [answers[place] for place in range(len(requests))]

    @starts_over
    async def _hold(self, batch: Sequence[_Asked]) -> list[Answer]:
        return await self._served_plainly(batch) or await self._served(batch)

    async def _served_plainly(self, batch: Sequence[_Asked]) -> list[Answer] | None:
        """Serve the batch in one statement if every request can be: its key is new, and there is enough of products
        that are for sale, whose batches never end and that nobody watches. Otherwise None, and nothing is written.
        """
        new = [(*asked.key, asked.units, asked.request.deadline) for asked in batch]
        held = await hold_store.hold_plain(self._db, new, self._db.clock())
        if held is None:
            return None
        numbers, versions = held
        known = await self._facts.of(self._db.often, versions)
        return [_held(asked, numbers[asked.key], known) for asked in batch]

    async def _served(self, batch: Sequence[_Asked]) -> list[Answer]:
        """Serve the batch, each request by itself in its order."""
        now = self._db.clock()
        async with self._db.begin() as tx:
            shelves, offers = await stock.lock_for_sale(
                tx, {product for asked in batch for product, _ in asked.units}
            )
            last = await hold_store.lock_attempts(tx, [asked.key for asked in batch])
            outcomes = reservation.decide(
                [(asked.units, _day(asked.request.at or now), last.get(asked.key)) for asked in batch],
                shelves,
                {product: offer.for_sale for product, offer in offers.items()},
            )
            numbers = await _write(tx, list(zip(batch, outcomes, strict=True)), now)
            known = await self._facts.of(
                tx.fetch, {product: offer.version for product, offer in offers.items()}
            )
        return [
            outcome if isinstance(outcome, Refusal) else _held(asked, numbers[asked.key], known)
            for asked, outcome in zip(batch, outcomes, strict=True)
        ]

    @starts_over
    async def release_holds(self, *, holds: Sequence[HoldId]) -> None:
        """See `CatalogApi`."""
        changes = Changes()
        async with self._db.begin() as tx:
            await stock.lock_stock(tx, await hold_store.products_of(tx, holds))
            found = await hold_store.lock_holds(tx, holds)
            given_up = [held for held in found.values() if held.state == "open"]
            for held in given_up:
                release(held, "released", changes)
            await hold_store.save_holds(tx, given_up)
            await stock.write(tx, changes, self._db.clock())

    async def overdue_holds(self, *, before: datetime, limit: int) -> list[OpenHold]:
        """See `CatalogApi`."""
        return await holds.overdue(self._db, before, limit)


async def _write(
    tx: Transaction, outcomes: Sequence[tuple[_Asked, Adopted | Granted | Refusal]], now: datetime
) -> dict[Key, int]:
    """Store what was decided; answers the number of each hold."""
    adopted = [(asked, outcome) for asked, outcome in outcomes if isinstance(outcome, Adopted)]
    granted = [(asked, outcome) for asked, outcome in outcomes if isinstance(outcome, Granted)]
    numbers = {asked.key: outcome.hold_id for asked, outcome in adopted}
    if adopted:
        await hold_store.extend(tx, [(outcome.hold_id, asked.request.deadline) for asked, outcome in adopted])
    if granted:
        holds = [
            (*asked.key, outcome.attempt, outcome.units, asked.request.deadline) for asked, outcome in granted
        ]
        stored = await hold_store.add_holds(tx, holds, now)
        if len(stored) < len(holds):
            # The same key was used by another process at this moment: look again at what became of it.
            raise Moved
        numbers |= stored
    changes = Changes()
    for _, outcome in granted:
        for product_id, quantity in outcome.units:
            changes.reserved[product_id] += quantity
    await stock.write(tx, changes, now)
    return numbers


def _held(asked: _Asked, hold_id: int, known: Mapping[int, ProductFacts]) -> HeldStock:
    return HeldStock(
        hold_id=HoldId(hold_id), facts=tuple([known[line.product_id] for line in asked.request.lines])
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
