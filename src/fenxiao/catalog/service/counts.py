"""Stock counts: opened, counted line by line, closed or cancelled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fenxiao.catalog.api import ProductMissing
from fenxiao.catalog.domain import counting
from fenxiao.catalog.domain.adjustment import NO_EXPIRY, OTHER_EXPIRY, new_batches
from fenxiao.catalog.domain.batches import NO_BATCH, Batch, Shelf
from fenxiao.catalog.domain.refusals import CountEnded, CountNotFound, CountOverlaps
from fenxiao.catalog.queries import counts as views
from fenxiao.catalog.queries.counts import CountLineView, CountView, State
from fenxiao.catalog.store import counts as count_store
from fenxiao.catalog.store import stock as stock_store
from fenxiao.catalog.store.counts import NewLine
from fenxiao.infra import context
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.paging import Page

MAX_LINES = 5000

BEING_COUNTED = (
    "Batch {batch_id} is in stock count {count_id}, which is open; close or cancel that one first."
)
TWICE = "Name each batch once."
NO_SUCH_BATCH = (
    "Product {product_id} has no batch {batch_id}; enter what you find as a line of the open count."
)
TOO_MANY = "A stock count has at most {most} lines; open several."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCount:
    """A batch that is to be counted; without `batch_id` all batches of the product in which something lies."""

    product_id: int
    batch_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was counted of a batch; None takes an earlier figure back. `expiry_date` is that of an unknown batch."""

    product_id: int
    counted: int | None
    batch_id: str | None = None
    expiry_date: date | None = None

    @property
    def batch(self) -> tuple[int, str]:
        """Product and batch number."""
        return self.product_id, self.batch_id or NO_BATCH


class Counts:
    """盘点: what lies in the warehouse, counted and booked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, count_id: int) -> CountView:
        """One count; `CountNotFound`."""
        return await _required(self._db, count_id)

    async def search(self, state: State | None, *, cursor: str | None, limit: int) -> Page[CountView]:
        """A page of counts."""
        return await views.search(self._db, state, cursor=cursor, limit=limit)

    async def lines(
        self, count_id: int, *, differing: bool | None, cursor: str | None, limit: int
    ) -> Page[CountLineView]:
        """A page of a count's lines."""
        return await views.lines(self._db, count_id, differing=differing, cursor=cursor, limit=limit)

    @starts_over
    async def open(self, wanted: Sequence[ToCount], note: str | None, *, once: Once | None) -> CountView:
        """Open a count of these batches as the book has them now; `CountOverlaps` if one is being counted already."""
        now, actor = self._db.clock(), context.current().actor
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(CountView)
            products = {one.product_id for one in wanted}
            shelves = await stock_store.lock_shelves(tx, products, all_batches=True)
            lines = _lines(wanted, shelves)
            await _refuse_overlap(tx, {(line.product_id, line.batch_id): place for place, line in lines})
            count_id = await count_store.add(tx, note, actor, now)
            await count_store.add_lines(tx, count_id, [line for _, line in lines], actor, now)
            opened = await _required(tx, count_id)
            tx.audit("stock-count.opened", f"counts/{count_id}", after={"lines": opened.lines, "note": note})
            return tx.keep(opened)

    @starts_over
    async def enter(self, count_id: int, figures: Sequence[Figure]) -> CountView:
        """Enter what was counted; batches that are not on the list are added to it. A later figure replaces an earlier."""
        now, actor = self._db.clock(), context.current().actor
        async with self._db.begin() as tx:
            await _lock(tx, count_id, "open")
            # Under the lock of the stock nothing moves between the look at the book and the note of what it says.
            shelves = await stock_store.lock_shelves(tx, {f.product_id for f in figures}, all_batches=True)
            known = await count_store.numbers(tx, count_id)
            book = _book(shelves)
            _check(figures, shelves, book, len(known.keys() | {figure.batch for figure in figures}))
            new = {figure.batch: place for place, figure in enumerate(figures) if figure.batch not in known}
            await _refuse_overlap(tx, new, but=count_id)
            entries = [
                (line, figure.counted, _says(book, figure.batch), figure.expiry_date or expiry_date)
                for figure in figures
                if figure.batch in known
                for line, expiry_date in [known[figure.batch]]
            ]
            await count_store.enter(tx, count_id, entries, actor, now)
            added = [_found(figures[place], book) for place in new.values()]
            await count_store.add_lines(tx, count_id, added, actor, now)
            return await _required(tx, count_id)

    @starts_over
    async def close(self, count_id: int) -> CountView:
        """Book the differences of the lines that were counted; the others stay as the book has them.

        Closing again answers the same. `CountRefused` with an error per line that has to be counted again.
        """
        now = self._db.clock()
        async with self._db.begin() as tx:
            if await _lock(tx, count_id, "closed"):
                return await _required(tx, count_id)
            lines = await count_store.counted(tx, count_id)
            shelves = await stock_store.lock_shelves(
                tx, {line.product_id for line in lines}, all_batches=True
            )
            changes = counting.close(count_id, lines, shelves, now)
            await stock_store.open_batches(tx, new_batches(changes), now)
            await stock_store.write(tx, changes, now)
            return await _end(tx, count_id, "closed", now)

    @starts_over
    async def cancel(self, count_id: int) -> CountView:
        """Give a count up; nothing is booked."""
        async with self._db.begin() as tx:
            if await _lock(tx, count_id, "cancelled"):
                return await _required(tx, count_id)
            return await _end(tx, count_id, "cancelled", self._db.clock())


async def _required(reader: Database | Transaction, count_id: int) -> CountView:
    found = await views.find(reader, count_id)
    if found is None:
        raise CountNotFound(count_id=count_id)
    return found


async def _lock(tx: Transaction, count_id: int, wanted: State) -> bool:
    """Lock a count; whether it is in the wanted state already. `CountEnded` if it is in neither that nor open."""
    state = await count_store.lock(tx, count_id)
    if state is None:
        raise CountNotFound(count_id=count_id)
    if state not in ("open", wanted):
        raise CountEnded(count_id=count_id, state=state)
    return state == wanted


async def _end(tx: Transaction, count_id: int, state: State, now: datetime) -> CountView:
    await count_store.end(tx, count_id, state, context.current().actor, now)
    ended = await _required(tx, count_id)
    shown = {name: getattr(ended, name) for name in ("lines", "counted", "differing", "surplus", "missing")}
    tx.audit(
        f"stock-count.{state}",
        f"counts/{count_id}",
        before={"state": "open"},
        after={"state": state, **shown},
    )
    return ended


# By product and batch number; of a batch that the book does not have, it says that nothing lies there.
Book = Mapping[tuple[int, str], Batch]


def _book(shelves: Mapping[int, Shelf]) -> Book:
    return {(b.product_id, b.batch_id): b for shelf in shelves.values() for b in shelf.batches}


def _says(book: Book, batch: tuple[int, str]) -> int:
    found = book.get(batch)
    return found.stock if found is not None else 0


def _lines(wanted: Sequence[ToCount], shelves: Mapping[int, Shelf]) -> list[tuple[int, NewLine]]:
    """The lines of a new count, each with the place of the item that asks for it."""
    book = _book(shelves)
    lines: dict[tuple[int, str], tuple[int, NewLine]] = {}
    errors: list[FieldError] = []
    for place, one in enumerate(wanted):
        shelf = shelves.get(one.product_id)
        if shelf is None:
            params = {"product_id": one.product_id}
            errors.append(FieldError(f"items.{place}.product_id", ProductMissing.template(), params))
        elif one.batch_id is None:
            lines |= {_key(b): (place, _line(b)) for b in shelf.batches if b.stock and _key(b) not in lines}
        elif (batch := book.get((one.product_id, one.batch_id))) is not None:
            lines.setdefault(_key(batch), (place, _line(batch)))
        else:
            named = {"product_id": one.product_id, "batch_id": one.batch_id}
            errors.append(FieldError(f"items.{place}.batch_id", NO_SUCH_BATCH, named))
    if len(lines) > MAX_LINES:
        errors.append(FieldError("items", TOO_MANY, {"most": MAX_LINES}))
    if errors:
        raise Invalid(errors=tuple(errors))
    return list(lines.values())


def _key(batch: Batch) -> tuple[int, str]:
    return batch.product_id, batch.batch_id


def _line(batch: Batch) -> NewLine:
    return NewLine(
        product_id=batch.product_id,
        batch_id=batch.batch_id,
        expiry_date=batch.expiry_date,
        snapshot=batch.stock,
    )


async def _refuse_overlap(tx: Transaction, places: Mapping[tuple[int, str], int], but: int = 0) -> None:
    """Two open counts of one batch would book its difference twice. The batches' stock must be locked."""
    taken = await count_store.being_counted(tx, places.keys(), but)
    if taken:
        raise CountOverlaps(
            errors=tuple(
                FieldError(
                    f"items.{places[batch]}.batch_id",
                    BEING_COUNTED,
                    {"batch_id": batch[1], "count_id": other},
                )
                for batch, other in sorted(taken.items())
            )
        )


def _check(figures: Sequence[Figure], products: Collection[int], book: Book, lines: int) -> None:
    """Refuse figures of unknown products, of one batch twice, or of a batch that expires on another day."""
    seen: set[tuple[int, str]] = set()
    errors: list[FieldError] = []
    for place, figure in enumerate(figures):
        if figure.product_id not in products:
            params = {"product_id": figure.product_id}
            errors.append(FieldError(f"items.{place}.product_id", ProductMissing.template(), params))
            continue
        if figure.batch in seen:
            errors.append(FieldError(f"items.{place}.batch_id", TWICE))
        seen.add(figure.batch)
        batch = book.get(figure.batch)
        if batch is not None and figure.expiry_date not in (None, batch.expiry_date):
            known = {
                "batch_id": batch.batch_id,
                "expiry_date": batch.expiry_date,
                "product_id": batch.product_id,
            }
            message = NO_EXPIRY if batch.expiry_date is None else OTHER_EXPIRY
            errors.append(FieldError(f"items.{place}.expiry_date", message, known))
    if lines > MAX_LINES:
        errors.append(FieldError("items", TOO_MANY, {"most": MAX_LINES}))
    if errors:
        raise Invalid(errors=tuple(errors))


def _found(figure: Figure, book: Book) -> NewLine:
    """A line that the list did not have: its snapshot is what the book says at this moment."""
    product_id, batch_id = figure.batch
    batch = book.get(figure.batch)
    return NewLine(
        product_id=product_id,
        batch_id=batch_id,
        expiry_date=batch.expiry_date if batch is not None else figure.expiry_date,
        snapshot=_says(book, figure.batch),
        counted=figure.counted,
    )
