"""Accrual and clawback (计提与追回): from what happened to orders to their entries.

Gather the histories and the plans, compute every step, then book in one transaction what is not booked
yet. It makes no difference which event brought an order here, how often, or with which others.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from fenxiao.commission.domain import posting
from fenxiao.commission.domain.booking import Book, Claim, Difference, Entry, Root, differences, entries
from fenxiao.commission.domain.figures import NOTHING, Figures, told
from fenxiao.commission.domain.posting import BalanceKey
from fenxiao.commission.events import CommissionAccrued, CommissionClawedBack
from fenxiao.commission.service import ledger
from fenxiao.commission.service.figures import Facts
from fenxiao.commission.service.histories import accrued, claim
from fenxiao.commission.service.plans import Plans
from fenxiao.engine import ENGINE_VERSION
from fenxiao.infra.db import arrays
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.starts_over import Moved, starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.ids import OrderId, RuleId
from fenxiao.orders.api import OrdersApi

_BREATH = 0.001
"""Seconds of evaluation after which others get the loop; between any two orders it costs as much as evaluating one."""


class Accrual:
    """Books orders."""

    def __init__(self, db: Database, clock: Clock, orders: OrdersApi, plans: Plans, facts: Facts) -> None:
        self._db = db
        self._clock = clock
        self._orders = orders
        self._plans = plans
        self._facts = facts

    async def accrues_on_payment(self, rule_ids: Iterable[RuleId]) -> set[RuleId]:
        """Those of these rule versions under which a payment already earns."""
        plans = await self._plans.of(rule_ids)
        return {rule_id for rule_id, plan in plans.items() if plan.accrue_on == "paid"}

    @starts_over
    async def book_orders(self, order_ids: Iterable[OrderId], delivery: Delivery) -> None:
        """Book whatever the histories of these orders say that is not booked yet."""
        claims, new = await self._claims(sorted(set(order_ids)))
        async with self._db.begin(once=delivery) as tx:
            if claims:
                await _book(tx, claims, new, self._clock())

    async def _claims(self, order_ids: Sequence[OrderId]) -> tuple[list[Claim], Figures]:
        """In the order of the orders' ids, with the figures that have to be kept with them."""
        if not order_ids:
            return [], {}
        histories = await self._orders.histories(order_ids=order_ids)
        plans = await self._plans.of(history.rule_id for history in histories)
        asked = [one for one in await self._facts.needing(histories) if accrued(one[0], one[1])]
        figures, new = await self._facts.of(asked)
        claims: list[Claim] = []
        clock = asyncio.get_running_loop()
        since = clock.time()
        for history in histories:
            if history.rule_id is not None:
                made = claim(history, plans[history.rule_id], figures.get(history.order_id, NOTHING))
                if made is not None:
                    claims.append(made)
                if clock.time() - since > _BREATH:
                    # Others get the loop in between: a batch takes longer than anybody should wait.
                    await asyncio.sleep(0)
                    since = clock.time()
        return claims, new


async def _book(tx: Transaction, claims: Sequence[Claim], new: Figures, now: datetime) -> None:
    known = await _known(tx, claims)
    if known.keys() & new.keys():
        # Somebody else opened it first; what he has kept is what counts.
        raise Moved
    opened = [one for one in claims if one.order_id not in known]
    matured = await _mature(tx, [one for one in claims if one.order_id in known and one.release_at])
    grown = [one for one in claims if 0 < known.get(one.order_id, 0) < len(one.steps)]
    books = await _stored(tx, {one.order_id: known[one.order_id] for one in grown})
    more = [one for one in opened if len(one.steps) > 1]
    # Their accrual is written before what corrects it.
    books |= {one.order_id: Book(1, dict(one.steps[0].target)) for one in more}
    found = {one.order_id: differences(one, books[one.order_id]) for one in (*grown, *more)}
    touched = {(one.key[2], one.claim.currency) for some in found.values() for one in some}
    touched |= {key for key, _ in matured}
    if opened:
        await ledger.accrue(tx, opened, touched, now=now)
    elif touched:
        await ledger.lock(tx, touched)
    await ledger.mature(tx, matured)
    await _keep(tx, new)
    _announce(tx, opened, found)
    if found:
        # Where what they correct stands is known under the locks of the balances: until then it may be released.
        written = await _stored(tx, dict.fromkeys(found, 1))
        await _correct(tx, [(found[order_id], written[order_id]) for order_id in found], now)
        await _moved_on(tx, grown)


async def _correct(tx: Transaction, found: Sequence[tuple[list[Difference], Book]], now: datetime) -> None:
    """Book what refunds have changed; the balances are locked."""
    made = await _numbered(tx, found, now)
    for start in range(0, len(made), ledger.ROWS):
        await _write(tx, made[start : start + ledger.ROWS], now)
    await asyncio.sleep(0)
    await ledger.post(tx, [posting.booked(entry) for entry in made], now=now)
    await ledger.mature(tx, [(_balance(one), one.release_at) for one in made if one.status == "pending"])


def _balance(entry: Entry) -> BalanceKey:
    return (entry.difference.key[2], entry.difference.claim.currency)


async def _known(tx: Transaction, claims: Sequence[Claim]) -> dict[int, int]:
    """Lock the books that the orders have already; answers how many steps are in each."""
    rows = await tx.fetch(
        "select order_id, steps from order_book where order_id = any($1::text::bigint[]) order by order_id for update",
        arrays.numbers([one.order_id for one in claims]),
    )
    return {row["order_id"]: row["steps"] for row in rows}


async def _keep(tx: Transaction, new: Figures) -> None:
    """Keep the figures with the orders whose books were just opened."""
    rows = [(order_id, *one) for order_id in sorted(new) for one in told(new[order_id])]
    for start in range(0, len(rows), ledger.ROWS):
        some = rows[start : start + ledger.ROWS]
        await tx.execute(
            "insert into order_fact (order_id, distributor_id, fact, value)"
            " select * from unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[], $4::text::bigint[])",
            arrays.numbers([row[0] for row in some]),
            arrays.numbers([row[1] for row in some]),
            arrays.texts([row[2] for row in some]),
            arrays.numbers([row[3] for row in some]),
        )


async def _mature(tx: Transaction, claims: Sequence[Claim]) -> list[tuple[BalanceKey, datetime]]:
    """Entries that were booked before completion learn now when they mature; in which balances they are, and when."""
    if not claims:
        return []
    waiting = "where o.order_id = m.order_id and o.release_at is null"
    rows = await tx.fetch(
        "update order_book o set release_at = m.release_at"
        f" from unnest($1::bigint[], $2::timestamptz[]) as m (order_id, release_at) {waiting} returning o.order_id",
        [one.order_id for one in claims],
        [one.release_at for one in claims],
    )
    if not rows:
        return []
    rows = await tx.fetch(
        "update commission c set release_at = o.release_at from order_book o"
        " where o.order_id = any($1::bigint[]) and c.order_id = o.order_id and c.release_at is null"
        " returning c.distributor_id, c.currency, c.release_at",
        [row["order_id"] for row in rows],
    )
    return [((row["distributor_id"], row["currency"]), row["release_at"]) for row in rows]


async def _stored(tx: Transaction, steps: Mapping[int, int]) -> dict[int, Book]:
    """What is booked of these orders, of each so many steps."""
    books = {order_id: Book(count) for order_id, count in steps.items()}
    if not books:
        return books
    rows = await tx.fetch(
        "select order_id, component, level, distributor_id, commission_id, commission_amount_minor, status, release_at,"
        " corrects from commission where order_id = any($1::bigint[]) order by commission_id",
        list(steps),
    )
    for row in rows:
        book, key = books[row["order_id"]], (row["component"], row["level"], row["distributor_id"])
        book.amounts[key] = book.amounts.get(key, 0) + row["commission_amount_minor"]
        if row["corrects"] is None:
            book.roots[key] = Root(row["commission_id"], row["status"] == "released", row["release_at"])
    return books


async def _numbered(
    tx: Transaction, found: Sequence[tuple[list[Difference], Book]], now: datetime
) -> list[Entry]:
    """The entries with their ids, which are drawn beforehand because corrections name them."""
    count = sum(len(some) for some, _ in found)
    if not count:
        return []
    rows = await tx.fetch(
        "select nextval('commission_commission_id_seq') as id from generate_series(1, $1::int)", count
    )
    ids = iter(sorted(row["id"] for row in rows))
    return [entry for some, book in found for entry in entries(some, book.roots, ids, now)]


async def _write(tx: Transaction, made: Sequence[Entry], now: datetime) -> None:
    found = [entry.difference for entry in made]
    await tx.execute(
        "insert into commission (commission_id, order_id, distributor_id, rule_id, engine_version, component, level, kind,"
        " commission_amount_minor, currency, step, refund_sequence, status, created_at, booked_at, release_at, released_at,"
        " corrects)"
        " select id, order_id, distributor_id, rule_id, $16, component, level, kind, amount, currency, step, refund, status,"
        " created_at, $17, release_at, released_at, corrects"
        " from unnest($1::text::bigint[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[], $5::text::text[],"
        " $6::text::int[], $7::text::text[], $8::text::bigint[], $9::text::text[], $10::text::int[], $11::text::int[],"
        " $12::text::text[], $13::text::timestamptz[], $14::text::timestamptz[], $15::text::timestamptz[],"
        " $18::text::bigint[])"
        " as t (id, order_id, distributor_id, rule_id, component, level, kind, amount, currency, step, refund, status,"
        " created_at, release_at, released_at, corrects)",
        arrays.numbers([entry.commission_id for entry in made]),
        arrays.numbers([one.claim.order_id for one in found]),
        arrays.numbers([one.key[2] for one in found]),
        arrays.numbers([one.claim.rule_id for one in found]),
        arrays.texts([one.key[0] for one in found]),
        arrays.numbers([one.key[1] for one in found]),
        arrays.texts([one.kind for one in found]),
        arrays.numbers([one.amount_minor for one in found]),
        arrays.texts([one.claim.currency for one in found]),
        arrays.numbers([one.step for one in found]),
        arrays.numbers([one.refund_sequence for one in found]),
        arrays.texts([entry.status for entry in made]),
        arrays.times([one.at for one in found]),
        arrays.times([entry.release_at for entry in made]),
        arrays.times([entry.released_at for entry in made]),
        ENGINE_VERSION,
        now,
        arrays.numbers([entry.corrects for entry in made]),
    )


async def _moved_on(tx: Transaction, claims: Sequence[Claim]) -> None:
    """The books that were opened earlier now have more steps."""
    if claims:
        await tx.execute(
            "update order_book o set steps = m.steps from unnest($1::bigint[], $2::int[]) as m (order_id, steps)"
            " where o.order_id = m.order_id",
            [one.order_id for one in claims],
            [len(one.steps) for one in claims],
        )


def _announce(tx: Transaction, opened: Sequence[Claim], found: Mapping[int, list[Difference]]) -> None:
    for one in opened:
        accrual = one.steps[0]
        if accrual.target:
            event = CommissionAccrued(
                order_id=OrderId(one.order_id),
                step=0,
                currency=one.currency,
                amount_minor=sum(accrual.target.values()),
            )
            tx.emit(event, at=accrual.at)
    for order_id, differing in found.items():
        for step, some in groupby(differing, key=lambda each: each.step):
            changed = list(some)
            tx.emit(
                CommissionClawedBack(
                    order_id=OrderId(order_id),
                    step=step,
                    currency=changed[0].claim.currency,
                    amount_minor=sum([each.amount_minor for each in changed]),
                ),
                at=changed[0].at,
            )
