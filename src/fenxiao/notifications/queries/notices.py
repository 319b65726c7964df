"""Notices, as each account has read them or not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from fenxiao.infra.db.sql import Reader, Record
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import NotFound
from fenxiao.kernel.ids import AccountId
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor
from fenxiao.notifications.domain.ids import NoticeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """站内通知: something that administrators should know; `read_at` is the reader's own."""

    notice_id: NoticeId
    kind: str
    params: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


# Looked up notice by notice, which the limits say: joined as they are, all that an account has read would be read.
_FROM = (
    "select n.notice_id, n.kind, n.params, n.created_at, least(r.read_at, a.read_at) as read_at from notice n"
    " left join lateral (select read_at from notice_read where notice_id = n.notice_id and account_id = $1 limit 1) r"
    "  on true"
    " left join lateral (select read_at from notices_read where account_id = $1 and through >= n.notice_id"
    "  order by through limit 1) a on true"
)
_UNREAD = (
    " and n.notice_id > (select coalesce(max(through), 0) from notices_read where account_id = $1)"
    " and r.read_at is null"
)


async def page(
    reader: Reader, account_id: AccountId, *, unread: bool, limit: int, cursor: str | None
) -> Page[Notice]:
    """Notices, the newest first; with `unread` those alone that this account has not read."""
    before = 2**63 - 1 if cursor is None else cast("int", decode_cursor(cursor, int)[0])
    rows = await reader.fetch(
        f"{_FROM} where n.notice_id < $2{_UNREAD if unread else ''} order by n.notice_id desc limit $3",
        account_id,
        before,
        limit + 1,
    )
    found = tuple(_notice(row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].notice_id) if len(rows) > limit else None)


async def find(reader: Reader, account_id: AccountId, notice_id: int) -> Notice:
    """One notice."""
    row = await reader.fetchrow(_FROM + " where n.notice_id = $2", account_id, notice_id)
    if row is None:
        raise NotFound(thing="notice")
    return _notice(row)


async def unread_now(tx: Transaction, account_id: AccountId) -> tuple[int, int]:
    """How many notices this account has not read, and the last notice there is (0: none)."""
    row = await tx.fetchrow(
        "select (select count(*) from notice n left join notice_read r"
        f" on r.notice_id = n.notice_id and r.account_id = $1 where true{_UNREAD}) as unread,"
        " (select coalesce(max(notice_id), 0) from notice) as last",
        account_id,
    )
    assert row is not None  # noqa: S101 - it has no from
    return row["unread"], row["last"]


async def of_mail(reader: Reader, mail_id: int) -> list[Notice]:
    """What an e-mail tells of, oldest first."""
    rows = await reader.fetch(
        "select notice_id, kind, params, created_at, null::timestamptz as read_at from notice"
        " where mail_id = $1 order by notice_id",
        mail_id,
    )
    return [_notice(row) for row in rows]


def _notice(row: Record) -> Notice:
    return Notice(**row)
