"""Withdrawals (提现): requested, and shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.payout_accounts import Channel, PayoutAccountClosed, PayoutAccountMissing
from fenxiao.commission.domain.withdrawal_policy import (
    Circumstances,
    Policy,
    approves_itself,
    fee,
    risks,
)
from fenxiao.commission.domain.withdrawal_refusals import (
    BelowMinimum,
    DailyLimit,
    InsufficientBalance,
    NothingLeft,
    WithdrawalMissing,
)
from fenxiao.commission.domain.withdrawals import Payout, Withdrawal
from fenxiao.commission.queries import withdrawal_policies as policies
from fenxiao.commission.queries import withdrawals as queries
from fenxiao.commission.queries.withdrawals import Filter, HistoryStep, PayoutView, WithdrawalView
from fenxiao.commission.service import ledger, withdrawal_books
from fenxiao.commission.service.payout_accounts import MaskedAccount, PayoutAccounts
from fenxiao.commission.service.tax import Withholding, midnight
from fenxiao.commission.store import withdrawals as store
from fenxiao.infra import context
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.sql import Record
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import Page
from fenxiao.network.api import NetworkApi, SellerQuestion

BY_ITSELF = "policy"
"""Who approves where the policy lets nobody be asked."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """What a distributor asks for: an amount, in minor units, to one of its accounts."""

    distributor_id: int
    account_id: int
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """A withdrawal with its account, masked, its whole history, and its transfers with their references."""

    view: WithdrawalView
    account: MaskedAccount
    history: tuple[HistoryStep, ...]
    payouts: tuple[tuple[PayoutView, str | None], ...]


class Withdrawals:
    """Takes requests, and shows what became of them."""

    def __init__(
        self, db: Database, cipher: Cipher, network: NetworkApi, accounts: PayoutAccounts, timezone: ZoneInfo
    ) -> None:
        self._db = db
        self._cipher = cipher
        self._network = network
        self._accounts = accounts
        self._timezone = timezone

    @starts_over
    async def request(self, asked: Requested, *, once: Once | None) -> WithdrawalView:
        """Set the amount aside until it is paid or comes back; where the policy says so it is approved at once.

        PayoutAccountMissing (somebody else's too), PayoutAccountClosed, BelowMinimum, DailyLimit, NothingLeft,
        InsufficientBalance.
        """
        active = asked.distributor_id not in await waiting(self._network, [asked.distributor_id])
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(WithdrawalView)
            account = await _account(tx, asked)
            policy = await policies.at(tx, asked.currency, now)
            await self._afford(tx, asked, policy, now)
            withholding = Withholding(now, self._timezone)
            key = (asked.distributor_id, asked.currency)
            await withholding.gather(tx, [policy], [key])
            one = await _opened(tx, asked, policy, account["channel"], withholding)
            signals = risks(policy, await _circumstances(tx, asked, account, now), now)
            await store.insert(tx, one, [asdict(signal) for signal in signals], now)
            one.request(now)
            if active and approves_itself(policy, one.amount_minor, signals):
                _by_itself(one, withholding, policy, key, now)
            await withdrawal_books.write(tx, [one], now)
            return tx.keep((await queries.some(tx, [one.withdrawal_id]))[one.withdrawal_id])

    async def page(self, wanted: Filter, *, limit: int, cursor: str | None) -> Page[WithdrawalView]:
        """Withdrawals, the newest first."""
        return await queries.page(self._db, wanted, limit=limit, cursor=cursor)

    async def find(self, withdrawal_id: int) -> WithdrawalView:
        """One withdrawal; WithdrawalMissing."""
        found = await queries.some(self._db, [withdrawal_id])
        if withdrawal_id not in found:
            raise WithdrawalMissing(withdrawal_id=withdrawal_id)
        return found[withdrawal_id]

    async def detail(self, view: WithdrawalView) -> Detail:
        """Everything there is to know of it."""
        transfers = await queries.payouts(self._db, view.withdrawal_id)
        return Detail(
            view=view,
            account=await self._accounts.find(view.account_id),
            history=tuple(await queries.history(self._db, view.withdrawal_id)),
            payouts=tuple((one, self._reference(one)) for one in transfers),
        )

    def _reference(self, one: PayoutView) -> str | None:
        if one.reference_sealed is None:
            return None
        return self._cipher.open(
            one.reference_sealed, table="payout", column="reference_sealed", row=one.payout_number
        )

    async def _afford(self, tx: Transaction, asked: Requested, policy: Policy, now: datetime) -> None:
        """Refuse what the policy or the balance does not allow; the balance is locked from here on."""
        amount, currency = asked.amount_minor, asked.currency
        if amount < policy.minimum_minor:
            raise BelowMinimum(minimum=from_minor(policy.minimum_minor, currency), currency=currency)
        key = (asked.distributor_id, currency)
        available = (await ledger.lock(tx, [key]))[key]
        if available < amount:
            raise too_little(available, amount, currency)
        if policy.daily_limit_minor is not None:
            begun = midnight(now.astimezone(self._timezone).date(), self._timezone)
            taken: int = await tx.fetchval(
                "select coalesce(sum(amount_minor), 0)::bigint from withdrawal where distributor_id = $1 and currency = $2"
                " and requested_at >= $3 and status not in ('rejected', 'failed')",
                *key,
                begun,
            )
            left = max(0, policy.daily_limit_minor - taken)
            if amount > left:
                raise DailyLimit(
                    limit=from_minor(policy.daily_limit_minor, currency),
                    left=from_minor(left, currency),
                    currency=currency,
                )


def too_little(available_minor: int, amount_minor: int, currency: str) -> InsufficientBalance:
    """Why that much cannot be set aside."""
    return InsufficientBalance(
        available=from_minor(max(0, available_minor), currency),
        amount=from_minor(amount_minor, currency),
        currency=currency,
    )


async def waiting(network: NetworkApi, distributor_ids: Sequence[int]) -> dict[int, str]:
    """Those of these distributors whose withdrawals wait, with their status: everybody who is not active."""
    ids = sorted(set(distributor_ids))
    found = await network.sellers(asked=[SellerQuestion(distributor_id=DistributorId(one)) for one in ids])
    status = {
        one: "unknown" if isinstance(seller, Exception) else seller.member.status
        for one, seller in zip(ids, found, strict=True)
    }
    return {one: is_now for one, is_now in status.items() if is_now != "active"}


def new_number() -> str:
    """The number of a new payout: 32 letters and digits, which every channel takes, and never drawn twice anywhere.

    Also not by an installation that was put back to an older copy of its data: a channel remembers numbers for ever.
    """
    return uuid4().hex


def nothing_left(fee_minor: int, tax_minor: int, currency: str) -> NothingLeft:
    """Why there is nothing to transfer."""
    return NothingLeft(
        fee=from_minor(fee_minor, currency), tax=from_minor(tax_minor, currency), currency=currency
    )


async def _account(tx: Transaction, asked: Requested) -> Record:
    # Nobody closes it before this is committed.
    row = await tx.fetchrow(
        "select channel, status, created_at, number_index from payout_account where account_id = $1 and distributor_id = $2"
        " for share",
        asked.account_id,
        asked.distributor_id,
    )
    if row is None:
        raise PayoutAccountMissing(account_id=asked.account_id)
    if row["status"] != "active":
        raise PayoutAccountClosed(account_id=asked.account_id)
    return row


async def _opened(
    tx: Transaction,
    asked: Requested,
    policy: Policy,
    channel: Channel,
    withholding: Withholding,
) -> Withdrawal:
    fee_minor = fee(policy, asked.amount_minor)
    tax_minor, _ = withholding.of(policy, (asked.distributor_id, asked.currency), asked.amount_minor)
    if fee_minor + tax_minor >= asked.amount_minor:
        raise nothing_left(fee_minor, tax_minor, asked.currency)
    withdrawal_id, payout_id = await store.next_ids(tx)
    first = Payout(
        payout_id=payout_id, payout_number=new_number(), attempt=1, fee_minor=fee_minor, tax_minor=tax_minor
    )
    return Withdrawal(
        withdrawal_id=withdrawal_id,
        distributor_id=asked.distributor_id,
        currency=asked.currency,
        amount_minor=asked.amount_minor,
        account_id=asked.account_id,
        channel=channel,
        policy_id=policy.policy_id,
        status="requested",
        version=0,
        requested_by=context.current().actor,
        payout=first,
        begun=[first],
    )


async def _circumstances(tx: Transaction, asked: Requested, account: Record, now: datetime) -> Circumstances:
    row = await tx.fetchrow(
        "select (select account_id from withdrawal where distributor_id = $1 order by withdrawal_id desc limit 1) as last,"
        " (select count(*) from withdrawal where distributor_id = $1 and currency = $2 and requested_at > $3) as today,"
        " (select count(distinct distributor_id) from payout_account where number_index = $4 and distributor_id <> $1)"
        " as others",
        asked.distributor_id,
        asked.currency,
        now - _DAY,
        account["number_index"],
    )
    assert row is not None  # noqa: S101 - a select without a table has one row
    return Circumstances(
        account_id=asked.account_id,
        account_created_at=account["created_at"],
        last_account_id=row["last"],
        requests_in_a_day=row["today"] + 1,
        other_holders=row["others"],
    )


def _by_itself(
    one: Withdrawal, withholding: Withholding, policy: Policy, key: tuple[int, str], now: datetime
) -> None:
    tax_minor, table_id = withholding.of(policy, key, one.amount_minor)
    one.approve(
        at=now,
        actor=BY_ITSELF,
        reason=None,
        tax_minor=tax_minor,
        tax_month=withholding.month,
        tax_table_id=table_id,
        automatic=True,
    )
