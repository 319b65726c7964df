"""Distributors one by one and in lists."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger, Text

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import AccountId, DistributorId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.kernel.path import subtree
from fenxiao.network.domain.joining import Place
from fenxiao.network.queries.downlines import position
from fenxiao.network.tables import GRAMS, distributor


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """分销商: a distributor; contacts are sealed, `version` counts its changes, `path` leads from the root to it."""

    distributor_id: DistributorId
    external_id: str | None
    account_id: AccountId | None
    display_name: str
    phone_sealed: bytes | None
    email_sealed: bytes | None
    sponsor_id: DistributorId | None
    path: bytes
    status: str
    grade: str | None
    earns: bool
    invite_code: str
    joined_at: datetime
    version: int
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFilter:
    """Which distributors are wanted; None leaves a field open. `within` is the path of a subtree."""

    status: str | None = None
    grade: str | None = None
    text: str | None = None
    sponsor_id: int | None = None
    external_id: str | None = None
    ids: Sequence[int] | None = None
    within: bytes | None = None


NEAR = 1000
"""So many distributors are looked through for a text before the index of names is asked."""

_COLUMNS = [distributor.c[name] for name in Profile.__slots__]
_ONE = f"select {', '.join(Profile.__slots__)} from distributor"


async def profile(reader: Reader, distributor_id: int) -> Profile | None:
    """The distributor with this id."""
    row = await reader.fetchrow(f"{_ONE} where distributor_id = $1", distributor_id)
    return None if row is None else _profile(row)


async def erased(reader: Reader, distributor_id: int) -> bool:
    """Whether the person of this distributor was erased."""
    return (
        await reader.fetchval("select erased_at from distributor where distributor_id = $1", distributor_id)
        is not None
    )


async def by_invite_code(reader: Reader, invite_code: str) -> Profile | None:
    """The distributor whose invite code this is."""
    row = await reader.fetchrow(f"{_ONE} where invite_code = $1", invite_code)
    return None if row is None else _profile(row)


async def listed(reader: Reader, wanted: ProfileFilter, *, limit: int, cursor: str | None) -> Page[Profile]:
    """A page of distributors by id; those of a subtree in the order of the tree."""
    list_ = await _list(reader, wanted, cursor)
    if wanted.text:
        rows = await _searched(reader, list_, wanted.text, limit + 1)
    else:
        rows = await reader.fetch(list_.of(distributor).limit(limit + 1))
    found = tuple(_profile(row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].distributor_id) if len(rows) > limit else None)


@dataclass(frozen=True, slots=True)
class _List:
    """What is listed behind a cursor, and in which order, of whatever has the columns of a distributor."""

    conditions: Callable[[Any], Iterable[ColumnElement[bool]]]
    order: str

    def of(self, source: Any) -> Select[Any]:
        columns = source.c
        chosen = select(*(columns[name] for name in Profile.__slots__))
        return chosen.where(*self.conditions(columns)).order_by(columns[self.order])


async def _list(reader: Reader, wanted: ProfileFilter, cursor: str | None) -> _List:
    if wanted.within is None:
        last = None if cursor is None else decode_cursor(cursor, int)[0]
        return _List(
            lambda c: [*_conditions(c, wanted), *(() if last is None else (c.distributor_id > last,))],
            "distributor_id",
        )
    # Whoever is below joined late and has a high id: by id, the page would begin behind everybody else.
    low, high = subtree(wanted.within)
    after = None if cursor is None else await position(reader, cursor, low, high)
    return _List(
        lambda c: [
            *_conditions(c, wanted),
            c.path >= low if after is None else c.path > after,
            c.path < high,
        ],
        "path",
    )


async def _searched(reader: Reader, list_: _List, text: str, limit: int) -> list[Record]:
    """The first of these whose name contains the text, or whose external id or invite code it is.

    Words that many have are found among the next few: those are looked through. Only where they do not fill the page
    is the index asked, for whom it then names are few. Left to the planner it would go wrong: that the neighbours in a
    common word mostly occur together is not known to it.
    """
    folded: str = await reader.fetchval("select network.folded($1)", text)
    near = list_.of(distributor).limit(NEAR).cte("near")
    seen = select(func.count().label("seen")).select_from(near).subquery()
    hits = (
        select(near).where(_named(near.c, folded, text)).order_by(near.c[list_.order]).limit(limit).subquery()
    )
    both = select(seen.c.seen, hits).select_from(seen.join(hits, true(), isouter=True))
    rows = await reader.fetch(both.order_by(hits.c[list_.order]))
    found = [row for row in rows if row["distributor_id"] is not None]
    if len(found) >= limit or rows[0]["seen"] < NEAR:
        return found
    pairs = sorted({folded[place : place + 2] for place in range(len(folded) - 1)}) or [folded]
    known = GRAMS.op("@>")(literal(pairs, ARRAY(Text)))
    column = distributor.c
    told = or_(known, column.external_id == text, column.invite_code == text.upper())
    # By itself and first: with the rest beside it, it would be weighed against reading all that lies behind the cursor.
    all_ = select(*_COLUMNS).where(told, _named(column, folded, text)).cte("hit").prefix_with("MATERIALIZED")
    return await reader.fetch(list_.of(all_).limit(limit))


def _named(column: Any, folded: str, text: str) -> ColumnElement[bool]:
    named = func.strpos(func.network.folded(column.display_name), folded) > 0
    return or_(named, column.external_id == text, column.invite_code == text.upper())


async def places(reader: Reader, external_ids: Sequence[str]) -> dict[str, Place]:
    """Where those of these external ids that exist stand in the tree."""
    rows = await reader.fetch(
        "select external_id, distributor_id, path, earns from distributor where external_id = any($1::text[])",
        list(external_ids),
    )
    return {row["external_id"]: Place(row["distributor_id"], row["path"], row["earns"]) for row in rows}


async def joined(reader: Reader, distributor_ids: Sequence[DistributorId]) -> dict[DistributorId, datetime]:
    """When those of these that exist were registered."""
    rows = await reader.fetch(
        "select distributor_id, joined_at from distributor where distributor_id = any($1::bigint[])",
        list(distributor_ids),
    )
    return {row["distributor_id"]: row["joined_at"] for row in rows}


async def drawn_ids(reader: Reader, count: int) -> list[DistributorId]:
    """So many ids that nobody has or will get."""
    rows = await reader.fetch(
        "select nextval(pg_get_serial_sequence('distributor', 'distributor_id')) as id from generate_series(1, $1)",
        count,
    )
    return [DistributorId(row["id"]) for row in rows]


def _conditions(column: Any, wanted: ProfileFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        column[name] == value
        for name in ("status", "grade", "sponsor_id", "external_id")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.ids is not None:
        conditions.append(column.distributor_id == func.any(literal(list(wanted.ids), ARRAY(BigInteger))))
    return conditions


def _profile(row: Record) -> Profile:
    return Profile(**{name: row[name] for name in Profile.__slots__})
