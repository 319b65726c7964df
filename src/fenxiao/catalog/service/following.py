"""Holds follow their orders: committed, shipped, cancelled, refunded. Any order of events leads to the same stock."""

from collections.abc import Mapping, Sequence

from fenxiao.catalog.api import HoldGone
from fenxiao.catalog.domain import holds
from fenxiao.catalog.domain.batches import Shelf
from fenxiao.catalog.domain.follow import Left, Placed, Told
from fenxiao.catalog.domain.holds import Fact, Held
from fenxiao.catalog.domain.movements import Changes
from fenxiao.catalog.domain.refusals import Contradiction
from fenxiao.catalog.queries import holds as hold_queries
from fenxiao.catalog.store import facts as fact_store
from fenxiao.catalog.store import holds as hold_store
from fenxiao.catalog.store import stock
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import HoldId, OrderId


class Following:
    """What the events of orders do to holds."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @starts_over
    async def confirm_holds(self, *, holds: Sequence[tuple[HoldId, OrderId]]) -> None:
        """See `CatalogApi`."""
        async with self._db.begin() as tx:
            await self.follow(tx, [Placed(order_id, hold_id) for hold_id, order_id in holds])

    async def follow(self, tx: Transaction, told: Sequence[Told]) -> None:
        """Let events take effect; what concerns an order that nobody has told of yet waits for that."""
        placed = {one.order_id: one.hold_id for one in told if isinstance(one, Placed)}
        left = {one.order_id for one in told if isinstance(one, Left)}
        facts = [one for one in told if isinstance(one, Fact)]
        of = await _orders(tx, placed, left, facts)
        await fact_store.add_facts(tx, facts)
        moved = await hold_queries.with_waiting_facts(tx, of)
        products = await hold_store.products_of(tx, [of[order_id] for order_id in moved]) if moved else ()
        shelves = await stock.lock_shelves(tx, products, all_batches=True)
        states = await hold_store.lock_states(tx, list(of.values()))
        await hold_store.set_states(tx, _confirmed(placed, states), "confirmed")
        await hold_store.set_states(tx, _shipped(left, of, states), "shipped")
        if moved:
            changes = Changes()
            held = list((await hold_store.lock_holds(tx, [of[order_id] for order_id in moved])).values())
            await settle_waiting(tx, held, shelves, changes)
            await hold_store.save_holds(tx, held)
            await stock.write(tx, changes, self._db.clock())


async def _orders(
    tx: Transaction, placed: Mapping[int, int], left: set[int], facts: Sequence[Fact]
) -> dict[int, int]:
    """The hold of every order that is spoken of, as far as known.

    Whoever confirms holds shares a lock; whoever finds an order without a hold takes it alone and looks again.
    Without it two transactions could miss each other: one stores a fact that waits, the other confirms the
    hold it waits for.
    """
    spoken_of = (left | {fact.order_id for fact in facts}) - placed.keys()
    of = await hold_store.holds_of(tx, spoken_of) if spoken_of else {}
    if spoken_of - of.keys():
        await fact_store.lock_alone(tx)
        of = await hold_store.holds_of(tx, spoken_of)
    elif placed:
        await fact_store.lock_shared(tx)
    return {**of, **placed}


def _confirmed(placed: Mapping[int, int], states: Mapping[int, tuple[int | None, str]]) -> dict[int, int]:
    """Hold to order, of the holds that are to be confirmed."""
    confirmed: dict[int, int] = {}
    for order_id, hold_id in placed.items():
        known, state = states.get(hold_id, (None, "released"))
        if state == "released" or known not in (None, order_id):
            # The caller's fence forbids it: a hold is never released after its order was committed.
            raise HoldGone
        if state == "open":
            confirmed[hold_id] = order_id
    return confirmed


def _shipped(
    left: set[int], of: Mapping[int, int], states: Mapping[int, tuple[int | None, str]]
) -> dict[int, int]:
    """Hold to order, of the shipments that are to be confirmed."""
    shipped: dict[int, int] = {}
    for order_id in left:
        hold_id = of.get(order_id)
        state = states[hold_id][1] if hold_id is not None else "no hold"
        if hold_id is None or state not in ("shipping", "shipped"):
            message = f"order {order_id} was shipped, its hold is {state}"
            raise Contradiction(message)
        if state == "shipping":
            shipped[hold_id] = order_id
    return shipped


async def settle_waiting(
    tx: Transaction, held: Sequence[Held], shelves: Mapping[int, Shelf], changes: Changes
) -> None:
    """Let the facts that wait for these holds, which are locked, take effect as far as they can."""
    by_order = {one.order_id: one for one in held if one.order_id is not None}
    # Read under the locks: another process may have settled some meanwhile.
    waiting = await fact_store.waiting_facts(tx, by_order.keys()) if by_order else []
    done = [fact for fact in waiting if holds.settle(by_order[fact.order_id], fact, shelves, changes)]
    await fact_store.settle_facts(tx, done)
