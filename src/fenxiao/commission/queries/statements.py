"""Statements and the stretches of the ledger that they are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.commission.domain.statement import BalanceAccounts, Flow
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId, SettlementId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """结算单: one statement as it was written; opening + released = closing, of the available balance.

    It goes through the posting `through`, its own last release. The other two balances are as of then; None for
    statements from before they were written down.
    """

    settlement_id: SettlementId
    distributor_id: DistributorId
    currency: str
    opening_minor: int
    released_minor: int
    closing_minor: int
    entries: int
    created_at: datetime
    cutoff: datetime
    through: int
    pending_minor: int | None
    withdrawing_minor: int | None

    @property
    def statement_id(self) -> str:
        """Settlement, distributor and currency: there is one of each."""
        return f"{self.settlement_id}-{self.distributor_id}-{self.currency}"

    @property
    def lying(self) -> BalanceAccounts | None:
        """What lay in the three accounts when it was written."""
        if self.pending_minor is None or self.withdrawing_minor is None:
            return None
        return (self.pending_minor, self.closing_minor, self.withdrawing_minor)


# One from before `through_posting_id` was written down finds it in the ledger.
_THROUGH = (
    "coalesce(s.through_posting_id, (select max(posting_id) from posting p where p.distributor_id = s.distributor_id"
    " and p.currency = s.currency and p.settlement_id = s.settlement_id))"
)
_COLUMNS = (
    "s.settlement_id, s.distributor_id, s.currency, s.opening_minor, s.released_minor, s.closing_minor, s.entries,"
    f" s.created_at, t.cutoff, {_THROUGH} as through, s.pending_minor, s.withdrawing_minor"
)
_FROM = f"select {_COLUMNS} from statement s join settlement t using (settlement_id)"


async def find(reader: Reader, settlement_id: int, distributor_id: int, currency: str) -> Statement | None:
    """One statement."""
    row = await reader.fetchrow(
        f"{_FROM} where s.settlement_id = $1 and s.distributor_id = $2 and s.currency = $3",
        settlement_id,
        distributor_id,
        currency,
    )
    return None if row is None else _statement(row)


async def before(reader: Reader, one: Statement) -> Statement | None:
    """The statement of the same balance that was written before this one."""
    row = await reader.fetchrow(
        f"{_FROM} where s.distributor_id = $1 and s.currency = $2 and s.through_posting_id < $3"
        " order by s.through_posting_id desc limit 1",
        one.distributor_id,
        one.currency,
        one.through,
    )
    # Those from before it was written down are older than all others.
    row = row or await reader.fetchrow(
        f"select * from ({_FROM} where s.distributor_id = $1 and s.currency = $2 and s.through_posting_id is null) b"
        " where through < $3 order by through desc limit 1",
        one.distributor_id,
        one.currency,
        one.through,
    )
    return None if row is None else _statement(row)


async def of_settlement(
    reader: Reader, settlement_id: int, distributor_id: int | None, *, limit: int, cursor: str | None
) -> Page[Statement]:
    """The statements of a settlement (of one distributor alone), by distributor and currency."""
    after = (0, "") if cursor is None else decode_cursor(cursor, int, str)
    mine = "" if distributor_id is None else " and s.distributor_id = $5"
    rows = await reader.fetch(
        f"{_FROM} where s.settlement_id = $1 and (s.distributor_id, s.currency) > ($2, $3){mine}"
        " order by s.distributor_id, s.currency limit $4",
        settlement_id,
        *after,
        limit + 1,
        *([] if distributor_id is None else [distributor_id]),
    )
    found = tuple(map(_statement, rows[:limit]))
    more = len(rows) > limit
    return Page(found, encode_cursor(found[-1].distributor_id, found[-1].currency) if more else None)


async def of_distributor(
    reader: Reader, distributor_id: int, *, limit: int, cursor: str | None
) -> Page[Statement]:
    """The statements of a distributor, the newest settlement first."""
    last = (2**63 - 1, "") if cursor is None else decode_cursor(cursor, int, str)
    rows = await reader.fetch(
        f"{_FROM} where s.distributor_id = $1 and s.settlement_id <= $2 and (s.settlement_id < $2 or s.currency > $3)"
        " order by s.settlement_id desc, s.currency limit $4",
        distributor_id,
        *last,
        limit + 1,
    )
    found = tuple(map(_statement, rows[:limit]))
    more = len(rows) > limit
    return Page(found, encode_cursor(found[-1].settlement_id, found[-1].currency) if more else None)


async def flows(reader: Reader, key: tuple[int, str], *, after: int, through: int) -> list[Flow]:
    """What a distributor's postings in a currency with after < id <= through come to, kind by kind."""
    rows = await reader.fetch(
        "select event, debit, credit, sum(amount_minor)::bigint as amount_minor from posting"
        " where distributor_id = $1 and currency = $2 and posting_id > $3 and posting_id <= $4"
        " group by 1, 2, 3 order by 1, 2, 3",
        *key,
        after,
        through,
    )
    return [Flow(**dict(row.items())) for row in rows]


@dataclass(frozen=True, slots=True)
class EntryName:
    """Of what component and level an entry is, and whether it was written after a refund."""

    component: str
    level: int
    correction: bool


async def entry_names(reader: Reader, commission_ids: Sequence[int]) -> dict[int, EntryName]:
    """What these entries are, by id."""
    rows = await reader.fetch(
        "select commission_id, component, level, step > 0 and order_id is not null from commission"
        " where commission_id = any($1::bigint[])",
        list(commission_ids),
    )
    return {row[0]: EntryName(row[1], row[2], row[3]) for row in rows}


async def line_count(reader: Reader, key: tuple[int, str], *, after: int, through: int) -> int:
    """How many postings a stretch has."""
    count: int = await reader.fetchval(
        "select count(*) from posting"
        " where distributor_id = $1 and currency = $2 and posting_id > $3 and posting_id <= $4",
        *key,
        after,
        through,
    )
    return count


def _statement(row: Record) -> Statement:
    return Statement(**dict(row.items()))
