"""Settlements and what they released."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import DistributorId, SettlementId


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a settlement has released so far in one currency."""

    currency: str
    amount_minor: int
    entries: int
    statements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """结算: one settlement and how far it has come; `done` of `total` distributors, None while nobody has counted."""

    settlement_id: SettlementId
    status: str
    cutoff: datetime
    distributor_id: DistributorId | None
    created_at: datetime
    done: int
    total: int | None
    released: tuple[Released, ...]


async def settlement(reader: Reader, settlement_id: SettlementId) -> Settlement | None:
    """One settlement, None if there is none of this id."""
    # One distributor's is done when its transaction is; only those of all have a run.
    row = await reader.fetchrow(
        "select s.settlement_id, coalesce(r.state, 'done') as status, s.cutoff, s.distributor_id, s.created_at,"
        " coalesce(r.done, 1) as done,"
        # What another settlement released meanwhile is not left to do.
        " case when r.state = 'done' then r.done else coalesce(r.total, 1) end as total"
        " from settlement s left join run r using (run_id) where s.settlement_id = $1",
        settlement_id,
    )
    if row is None:
        return None
    rows = await reader.fetch(
        "select currency, sum(released_minor)::bigint as amount_minor, sum(entries)::bigint as entries,"
        " count(*) as statements from statement where settlement_id = $1 group by currency order by currency",
        settlement_id,
    )
    return Settlement(**dict(row.items()), released=tuple(Released(**dict(one.items())) for one in rows))
