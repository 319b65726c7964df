"""What a settlement would release: whose, of which orders, how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from fenxiao.commission.domain.posting import BalanceKey
from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId, OrderId

_DISTRIBUTORS = 250
_ENTRIES = 2500
"""A part ends before either: it is one transaction, and whoever books for its distributors waits for it."""
PARTS = 2
"""Parts that are carried out side by side. More would leave a small machine nothing for requests."""
_OF_BALANCE = (
    "c.distributor_id = b.distributor_id and c.currency = b.currency and c.release_at >= b.matures_at"
    " and c.release_at <= $1 and c.status = 'pending'"
)
"""An entry `c` that has matured in a balance `b` by the cut-off. A balance knows when its first pending entry matures."""
_ENTRIES_DUE = (
    "select b.distributor_id, b.currency, m.entries, m.ids, 0 as source from balance b cross join lateral"
    " (select count(*) as entries, array_agg(close_id) filter (where close_id is not null) as ids"
    f" from commission c where {_OF_BALANCE}) m where b.matures_at <= $1 and "
)
_REWARDS_DUE = (
    "select distributor_id, currency, count(*), array_agg(reward_period_id), 1 from rewards b"
    " where status = 'pending' and release_at <= $1 and {whose} group by distributor_id, currency{limit}"
)
_COUNTED = (_ENTRIES_DUE + "{whose}{limit}", _REWARDS_DUE)
"""Each with the closes, or periods, that they are of: their lock is needed too."""


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
    """What has matured for some distributors: in which balances, of which closes and periods."""

    distributor_ids: list[DistributorId]
    close_ids: list[int]
    reward_period_ids: list[int]
    keys: set[BalanceKey]


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


async def next_due(reader: Reader, one: Asked, *, after: int) -> list[Due]:
    """What has matured for the next distributors of a settlement, in parts of which each is a transaction."""
    mine = (
        " and exists (select from settlement_selection s where s.settlement_id = $4"
        " and s.distributor_id = b.distributor_id)"
    )
    # One row more: of the last distributor there may be others that were not asked for, so he is left to the next.
    most = _DISTRIBUTORS * PARTS + 1
    whose = "b.distributor_id > $2" + (mine if one.selected else "")
    limit = " order by distributor_id, currency limit $3"
    rows = await reader.fetch(
        " union all ".join(f"({part.format(whose=whose, limit=limit)})" for part in _COUNTED) + limit,
        one.cutoff,
        after,
        most,
        *([one.settlement_id] if one.selected else []),
    )
    last = rows[-1]["distributor_id"] if len(rows) == most else None
    by_distributor = [
        list(some) for whose, some in groupby(rows, itemgetter("distributor_id")) if whose != last
    ]
    return _parts(by_distributor or ([rows] if rows else []))


def _parts(by_distributor: Sequence[Sequence[Record]]) -> list[Due]:
    """No more of these than are carried out side by side, each no larger than a transaction may be."""
    parts: list[list[Record]] = []
    people = entries = 0
    for rows in by_distributor:
        more = sum(row["entries"] for row in rows)
        if not parts or people == _DISTRIBUTORS or entries + more > _ENTRIES:
            if len(parts) == PARTS:
                break
            parts.append([])
            people = entries = 0
        parts[-1] += rows
        people, entries = people + 1, entries + more
    return [_due(rows) for rows in parts]


def _due(rows: Sequence[Record]) -> Due:
    close_ids, reward_period_ids = (
        sorted({one for row in rows if row["source"] == source for one in row["ids"] or ()})
        for source in range(len(_COUNTED))
    )
    keys = {(row["distributor_id"], row["currency"]) for row in rows}
    return Due(sorted({DistributorId(key[0]) for key in keys}), close_ids, reward_period_ids, keys)


async def count(reader: Reader, cutoff: datetime, distributor_ids: Sequence[int] | None) -> int:
    """For how many distributors anything has matured."""
    some = "" if distributor_ids is None else " and distributor_id in (select unnest($2::text::bigint[]))"
    found: int = await reader.fetchval(
        f"select count(distinct distributor_id) from (select distributor_id from balance where matures_at <= $1{some}"
        f" union all select distributor_id from rewards where status = 'pending' and release_at <= $1{some}) m",
        cutoff,
        *([] if distributor_ids is None else [arrays.numbers(distributor_ids)]),
    )
    return found


async def of_distributors(reader: Reader, distributor_ids: Sequence[int], *, cutoff: datetime) -> Due:
    """What has matured for these."""
    whose = "b.distributor_id = any($2::text::bigint[])"
    rows = await reader.fetch(
        " union all ".join(part.format(whose=whose, limit="") for part in _COUNTED),
        cutoff,
        arrays.numbers(distributor_ids),
    )
    return _due(rows)


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
    some = "" if distributor_ids is None else " and b.distributor_id in (select unnest($3::text::bigint[]))"
    rows = await reader.fetch(
        "select currency, sum(amount)::bigint as amount_minor, count(*) as entries,"
        " count(distinct distributor_id) as distributors from ("
        "select c.currency, commission_amount_minor as amount, c.distributor_id from balance b cross join lateral"
        f" (select * from commission c where {_OF_BALANCE} offset 0) c where b.matures_at <= $1"
        f" and (order_id is null or order_id not in (select unnest($2::text::bigint[]))){some}"
        " union all select currency, reward_amount_minor, distributor_id from rewards b"
        f" where status = 'pending' and release_at <= $1{some}) m group by 1 order by 1",
        cutoff,
        arrays.numbers(without),
        *([] if distributor_ids is None else [arrays.numbers(distributor_ids)]),
    )
    return [Amount(**dict(row.items())) for row in rows]
