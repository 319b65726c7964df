"""Reads of rule versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import CTE, func, or_, select, text, tuple_

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import RuleId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.rules import tables
from fenxiao.rules.api import RuleQuestion, RuleVersion
from fenxiao.rules.domain.timeline import Interval

State = Literal["draft", "checked", "published"]
Status = Literal["draft", "checked", "published", "superseded"]
_COLUMNS = (
    "rule_id, name, version, currency, state, revision, document, document_hash, announced_at, effective_from,"
    " effective_to, created_by, created_at, updated_at, published_by, changed_by, checked_by, checked_at, approved_by,"
    " approved_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """规则版本: one version of a plan as it is kept."""

    rule_id: RuleId
    name: str
    version: int
    currency: str
    state: State
    revision: int
    document: dict[str, Any]
    document_hash: bytes
    announced_at: datetime | None
    effective_from: datetime | None
    effective_to: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    published_by: str | None
    changed_by: Sequence[str] = ()
    checked_by: str | None = None
    checked_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None

    def wrote(self, actor: str) -> bool:
        """Whether this account drafted or ever changed the version."""
        return actor == self.created_by or actor in self.changed_by

    def status(self, now: datetime) -> Status:
        """Its state, or superseded once it is over or was replaced before it began."""
        end = self.effective_to
        return "superseded" if end is not None and (end <= now or end == self.effective_from) else self.state


async def find(reader: Reader, rule_id: int) -> Rule | None:
    """The version with this id."""
    row = await reader.fetchrow(f"select {_COLUMNS} from rules where rule_id = $1", rule_id)
    return None if row is None else _rule(row)


async def locked(reader: Reader, rule_id: int) -> Rule | None:
    """The version with this id, locked until the transaction ends."""
    row = await reader.fetchrow(f"select {_COLUMNS} from rules where rule_id = $1 for update", rule_id)
    return None if row is None else _rule(row)


async def listed(
    reader: Reader,
    *,
    name: str | None,
    currency: str | None,
    status: Status | None,
    now: datetime,
    cursor: str | None,
    limit: int,
) -> Page[Rule]:
    """Versions, the newest first."""
    source = _lasting(now) if status == "published" else tables.rules
    table = source.c
    statement = select(source).order_by(table.rule_id.desc()).limit(limit + 1)
    for column, wanted in ((table.name, name), (table.currency, currency)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if status in {"draft", "checked"}:
        statement = statement.where(table.state == status)
    if status == "superseded":
        never_began = table.effective_to == table.effective_from
        statement = statement.where(or_(table.effective_to <= now, never_began))
    if cursor is not None:
        statement = statement.where(tuple_(table.rule_id) < decode_cursor(cursor, int))
    found = [_rule(row) for row in await reader.fetch(statement)]
    more = len(found) > limit
    return Page(tuple(found[:limit]), encode_cursor(found[limit - 1].rule_id) if more else None)


def _lasting(now: datetime) -> CTE:
    """The published versions that are in effect or to come, which are few; and they are looked up first for that.

    Left to the planner the list would be walked through from its end, past all that is over, in the hope of many.
    """
    table = tables.rules.c
    lasting = func.coalesce(table.effective_to, text("'infinity'::timestamptz")) > now
    began = or_(table.effective_to.is_(None), table.effective_to != table.effective_from)
    found = select(tables.rules).where(table.state == "published", lasting, began)
    return found.cte("lasting").prefix_with("MATERIALIZED")


async def after(reader: Reader, cursor: int, limit: int) -> list[Rule]:
    """The next versions by id, drafts included."""
    rows = await reader.fetch(
        f"select {_COLUMNS} from rules where rule_id > $1 order by rule_id limit $2", cursor, limit
    )
    return [_rule(row) for row in rows]


async def version_before(reader: Reader, rule: Rule) -> Rule | None:
    """The last published version of the same plan below this one."""
    row = await reader.fetchrow(
        f"select {_COLUMNS} from rules where name = $1 and version < $2 and state = 'published'"
        " order by version desc limit 1",
        rule.name,
        rule.version,
    )
    return None if row is None else _rule(row)


async def in_effect(reader: Reader, asked: Sequence[RuleQuestion]) -> list[RuleId | None]:
    """The version in effect for each question, in one statement."""
    rows = await reader.fetch(
        """
        select found.rule_id
        from unnest($1::text[], $2::timestamptz[]) with ordinality as asked (currency, at, n)
        left join lateral (
            select rule_id from rules
            where currency = asked.currency and state = 'published' and effective_from <= asked.at
              and (effective_to is null or effective_to > asked.at)
            order by effective_from desc limit 1
        ) as found on true
        order by asked.n
        """,
        [question.currency for question in asked],
        [question.at for question in asked],
    )
    return [row["rule_id"] for row in rows]


async def published(reader: Reader, rule_ids: Sequence[int]) -> list[RuleVersion]:
    """These versions, drafts and unknown ids left out."""
    rows = await reader.fetch(
        "select rule_id, name, version, currency, document from rules"
        " where rule_id = any($1::bigint[]) and state = 'published' order by rule_id",
        list(rule_ids),
    )
    return [RuleVersion(**dict(row.items())) for row in rows]


async def documents(reader: Reader, rule_ids: Sequence[int]) -> list[RuleVersion]:
    """These versions as they stand, drafts too."""
    rows = await reader.fetch(
        "select rule_id, name, version, currency, document from rules where rule_id = any($1::bigint[]) order by rule_id",
        list(rule_ids),
    )
    return [RuleVersion(**dict(row.items())) for row in rows]


async def timeline(reader: Reader, currency: str, start: datetime) -> list[Interval]:
    """The intervals of a currency that have not ended at `start`, in order."""
    rows = await reader.fetch(
        "select rule_id, effective_from, effective_to from rules where currency = $1 and state = 'published'"
        " and (effective_to is null or effective_to > $2) order by effective_from",
        currency,
        start,
    )
    return [Interval(row["rule_id"], row["effective_from"], row["effective_to"]) for row in rows]


async def overlaps(reader: Reader) -> list[tuple[int, int]]:
    """Pairs of published versions of one currency that are in effect at the same moment."""
    rows = await reader.fetch(
        "select a.rule_id as earlier, b.rule_id as later from rules a join rules b"
        " on a.currency = b.currency and a.rule_id < b.rule_id and a.state = 'published' and b.state = 'published'"
        " and tstzrange(a.effective_from, a.effective_to) && tstzrange(b.effective_from, b.effective_to)"
        " order by 1, 2"
    )
    return [(row["earlier"], row["later"]) for row in rows]


def _rule(row: Record) -> Rule:
    return Rule(**dict(row.items()))
