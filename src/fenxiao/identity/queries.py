"""What identity reads: accounts, holds, keys, the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_

from fenxiao.identity.domain.chain import Line
from fenxiao.identity.tables import audit_log
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.ids import AccountId, DistributorId, HoldId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """账号: who may sign in. `state` is held (its distributor is not committed yet), active or closed."""

    account_id: AccountId
    username: str
    password_hash: str
    state: str
    distributor_id: DistributorId | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingHold:
    """A hold that is open or confirmed, with what its account was asked for."""

    hold_id: HoldId
    account_id: AccountId
    distributor_id: DistributorId
    username_key: str
    password_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """A signing key's public half (RFC 7517)."""

    kid: str
    public: dict[str, Any]


_ACCOUNT = """
select a.account_id, a.username, a.password_hash, a.state, a.distributor_id,
  array(select r.role from account_role r where r.account_id = a.account_id order by r.role) as roles
from account a
"""


async def account_by_username(reader: Reader, username_key: str) -> Account | None:
    """The account with this folded username."""
    row = await reader.fetchrow(_ACCOUNT + "where a.username_key = $1", username_key)
    return None if row is None else _account(row)


async def account(reader: Reader, account_id: int) -> Account | None:
    """The account with this id."""
    row = await reader.fetchrow(_ACCOUNT + "where a.account_id = $1", account_id)
    return None if row is None else _account(row)


def _account(row: Record) -> Account:
    return Account(**{**row, "roles": tuple(row["roles"])})


async def standing_holds(
    reader: Reader, asked: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], StandingHold]:
    """By (caller, key), the attempt that is open or confirmed."""
    rows = await reader.fetch(
        "select h.caller, h.key, h.hold_id, h.account_id, h.distributor_id, a.username_key, a.password_hash"
        " from account_hold h join account a using (account_id)"
        " where (h.caller, h.key) in (select * from unnest($1::text[], $2::text[]))",
        [caller for caller, _ in asked],
        [key for _, key in asked],
    )
    return {
        (row["caller"], row["key"]): StandingHold(**{name: row[name] for name in StandingHold.__slots__})
        for row in rows
    }


async def overdue_holds(reader: Reader, before: datetime, limit: int) -> list[HoldId]:
    """Open holds past their deadline, oldest first."""
    rows = await reader.fetch(
        "select hold_id from account_hold where state = 'open' and deadline < $1 order by deadline, hold_id limit $2",
        before,
        limit,
    )
    return [HoldId(row["hold_id"]) for row in rows]


async def open_holds(reader: Reader) -> list[HoldId]:
    """Holds that wait for the event of their distributor, or for the sweep."""
    rows = await reader.fetch("select hold_id from account_hold where state = 'open' order by hold_id")
    return [HoldId(row["hold_id"]) for row in rows]


async def published_keys(reader: Reader, retired_after: datetime) -> list[PublishedKey]:
    """The keys that may have signed something still valid, newest first."""
    rows = await reader.fetch(
        "select kid, public from signing_key where retired_at is null or retired_at > $1 order by created_at desc, kid",
        retired_after,
    )
    return [PublishedKey(kid=row["kid"], public=row["public"]) for row in rows]


async def revoked_sessions(reader: Reader, since: datetime) -> list[str]:
    """Sessions revoked at that moment or later."""
    rows = await reader.fetch(
        "select session_id from session where revoked_at >= $1 order by revoked_at", since
    )
    return [str(row["session_id"]) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which lines of the audit log are wanted; None leaves a field open."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None


async def audit_page(reader: Reader, wanted: AuditFilter, *, limit: int, cursor: str | None) -> Page[Line]:
    """Lines of the audit log, newest first: by the time of the change, which is not quite the order of the chain."""
    log = audit_log.c
    query = select(
        log.audit_id, log.event_id, log.at, log.actor, log.action, log.subject, log.before, log.after
    )
    for column, value in (
        (log.subject, wanted.subject),
        (log.actor, wanted.actor),
        (log.action, wanted.action),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.from_time is not None:
        query = query.where(log.at >= wanted.from_time)
    if wanted.to_time is not None:
        query = query.where(log.at < wanted.to_time)
    if cursor is not None:
        query = query.where(tuple_(log.at, log.audit_id) < decode_cursor(cursor, datetime, int))
    rows = await reader.fetch(query.order_by(log.at.desc(), log.audit_id.desc()).limit(limit + 1))
    lines = tuple(Line(**row) for row in rows[:limit])
    return Page(lines, encode_cursor(lines[-1].at, lines[-1].audit_id) if len(rows) > limit else None)


async def audit_chain_after(reader: Reader, audit_id: int, limit: int) -> list[tuple[Line, bytes]]:
    """The next lines of the chain with their stored hashes."""
    rows = await reader.fetch(
        "select audit_id, event_id, at, actor, action, subject, before, after, hash from audit_log"
        " where audit_id > $1 order by audit_id limit $2",
        audit_id,
        limit,
    )
    return [(Line(**{name: row[name] for name in Line.__slots__}), row["hash"]) for row in rows]


async def audit_head(reader: Reader) -> tuple[int, bytes] | None:
    """Number and hash of the last line as the appender noted them."""
    row = await reader.fetchrow("select audit_id, hash from audit_head")
    return None if row is None else (row["audit_id"], row["hash"])
