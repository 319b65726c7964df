"""Holds, as they are locked, read for a decision and written."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from asyncpg import UniqueViolationError

from fenxiao.catalog.domain.holds import Held
from fenxiao.catalog.domain.reservation import Attempt, Units, units_of
from fenxiao.infra.db import arrays
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.sql import UNHURRIED, Record
from fenxiao.infra.db.transaction import Transaction

_HELD = "hold_id, order_id, state, product_ids, quantities, reserved, shipped, inventory_ids, taken"


async def lock_attempts(tx: Transaction, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Attempt]:
    """The last hold under each of these (caller, key)."""
    callers, names = zip(*keys, strict=True)
    rows = await tx.fetch(
        "select caller, key, attempt, hold_id, state, product_ids, quantities from hold"
        " where (caller, key) in (select * from unnest($1::text[], $2::text[])) order by hold_id for update",
        callers,
        names,
    )
    last: dict[tuple[str, str], Attempt] = {}
    for row in sorted(rows, key=lambda row: row["attempt"]):
        units = units_of(row["product_ids"], row["quantities"])
        last[row["caller"], row["key"]] = Attempt(
            row["hold_id"], row["attempt"], row["state"] == "open", units
        )
    return last


async def lock_holds(tx: Transaction, hold_ids: Collection[int]) -> dict[int, Held]:
    """Lock these holds and read them; unknown ones are left out."""
    rows = await tx.fetch(
        f"select {_HELD} from hold where hold_id = any($1::bigint[]) order by hold_id for update",
        list(hold_ids),
    )
    return {row["hold_id"]: _held(row) for row in rows}


async def lock_states(tx: Transaction, hold_ids: Collection[int]) -> dict[int, tuple[int | None, str]]:
    """Lock these holds and read only their order and state."""
    rows = await tx.fetch(
        "select hold_id, order_id, state from hold where hold_id = any($1::bigint[]) order by hold_id for update",
        list(hold_ids),
    )
    return {row["hold_id"]: (row["order_id"], row["state"]) for row in rows}


async def products_of(tx: Transaction, hold_ids: Collection[int]) -> list[int]:
    """The products of these holds, which never change, so that their stock can be locked before the holds are."""
    rows = await tx.fetch(
        "select distinct unnest(product_ids) as product_id from hold where hold_id = any($1::bigint[])",
        list(hold_ids),
    )
    return [row["product_id"] for row in rows]


async def holds_of(tx: Transaction, order_ids: Collection[int]) -> dict[int, int]:
    """The hold of each of these orders, not locked; orders not known yet are left out."""
    rows = await tx.fetch(
        "select order_id, hold_id from hold where order_id = any($1::bigint[])", list(order_ids)
    )
    return {row["order_id"]: row["hold_id"] for row in rows}


async def add_holds(
    tx: Transaction, granted: Sequence[tuple[str, str, int, Units, datetime]], now: datetime
) -> dict[tuple[str, str], int]:
    """Store new holds (caller, key, attempt, units, deadline); one that another process was quicker with is left out."""
    rows = await tx.fetch(
        """
        insert into hold (caller, key, attempt, state, product_ids, quantities, reserved, shipped, inventory_ids, taken,
                          deadline, created_at)
        select caller, key, attempt, 'open', products::bigint[], units::bigint[], units::bigint[],
               array_fill(0::bigint, array[cardinality(products::bigint[])]), '{}', '{}', deadline, $7
        from unnest($1::text::text[], $2::text::text[], $3::text::int[], $4::text::text[], $5::text::text[],
                    $6::text::timestamptz[]) as t(caller, key, attempt, products, units, deadline)
        order by caller, key
        on conflict (caller, key, attempt) do nothing
        returning caller, key, hold_id
        """,
        arrays.texts(caller for caller, _, _, _, _ in granted),
        arrays.texts(key for _, key, _, _, _ in granted),
        arrays.numbers(attempt for _, _, attempt, _, _ in granted),
        arrays.texts(arrays.numbers(product for product, _ in units) for _, _, _, units, _ in granted),
        arrays.texts(arrays.numbers(quantity for _, quantity in units) for _, _, _, units, _ in granted),
        arrays.times(deadline for _, _, _, _, deadline in granted),
        now,
    )
    return {(row["caller"], row["key"]): row["hold_id"] for row in rows}


# Taken in one statement, for all or for none. The shelves are locked in product order and their conditions hold for the
# rows as they are once locked (PostgreSQL examines a row again that it had to wait for); what else decides, the batches,
# is not read, because these shelves have only such as never end. The product is looked up for each shelf, whatever the
# planner believes about how many are for sale. A key that is there already fails the statement.
_HOLD_PLAIN = """
with asked as materialized (
  select product_id, quantity from unnest($1::text::bigint[], $2::text::bigint[]) as t(product_id, quantity) where %s
), shelf as materialized (
  select s.product_id, a.quantity,
         (select p.version from product p where p.product_id = s.product_id and p.status = 'available') as version
    from asked a join stock s on s.product_id = a.product_id
   where s.on_hand - s.reserved >= a.quantity and not s.perishable and s.alert_threshold is null
   order by s.product_id for update of s
), taken as (
  update stock s set reserved = s.reserved + shelf.quantity from shelf
   where s.product_id = shelf.product_id
     and (select count(version) from shelf) = (select count(*) from asked)
  returning s.product_id, shelf.version
), held as (
  insert into hold (caller, key, attempt, state, product_ids, quantities, reserved, shipped, inventory_ids, taken,
                    deadline, created_at)
  select caller, key, 1, 'open', products::bigint[], units::bigint[], units::bigint[],
         array_fill(0::bigint, array[cardinality(products::bigint[])]), '{}', '{}', deadline, $8
    from unnest($3::text::text[], $4::text::text[], $5::text::text[], $6::text::text[], $7::text::timestamptz[])
      as t(caller, key, products, units, deadline)
   where (select count(version) from shelf) = (select count(*) from asked)
   order by caller, key
  returning caller, key, hold_id
)
select caller, key, hold_id, null::bigint, null::int from held
union all
select null, null, null, product_id, version from taken
"""


async def hold_plain(
    db: Database, asked: Sequence[tuple[str, str, Units, datetime]], now: datetime
) -> tuple[dict[tuple[str, str], int], dict[int, int]] | None:
    """Take and hold (caller, key, units, deadline) where all of them are plain: the holds, and the products' versions.

    None where one is not plain, or a key is used already; then nothing was written.
    """
    wanted: dict[int, int] = {}
    for _, _, units, _ in asked:
        for product_id, quantity in units:
            wanted[product_id] = wanted.get(product_id, 0) + quantity
    products = sorted(wanted)
    try:
        rows = await db.alone(
            # The order that a hold is for commits behind it and waits for the disk; without that order it is of no use.
            _HOLD_PLAIN % (UNHURRIED if db.access.one_server else "true"),
            arrays.numbers(products),
            arrays.numbers([wanted[product_id] for product_id in products]),
            arrays.texts([caller for caller, _, _, _ in asked]),
            arrays.texts([key for _, key, _, _ in asked]),
            arrays.texts([arrays.numbers([product for product, _ in units]) for _, _, units, _ in asked]),
            arrays.texts([arrays.numbers([quantity for _, quantity in units]) for _, _, units, _ in asked]),
            arrays.times([deadline for _, _, _, deadline in asked]),
            now,
        )
    except UniqueViolationError:
        return None
    numbers: dict[tuple[str, str], int] = {}
    versions: dict[int, int] = {}
    for caller, key, hold_id, product_id, version in rows:
        if hold_id is None:
            versions[product_id] = version
        else:
            numbers[caller, key] = hold_id
    return (numbers, versions) if numbers else None


async def extend(tx: Transaction, deadlines: Sequence[tuple[int, datetime]]) -> None:
    """Give adopted holds the deadline of the attempt that adopts them."""
    await tx.execute(
        "update hold h set deadline = greatest(h.deadline, t.deadline)"
        " from unnest($1::bigint[], $2::timestamptz[]) as t(hold_id, deadline) where h.hold_id = t.hold_id",
        [hold_id for hold_id, _ in deadlines],
        [deadline for _, deadline in deadlines],
    )


async def save_holds(
    tx: Transaction, holds: Sequence[Held], *, deadlines: Sequence[datetime | None] | None = None
) -> None:
    """Store locked holds as they are now. `deadlines` None, or None in its place: the deadline stays."""
    if not holds:
        return
    await tx.execute(
        """
        update hold h
        set state = t.state, order_id = t.order_id, reserved = t.reserved::bigint[], shipped = t.shipped::bigint[],
            inventory_ids = t.inventory_ids::bigint[], taken = t.taken::bigint[], deadline = coalesce(t.deadline, h.deadline)
        from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
          as t(hold_id, state, order_id, reserved, shipped, inventory_ids, taken, deadline)
        where h.hold_id = t.hold_id
        """,
        [held.hold_id for held in holds],
        [held.state for held in holds],
        [held.order_id for held in holds],
        [arrays.numbers(held.reserved) for held in holds],
        [arrays.numbers(held.shipped) for held in holds],
        [arrays.numbers(held.inventory_ids) for held in holds],
        [arrays.numbers(held.taken) for held in holds],
        deadlines or [None] * len(holds),
    )


async def set_states(tx: Transaction, holds: Mapping[int, int], state: str) -> None:
    """These holds (hold to order), which are locked, are in that state now."""
    if holds:
        await tx.execute(
            "update hold h set state = $3, order_id = t.order_id from unnest($1::bigint[], $2::bigint[])"
            " as t(hold_id, order_id) where h.hold_id = t.hold_id",
            list(holds),
            list(holds.values()),
            state,
        )


def _held(row: Record) -> Held:
    return Held(**dict(row.items()))
