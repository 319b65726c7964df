"""Versions of the withdrawal policies, and which of them is in effect.

At any moment it is the one of the currency that took effect last; of two with the same time, the later version.
"""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import select

from fenxiao.commission.domain.withdrawal_policy import Policy
from fenxiao.commission.tables.withdrawals import withdrawal_policy
from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor

_NAMES = [field.name for field in fields(Policy)]
_TEXT = ", ".join(_NAMES)


async def at(reader: Reader, currency: str, moment: datetime) -> Policy:
    """The version in effect at a moment; that of a new installation where there is none yet."""
    row = await reader.fetchrow(
        f"select {_TEXT} from withdrawal_policy where currency = $1 and effective_from <= $2"
        " order by effective_from desc, policy_id desc limit 1",
        currency,
        moment,
    )
    return Policy(policy_id=None, currency=currency) if row is None else Policy(**dict(row.items()))


async def some(reader: Reader, policy_ids: set[int | None]) -> dict[int, Policy]:
    """These versions, by id."""
    rows = await reader.fetch(
        f"select {_TEXT} from withdrawal_policy where policy_id = any($1::bigint[])",
        [one for one in policy_ids if one is not None],
    )
    return {row["policy_id"]: Policy(**dict(row.items())) for row in rows}


async def page(reader: Reader, *, currency: str | None, limit: int, cursor: str | None) -> Page[Policy]:
    """Versions, the one that was written last first."""
    query = select(*(withdrawal_policy.c[name] for name in _NAMES))
    if currency is not None:
        query = query.where(withdrawal_policy.c.currency == currency)
    if cursor is not None:
        (before,) = decode_cursor(cursor, int)
        query = query.where(withdrawal_policy.c.policy_id < before)
    rows = await reader.fetch(query.order_by(withdrawal_policy.c.policy_id.desc()).limit(limit + 1))
    items = tuple(Policy(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].policy_id or 0) if len(rows) > limit else None)
