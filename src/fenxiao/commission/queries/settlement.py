"""Settlements and what they released."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import DistributorId, SettlementId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a settlement has released so far in one currency."""

    currency: str
    amount_minor: int
    entries: int
    statements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """结算: one settlement and how far it has come; `done` of `total` distributors, None while nobody has counted.

    `selected` is for how many it was asked, None for everybody; of those, it is for whoever has the `grade`, if any.
    """

    settlement_id: SettlementId
    status: str
    cutoff: datetime
    distributor_id: DistributorId | None
    created_at: datetime
    done: int
    total: int | None
    input_hash: bytes | None
    output_hash: bytes | None
    released: tuple[Released, ...]
    grade: str | None = None
    selected: int | None = None
    scheduled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """SHA-256 of what one distributor was released, or of his statements, in one settlement."""

    settlement_id: SettlementId
    distributor_id: DistributorId
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A settlement that has hashes, as they are stored."""

    settlement_id: SettlementId
    cutoff: datetime
    input_hash: bytes
    output_hash: bytes


# What the hashes of a settlement go over. What was released never changes; what is written here never may.
ENTRY_LINE = (
    "json_build_array(commission_id, order_id, rule_id, engine_version, component, level, kind, commission_amount_minor,"
    " currency)::text"
)
REWARD_LINE = (
    "json_build_array('reward', reward_id, rule_id, engine_version, reward, period, kind, reward_amount_minor,"
    " currency)::text"
)
DIGEST = "sha256(convert_to(string_agg(line, E'\\n' order by sort, id), 'UTF8'))"
_ENTRIES = (
    f"select settlement_id, distributor_id, {DIGEST} as digest from ("
    f"select settlement_id, distributor_id, 0 as sort, commission_id as id, {ENTRY_LINE} as line from commission"
    " where {chosen}"
    f" union all select settlement_id, distributor_id, 1, reward_id, {REWARD_LINE} from rewards where {{chosen}}"
    ") r group by 1, 2 order by 1, 2"
)
_STATEMENTS = (
    "select settlement_id, distributor_id, sha256(convert_to(string_agg(json_build_array(currency, opening_minor,"
    " released_minor, closing_minor, entries)::text, E'\\n' order by currency collate \"C\"), 'UTF8')) as digest"
    " from statement where {chosen} group by 1, 2 order by 1, 2"
)


_HEAD = (
    "s.settlement_id, coalesce(r.state, 'done') as status, s.cutoff, s.distributor_id, s.created_at,"
    " coalesce(r.done, 1) as done,"
    # What another settlement released meanwhile is not left to do; one distributor's is done when it is there.
    " case when r.state = 'done' then r.done when s.run_id is null then 1 else r.total end as total, s.input_hash,"
    " s.output_hash, s.grade,"
    " case when s.selected then (select count(*) from settlement_selection c where c.settlement_id = s.settlement_id)"
    " end as selected, s.scheduled"
)


async def settlement(reader: Reader, settlement_id: SettlementId) -> Settlement | None:
    """One settlement, None if there is none of this id."""
    row = await reader.fetchrow(
        f"select {_HEAD} from settlement s left join run r using (run_id) where s.settlement_id = $1",
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


async def page(reader: Reader, *, limit: int, cursor: str | None) -> Page[Settlement]:
    """Settlements, the newest first; what each released is not added up."""
    before = 2**63 - 1 if cursor is None else decode_cursor(cursor, int)[0]
    rows = await reader.fetch(
        f"select {_HEAD} from settlement s left join run r using (run_id) where s.settlement_id < $1"
        " order by s.settlement_id desc limit $2",
        before,
        limit + 1,
    )
    found = tuple(Settlement(**dict(row.items()), released=()) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].settlement_id) if len(rows) > limit else None)


async def statement_digests(
    reader: Reader, settlement_id: SettlementId, distributor_ids: Sequence[int]
) -> list[Digest]:
    """Of the statements of these distributors, by distributor."""
    chosen = "settlement_id = $1 and distributor_id = any($2::bigint[])"
    rows = await reader.fetch(_STATEMENTS.format(chosen=chosen), settlement_id, distributor_ids)
    return [_digest(row) for row in rows]


async def all_digests(reader: Reader) -> tuple[list[Digest], list[Digest]]:
    """Of everything that settlements with hashes released, and of their statements; by settlement and distributor."""
    chosen = "settlement_id in (select settlement_id from settlement where input_hash is not null)"
    entries = await reader.fetch(_ENTRIES.format(chosen=chosen))
    statements = await reader.fetch(_STATEMENTS.format(chosen=chosen))
    return [_digest(row) for row in entries], [_digest(row) for row in statements]


async def proved(reader: Reader) -> list[Proved]:
    """The settlements that have hashes."""
    rows = await reader.fetch(
        "select settlement_id, cutoff, input_hash, output_hash from settlement where input_hash is not null order by 1"
    )
    return [Proved(**dict(row.items())) for row in rows]


def _digest(row: Record) -> Digest:
    return Digest(**dict(row.items()))
