"""Withdrawal policies (提现政策): dated versions, each for one currency; a withdrawal keeps the one it was requested under."""

from dataclasses import asdict, replace

from fenxiao.commission.domain import tax
from fenxiao.commission.domain.withdrawal_policy import Policy
from fenxiao.commission.queries import tax as tax_queries
from fenxiao.commission.queries import withdrawal_policies as queries
from fenxiao.infra import context
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.money import to_rate
from fenxiao.kernel.paging import Page

IN_THE_PAST = "A policy takes effect now or later; leave the field out for now."
NO_TABLE = "No table of this strategy is in effect then; add one first."
RATE_NEEDED = "The strategy flat needs its rate, from 0 to below 1."
RATE_UNUSED = "Only the strategy flat has a rate."
RATE_RANGE = "Send a rate from 0 to below 1."
CNY_ONLY = "This strategy is law for CNY alone."


class WithdrawalPolicies:
    """Keeps the policies."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(self, *, currency: str | None, limit: int, cursor: str | None) -> Page[Policy]:
        """Versions, the one that was written last first."""
        return await queries.page(self._db, currency=currency, limit=limit, cursor=cursor)

    async def current(self, currency: str) -> Policy:
        """The version in effect now."""
        return await queries.at(self._db, currency, self._db.clock())

    async def publish(self, given: Policy, *, once: Once | None) -> Policy:
        """Write a version, in effect now or from a later moment; `Invalid` names what is wrong with it."""
        now = self._db.clock()
        moment = given.effective_from or now
        wrong = _faults(given)
        if moment < now:
            wrong.append(FieldError("effective_from", IN_THE_PAST))
        if wrong:
            raise Invalid(errors=tuple(wrong))
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Policy)
            await locks.hold(tx, "commission withdrawal_policy")
            if given.tax in tax.TABLED and await tax_queries.table_at(tx, given.tax, moment.date()) is None:
                raise Invalid(errors=(FieldError("tax", NO_TABLE),))
            before = await queries.at(tx, given.currency, moment)
            actor = context.current().actor
            written = await _insert(tx, replace(given, effective_from=moment, actor=actor, recorded_at=now))
            tx.audit(
                "withdrawal-policy.published",
                f"withdrawal-policies/{written.policy_id}",
                before=_told(before),
                after=_told(written),
            )
            return tx.keep(written)


async def _insert(tx: Transaction, given: Policy) -> Policy:
    row = await tx.fetchrow(
        "insert into withdrawal_policy (currency, version, effective_from, minimum_minor, fee_fixed_minor, fee_rate,"
        " daily_limit_minor, tax, tax_rate, auto_approve_up_to_minor, new_account_days, most_per_day, actor, recorded_at)"
        " select $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13"
        " from withdrawal_policy where currency = $1 returning policy_id, version",
        given.currency,
        given.effective_from,
        given.minimum_minor,
        given.fee_fixed_minor,
        given.fee_rate,
        given.daily_limit_minor,
        given.tax,
        given.tax_rate,
        given.auto_approve_up_to_minor,
        given.new_account_days,
        given.most_per_day,
        given.actor,
        given.recorded_at,
    )
    assert row is not None  # noqa: S101 - what returns is one row
    return replace(given, policy_id=row["policy_id"], version=row["version"])


def _faults(given: Policy) -> list[FieldError]:
    found: list[FieldError] = []
    if not 0 <= to_rate(given.fee_rate) < 1:
        found.append(FieldError("fee_rate", RATE_RANGE))
    if given.tax == "flat" and (given.tax_rate is None or not 0 <= to_rate(given.tax_rate) < 1):
        found.append(FieldError("tax_rate", RATE_NEEDED))
    if given.tax != "flat" and given.tax_rate is not None:
        found.append(FieldError("tax_rate", RATE_UNUSED))
    if given.tax in tax.TABLED and given.currency != tax.CURRENCY:
        found.append(FieldError("tax", CNY_ONLY))
    return found


def _told(policy: Policy) -> dict[str, object]:
    """What the audit log keeps."""
    told = asdict(policy)
    for name in ("policy_id", "actor", "recorded_at"):
        del told[name]
    moment = policy.effective_from
    return told | {"effective_from": None if moment is None else moment.isoformat()}
