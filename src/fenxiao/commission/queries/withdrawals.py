"""Withdrawals, their histories and payouts, and what contradicts them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from fenxiao.commission.domain.payout_accounts import Channel
from fenxiao.commission.domain.withdrawal_policy import Risk
from fenxiao.commission.domain.withdrawals import FindingKind, Status
from fenxiao.commission.tables.accounts import payout_account
from fenxiao.commission.tables.withdrawals import payout, payout_finding, withdrawal
from fenxiao.infra.db.sql import Reader, Record
from fenxiao.kernel.paging import Page, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalView:
    """提现: one withdrawal with its present payout. `tax_minor` is final once it is approved, before what it would be."""

    withdrawal_id: int
    distributor_id: int
    account_id: int
    channel: Channel
    currency: str
    amount_minor: int
    fee_minor: int
    tax_minor: int
    status: Status
    version: int
    attempt: int
    payout_number: str
    policy_id: int | None
    risks: tuple[Risk, ...]
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    automatic: bool
    ended_at: datetime | None

    @property
    def net_minor(self) -> int:
        """What arrives."""
        return self.amount_minor - self.fee_minor - self.tax_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryStep:
    """One step: who, when, from where to where, why."""

    version: int
    from_status: str | None
    to_status: str
    attempt: int
    at: datetime
    actor: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutView:
    """打款: one transfer of a withdrawal; `reference_sealed` is what the channel or the bank knows it by."""

    payout_id: int
    payout_number: str
    attempt: int
    outcome: str | None
    reference_sealed: bytes | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which withdrawals to list."""

    distributor_id: int | None = None
    status: Status | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A word of a channel against the one that had ended a payout."""

    finding_id: int
    payout_number: str
    withdrawal_id: int
    kind: FindingKind
    reason: str | None
    at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    note: str | None


_JOINED = withdrawal.join(payout_account).join(
    payout,
    (payout.c.withdrawal_id == withdrawal.c.withdrawal_id) & (payout.c.attempt == withdrawal.c.attempt),
)
_OF_PAYOUT = {"fee_minor", "tax_minor", "payout_number", "ended_at"}
_COLUMNS = tuple(
    payout_account.c.channel if name == "channel" else (payout if name in _OF_PAYOUT else withdrawal).c[name]
    for name in WithdrawalView.__slots__
)


async def page(reader: Reader, wanted: Filter, *, limit: int, cursor: str | None) -> Page[WithdrawalView]:
    """Withdrawals, the newest first."""
    query: Select[tuple[int]] = select(withdrawal.c.withdrawal_id)
    for name in ("distributor_id", "status", "currency"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(withdrawal.c[name] == value)
    if cursor is not None:
        (before,) = decode_cursor(cursor, int)
        query = query.where(withdrawal.c.withdrawal_id < before)
    rows = await reader.fetch(query.order_by(withdrawal.c.withdrawal_id.desc()).limit(limit + 1))
    found = await some(reader, [row["withdrawal_id"] for row in rows[:limit]])
    items = tuple(sorted(found.values(), key=lambda one: -one.withdrawal_id))
    return Page(items, encode_cursor(items[-1].withdrawal_id) if len(rows) > limit else None)


async def some(reader: Reader, withdrawal_ids: Sequence[int]) -> dict[int, WithdrawalView]:
    """Those of these withdrawals that exist, by id."""
    if not withdrawal_ids:
        return {}
    rows = await reader.fetch(
        select(*_COLUMNS).select_from(_JOINED).where(withdrawal.c.withdrawal_id.in_(list(withdrawal_ids)))
    )
    return {row["withdrawal_id"]: _view(row) for row in rows}


async def history(reader: Reader, withdrawal_id: int) -> list[HistoryStep]:
    """Every step, the first first."""
    rows = await reader.fetch(
        "select version, from_status, to_status, attempt, at, actor, reason from withdrawal_history"
        " where withdrawal_id = $1 order by version",
        withdrawal_id,
    )
    return [HistoryStep(**dict(row.items())) for row in rows]


async def payouts(reader: Reader, withdrawal_id: int) -> list[PayoutView]:
    """Every transfer, the first first."""
    rows = await reader.fetch(
        "select payout_id, payout_number, attempt, outcome, reference_sealed, created_at, ended_at from payout"
        " where withdrawal_id = $1 order by attempt",
        withdrawal_id,
    )
    return [PayoutView(**dict(row.items())) for row in rows]


async def findings(reader: Reader, *, unresolved: bool, limit: int, cursor: str | None) -> Page[Finding]:
    """Contradictions, the newest first."""
    query = _findings()
    if unresolved:
        query = query.where(payout_finding.c.resolved_at.is_(None))
    if cursor is not None:
        (before,) = decode_cursor(cursor, int)
        query = query.where(payout_finding.c.finding_id < before)
    rows = await reader.fetch(query.order_by(payout_finding.c.finding_id.desc()).limit(limit + 1))
    items = tuple(Finding(**dict(row.items())) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].finding_id) if len(rows) > limit else None)


async def finding(reader: Reader, finding_id: int) -> Finding | None:
    """One contradiction, None if there is none of this id."""
    row = await reader.fetchrow(_findings().where(payout_finding.c.finding_id == finding_id))
    return None if row is None else Finding(**dict(row.items()))


def _findings() -> Select[tuple[object, ...]]:
    names = {"payout_number", "withdrawal_id"}
    columns = [(payout if name in names else payout_finding).c[name] for name in Finding.__slots__]
    return select(*columns).select_from(payout_finding.join(payout))


def _view(row: Record) -> WithdrawalView:
    values = dict(row.items())
    return WithdrawalView(**values | {"risks": tuple(Risk(**one) for one in values["risks"])})
