"""What was done to withdrawals becomes rows, postings, balances and events, in the transaction that holds them."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.commission.domain.posting import changes
from fenxiao.commission.domain.withdrawals import Withdrawal
from fenxiao.commission.events import PayoutContradicted, PayoutRequested, WithdrawalStatusChanged
from fenxiao.commission.service import ledger
from fenxiao.commission.store import withdrawals as store
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import DistributorId, PayoutAccountId, WithdrawalId

_FINAL = {"paid", "rejected", "failed"}
_PERSON = "account:"
"""How the names of those actors begin who decide."""


async def write(tx: Transaction, held: Sequence[Withdrawal], now: datetime) -> None:
    """Write them; their rows must be locked. The balances are locked here, in their order, if they are not yet."""
    news = await store.save(tx, held, now)
    postings = [posting for one in held for posting in one.postings]
    if postings:
        await ledger.lock(tx, changes(postings).keys())
        await ledger.post(tx, postings, now=now)
    await store.wipe(tx, [one.account_id for one in held if one.steps and one.status in _FINAL])
    for one in held:
        _announce(tx, one)
    by_payout = {found.payout_id: one for one in held for found in one.contradictions}
    for found in news:
        one = by_payout[found.payout_id]
        tx.emit(
            PayoutContradicted(
                payout_number=found.payout_number,
                withdrawal_id=WithdrawalId(one.withdrawal_id),
                currency=one.currency,
                amount_minor=one.net_minor,
                contradiction=found.kind,
            )
        )


def _announce(tx: Transaction, one: Withdrawal) -> None:
    for step in one.steps:
        if step.from_status is not None and step.actor.startswith(_PERSON):
            # Without the reason: the audit log is for ever, and a reason may name somebody.
            tx.audit(
                f"withdrawal.{step.to_status}",
                f"withdrawals/{one.withdrawal_id}",
                before={"status": step.from_status},
                after={"status": step.to_status, "version": step.version, "attempt": step.attempt},
            )
        tx.emit(
            WithdrawalStatusChanged(
                withdrawal_id=WithdrawalId(one.withdrawal_id),
                distributor_id=DistributorId(one.distributor_id),
                status=step.to_status,
                previous=step.from_status,
                version=step.version,
                currency=one.currency,
                amount_minor=one.amount_minor,
                fee_minor=one.payout.fee_minor,
                tax_minor=one.payout.tax_minor,
            )
        )
    for payout in one.asked:
        tx.emit(
            PayoutRequested(
                payout_number=payout.payout_number,
                withdrawal_id=WithdrawalId(one.withdrawal_id),
                currency=one.currency,
                amount_minor=one.net_minor,
                account_id=PayoutAccountId(one.account_id),
                channel=one.channel,
            )
        )
