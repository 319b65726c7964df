"""Distributors one by one and in lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import AccountId, DistributorId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.kernel.path import subtree
from fenxiao.network.domain.joining import Place
from fenxiao.network.tables import distributor


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


_COLUMNS = [distributor.c[name] for name in Profile.__slots__]
_ONE = f"select {', '.join(Profile.__slots__)} from distributor"


async def profile(reader: Reader, distributor_id: int) -> Profile | None:
    """The distributor with this id."""
    row = await reader.fetchrow(f"{_ONE} where distributor_id = $1", distributor_id)
    return None if row is None else _profile(row)


async def by_invite_code(reader: Reader, invite_code: str) -> Profile | None:
    """The distributor whose invite code this is."""
    row = await reader.fetchrow(f"{_ONE} where invite_code = $1", invite_code)
    return None if row is None else _profile(row)


async def listed(reader: Reader, wanted: ProfileFilter, *, limit: int, cursor: str | None) -> Page[Profile]:
    """A page of distributors by id."""
    query = select(*_COLUMNS).where(*_conditions(wanted))
    if cursor is not None:
        (last,) = decode_cursor(cursor, int)
        query = query.where(distributor.c.distributor_id > last)
    rows = await reader.fetch(query.order_by(distributor.c.distributor_id).limit(limit + 1))
    found = tuple(_profile(row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].distributor_id) if len(rows) > limit else None)


async def places(reader: Reader, external_ids: Sequence[str]) -> dict[str, Place]:
    """Where those of these external ids that exist stand in the tree."""
    rows = await reader.fetch(
        "select external_id, distributor_id, path, earns from distributor where external_id = any($1::text[])",
        list(external_ids),
    )
    return {row["external_id"]: Place(row["distributor_id"], row["path"], row["earns"]) for row in rows}


async def drawn_ids(reader: Reader, count: int) -> list[DistributorId]:
    """So many ids that nobody has or will get."""
    rows = await reader.fetch(
        "select nextval(pg_get_serial_sequence('distributor', 'distributor_id')) as id from generate_series(1, $1)",
        count,
    )
    return [DistributorId(row["id"]) for row in rows]


def _conditions(wanted: ProfileFilter) -> list[ColumnElement[bool]]:
    column = distributor.c
    conditions: list[ColumnElement[bool]] = [
        column[name] == value
        for name in ("status", "grade", "sponsor_id", "external_id")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.ids is not None:
        conditions.append(column.distributor_id.in_(wanted.ids))
    if wanted.within is not None:
        low, high = subtree(wanted.within)
        conditions += [column.path >= low, column.path < high]
    if wanted.text:
        named = func.strpos(func.lower(column.display_name), wanted.text.lower()) > 0
        conditions.append(
            or_(named, column.external_id == wanted.text, column.invite_code == wanted.text.upper())
        )
    return conditions


def _profile(row: Record) -> Profile:
    return Profile(**row)
