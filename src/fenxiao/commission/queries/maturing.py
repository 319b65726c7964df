"""What a settlement would release: whose, of which orders, how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import DistributorId, OrderId

_DISTRIBUTORS = 500
_ENTRIES = 5000
"""A chunk ends before either: it is one transaction, and accruals of its orders wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Whom a settlement is for: everybody, or these, or whoever has the grade when his turn comes."""

    distributor_ids: tuple[int, ...] | None = None
    grade: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A settlement that is being carried out."""

    settlement_id: int
    cutoff: datetime
    grade: str | None
    selected: bool


@dataclass(frozen=True, slots=True)
class Due:
    """What has matured for some distributors, under which locks, and in which balances."""

    order_ids: list[int]
    close_ids: list[int]
    reward_period_ids: list[int]
    keys: set[tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What would be released in one currency."""

    currency: str
    amount_minor: int
    entries: int
    distributors: int


async def asked(reader: Reader, run_id: int) -> Asked:
    """The settlement that a run carries out."""
    (row,) = await reader.fetch(
        "select settlement_id, cutoff, grade, selected from settlement where run_id = $1", run_id
    )
    return Asked(**dict(row.items()))


async def next_due(reader: Reader, one: Asked, *, after: int) -> list[DistributorId]:
    """The next distributors of a settlement for whom anything has matured, few enough for one transaction."""
    mine = (
        " and exists (select from settlement_selection s where s.settlement_id = $4"
        " and s.distributor_id = m.distributor_id)"
    )
    rows = await reader.fetch(
        "select distributor_id, sum(entries)::bigint as entries from ("
        + " union all ".join(
            f"(select distributor_id, count(*) as entries from {table} m where status = 'pending' and release_at <= $1"
            f" and distributor_id > $2{mine if one.selected else ''} group by distributor_id"
            " order by distributor_id limit $3)"
            for table in ("commission", "rewards")
        )
        + ") d group by 1 order by 1 limit $3",
        one.cutoff,
        after,
        _DISTRIBUTORS,
        *([one.settlement_id] if one.selected else []),
    )
    due: list[DistributorId] = []
    entries = 0
    for row in rows:
        entries += row["entries"]
        if due and entries > _ENTRIES:
            break
        due.append(row["distributor_id"])
    return due


async def count(reader: Reader, cutoff: datetime, distributor_ids: Sequence[int] | None) -> int:
    """For how many distributors anything has matured."""
    some = "" if distributor_ids is None else " and distributor_id in (select unnest($2::text::bigint[]))"
    found: int = await reader.fetchval(
        "select count(distinct distributor_id) from ("
        + " union all ".join(
            f"select distributor_id from {table} where status = 'pending' and release_at <= $1{some}"
            for table in ("commission", "rewards")
        )
        + ") m",
        cutoff,
        *([] if distributor_ids is None else [arrays.numbers(distributor_ids)]),
    )
    return found


async def of_distributors(
    reader: Reader, distributor_ids: Sequence[int], *, cutoff: datetime, without: Sequence[OrderId]
) -> Due:
    """What has matured for these, but for what comes from the orders left out."""
    rows = await reader.fetch(
        "select order_id, close_id, null as reward_period_id, distributor_id, currency from commission"
        " where status = 'pending' and release_at <= $1 and distributor_id in (select unnest($2::text::bigint[]))"
        " and (order_id is null or order_id not in (select unnest($3::text::bigint[])))"
        " union all select null, null, reward_period_id, distributor_id, currency from rewards"
        " where status = 'pending' and release_at <= $1 and distributor_id in (select unnest($2::text::bigint[]))",
        cutoff,
        arrays.numbers(distributor_ids),
        arrays.numbers(without),
    )
    return Due(
        sorted({row[0] for row in rows} - {None}),
        sorted({row[1] for row in rows} - {None}),
        sorted({row[2] for row in rows} - {None}),
        {(row[3], row[4]) for row in rows},
    )


async def order_ids_of(
    reader: Reader, distributor_ids: Sequence[int] | None, *, cutoff: datetime, among: Sequence[OrderId]
) -> list[OrderId]:
    """Those of these orders of which something has matured for them (None: for anybody)."""
    some = "" if distributor_ids is None else " and distributor_id in (select unnest($3::text::bigint[]))"
    rows = await reader.fetch(
        "select distinct order_id from commission where order_id in (select unnest($2::text::bigint[])) and status = 'pending'"
        f" and release_at <= $1{some} order by 1",
        cutoff,
        arrays.numbers(among),
        *([] if distributor_ids is None else [arrays.numbers(distributor_ids)]),
    )
    return [row["order_id"] for row in rows]


async def parked(reader: Reader) -> list[OrderId]:
    """Orders of which an event could not be booked and waits for another attempt."""
    rows = await reader.fetch(
        "select distinct substr(envelope->>'subject', 8)::bigint as order_id from inbox"
        " where state = 'parked' and consumer = 'commission.accrual' and envelope->>'subject' like 'orders/%'"
    )
    return [row["order_id"] for row in rows]


async def booked_steps(reader: Reader, order_ids: Sequence[OrderId]) -> dict[int, int]:
    """How many steps are booked of these orders."""
    rows = await reader.fetch(
        "select order_id, steps from order_book where order_id in (select unnest($1::text::bigint[]))",
        arrays.numbers(order_ids),
    )
    return {row["order_id"]: row["steps"] for row in rows}


async def amounts(
    reader: Reader, *, cutoff: datetime, distributor_ids: Sequence[int] | None, without: Sequence[OrderId]
) -> list[Amount]:
    """What has matured for these distributors (None: for all), by currency, but for the orders left out."""
    some = "" if distributor_ids is None else " and distributor_id in (select unnest($3::text::bigint[]))"
    rows = await reader.fetch(
        "select currency, sum(amount)::bigint as amount_minor, count(*) as entries,"
        " count(distinct distributor_id) as distributors from ("
        "select currency, commission_amount_minor as amount, distributor_id from commission"
        f" where status = 'pending' and release_at <= $1 and (order_id is null or order_id not in (select unnest($2::text::bigint[]))){some}"
        " union all select currency, reward_amount_minor, distributor_id from rewards"
        f" where status = 'pending' and release_at <= $1{some}) m group by 1 order by 1",
        cutoff,
        arrays.numbers(without),
        *([] if distributor_ids is None else [arrays.numbers(distributor_ids)]),
    )
    return [Amount(**dict(row.items())) for row in rows]
