"""Shelves: the stock of a product and its batches, as they are locked, read for a decision and written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.catalog.domain.batches import Batch, Shelf
from fenxiao.catalog.domain.movements import Changes, Movement
from fenxiao.catalog.events import MovedUnits, StockMoved
from fenxiao.catalog.store import alerts
from fenxiao.infra import context
from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Record
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import ProductId


async def lock_stock(tx: Transaction, product_ids: Collection[int]) -> list[Record]:
    """Lock the stock of these products, in product order."""
    return await tx.fetch(
        "select product_id, reserved from stock where product_id = any($1::bigint[]) order by product_id for update",
        list(product_ids),
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """Which version of a product is on offer, and whether it is for sale at all."""

    version: int
    for_sale: bool


async def lock_for_sale(
    tx: Transaction, product_ids: Collection[int]
) -> tuple[dict[int, Shelf], dict[int, Offer]]:
    """Lock the stock of these products and read it, with what is on offer; unknown ones are left out."""
    rows = await tx.fetch(
        "select s.product_id, s.reserved, p.version, p.status = 'available' from stock s join product p using (product_id)"
        " where s.product_id = any($1::text::bigint[]) order by s.product_id for update of s",
        arrays.numbers(product_ids),
    )
    shelves = {product_id: Shelf(product_id, reserved, []) for product_id, reserved, _, _ in rows}
    await _add_batches(tx, shelves, all_batches=False)
    return shelves, {product_id: Offer(version, for_sale) for product_id, _, version, for_sale in rows}


async def lock_shelves(
    tx: Transaction, product_ids: Collection[int], *, all_batches: bool = False
) -> dict[int, Shelf]:
    """Lock the stock of these products and read it; unknown ones are left out.

    Only what may be sold some day, or all batches (`all_batches`): empty and recalled ones too.
    """
    if not product_ids:
        return {}
    rows = await lock_stock(tx, product_ids)
    shelves = {
        row["product_id"]: Shelf(product_id=row["product_id"], reserved=row["reserved"], batches=[])
        for row in rows
    }
    await _add_batches(tx, shelves, all_batches=all_batches)
    return shelves


async def _add_batches(tx: Transaction, shelves: Mapping[int, Shelf], *, all_batches: bool) -> None:
    # A statement of its own: its snapshot must be taken after the shelves were locked.
    batches = await tx.fetch(
        "select inventory_id, product_id, batch_id, stock, expiry_date, recalled from inventory"
        " where product_id = any($1::text::bigint[]) and (stock > 0 and not recalled or $2)"
        " order by product_id, expiry_date nulls last, inventory_id",
        arrays.numbers(shelves),
        all_batches,
    )
    for inventory_id, product_id, batch_id, stock, expiry_date, recalled in batches:
        shelves[product_id].batches.append(
            Batch(inventory_id, product_id, batch_id, stock, expiry_date, recalled)
        )


async def open_batches(tx: Transaction, batches: Sequence[Batch], now: datetime) -> None:
    """Store new batches, still empty, and note their numbers in them."""
    if not batches:
        return
    rows = await tx.fetch(
        "insert into inventory (product_id, batch_id, stock, expiry_date, updated_at)"
        " select product_id, batch_id, 0, expiry_date, $4"
        " from unnest($1::bigint[], $2::text[], $3::date[]) as t(product_id, batch_id, expiry_date)"
        " returning product_id, batch_id, inventory_id",
        [batch.product_id for batch in batches],
        [batch.batch_id for batch in batches],
        [batch.expiry_date for batch in batches],
        now,
    )
    numbers = {(row["product_id"], row["batch_id"]): row["inventory_id"] for row in rows}
    for batch in batches:
        batch.inventory_id = numbers[batch.product_id, batch.batch_id]


async def set_expiries(tx: Transaction, expiries: Sequence[tuple[int, date | None]], now: datetime) -> None:
    """These batches (inventory id, day) expire on another day than was thought, or never."""
    if expiries:
        await tx.execute(
            "update inventory i set expiry_date = t.expiry_date, updated_at = $3"
            " from unnest($1::bigint[], $2::date[]) as t(inventory_id, expiry_date) where i.inventory_id = t.inventory_id",
            [inventory_id for inventory_id, _ in expiries],
            [expiry_date for _, expiry_date in expiries],
            now,
        )


async def write(tx: Transaction, changes: Changes, now: datetime) -> None:
    """Write the movements, the batches and the stock rows they change, and tell of them; all must be locked."""
    watched: list[Record] = []
    if products := changes.per_product():
        # Answers nothing where nobody has set a threshold, and then a crossing costs nothing either.
        watched = await tx.fetch(
            "with changed as (update stock s set on_hand = s.on_hand + t.on_hand, reserved = s.reserved + t.reserved"
            " from unnest($1::text::bigint[], $2::text::bigint[], $3::text::bigint[])"
            " as t(product_id, on_hand, reserved) where s.product_id = t.product_id"
            " returning s.product_id, s.alert_threshold)"
            " select product_id from changed where alert_threshold is not null",
            arrays.numbers(products),
            arrays.numbers(on_hand for on_hand, _ in products.values()),
            arrays.numbers(reserved for _, reserved in products.values()),
        )
    if changes.movements:
        await _move(tx, changes, now)
    if watched:
        await alerts.watch(tx, [row["product_id"] for row in watched], now)


async def _move(tx: Transaction, changes: Changes, now: datetime) -> None:
    batches = changes.per_batch()
    await tx.execute(
        "update inventory i set stock = i.stock + t.delta, updated_at = $3"
        " from unnest($1::text::bigint[], $2::text::bigint[]) as t(inventory_id, delta)"
        " where i.inventory_id = t.inventory_id",
        arrays.numbers(batches),
        arrays.numbers(batches.values()),
        now,
    )
    await _record(tx, changes.movements)
    for reason, (moved, at) in changes.per_reason().items():
        # What went from batch to batch came from nowhere and went nowhere.
        units = tuple(MovedUnits(product_id=ProductId(p), delta=delta) for p, delta in moved.items() if delta)
        if units:
            tx.emit(StockMoved(reason=reason, units=units), at=at)


async def _record(tx: Transaction, moved: Sequence[Movement]) -> None:
    actor = context.current().actor
    # A cause is shared by many movements: it is sent once, and each movement says the place of its own.
    causes = list(dict.fromkeys(movement.cause for movement in moved))
    places = {cause: place for place, cause in enumerate(causes, 1)}
    await tx.execute(
        """
        insert into stock_movement (inventory_id, product_id, delta, reason, actor, at, order_id, reference)
        select m.inventory_id, m.product_id, m.delta, c.reason, c.actor, c.at, c.order_id, c.reference
        from unnest($1::text::bigint[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[]) with ordinality
               as m(inventory_id, product_id, delta, cause, n)
        join unnest($5::text[], $6::text[], $7::timestamptz[], $8::bigint[], $9::text[]) with ordinality
               as c(reason, actor, at, order_id, reference, place) on c.place = m.cause
        order by m.n
        """,
        arrays.numbers(movement.batch.inventory_id for movement in moved),
        arrays.numbers(movement.batch.product_id for movement in moved),
        arrays.numbers(movement.delta for movement in moved),
        arrays.numbers(places[movement.cause] for movement in moved),
        [cause.reason for cause in causes],
        [cause.actor or actor for cause in causes],
        [cause.at for cause in causes],
        [cause.order_id for cause in causes],
        [cause.reference for cause in causes],
    )
