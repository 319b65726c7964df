"""What people decide on withdrawals: approve, reject, retry, confirm. Plural: each item has an answer of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fenxiao.commission.domain.payout_accounts import MANUAL
from fenxiao.commission.domain.withdrawal_policy import Policy, fee
from fenxiao.commission.domain.withdrawal_refusals import WithdrawalMissing, WithdrawalWaits
from fenxiao.commission.domain.withdrawals import Action, Payout, Withdrawal
from fenxiao.commission.queries import withdrawal_policies as policies
from fenxiao.commission.queries import withdrawals as queries
from fenxiao.commission.queries.withdrawals import WithdrawalView
from fenxiao.commission.service import ledger, withdrawal_books
from fenxiao.commission.service.tax import Withholding
from fenxiao.commission.service.withdrawals import new_number, nothing_left, too_little, waiting
from fenxiao.commission.store import withdrawals as store
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.starts_over import starts_over
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Refusal
from fenxiao.network.api import NetworkApi
from fenxiao.payments.api import PaymentsApi, TransferState, TransferUnderWay


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who decides: the actor, and the distributor that he is himself, if any."""

    actor: str
    distributor_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is decided on which withdrawal, and why."""

    withdrawal_id: int
    reason: str | None = None


Answer = WithdrawalView | Refusal
_Act = Callable[[Withdrawal, str | None], None]


class Decisions:
    """Carries out what people decide."""

    def __init__(
        self,
        db: Database,
        cipher: Cipher,
        *,
        network: NetworkApi,
        payments: PaymentsApi,
        timezone: ZoneInfo,
    ) -> None:
        self._db = db
        self._cipher = cipher
        self._network = network
        self._payments = payments
        self._timezone = timezone

    @starts_over
    async def approve(self, decided: Sequence[Decision], who: Who) -> list[Answer]:
        """Fix the tax and ask for the payouts; signals of risk do not stop a person. The answers in the order asked.

        WithdrawalMissing, WithdrawalWrongState, OwnWithdrawal, WithdrawalWaits, NothingLeft, TaxTableMissing.
        """
        idle = await self._idle([one.withdrawal_id for one in decided])
        now = self._db.clock()
        async with self._db.begin() as tx:
            held = await store.locked(tx, [one.withdrawal_id for one in decided])
            approving = await self._approving(tx, list(held.values()), now)

            def act(one: Withdrawal, reason: str | None) -> None:
                one.refuse("approve", actor=who.actor, distributor_id=who.distributor_id)
                _refuse_idle(one, idle)
                approving(one, reason, who)

            return await _each(tx, held, decided, act, now)

    @starts_over
    async def reject(self, decided: Sequence[Decision], who: Who) -> list[Answer]:
        """Give the money back, with the reason kept; WithdrawalMissing, WithdrawalWrongState.

        What goes by bank is taken back from the channel first: TransferUnderWay where it may be in the bank's hands.
        """
        taken_back = await self._called_back([one.withdrawal_id for one in decided])
        now = self._db.clock()
        async with self._db.begin() as tx:
            held = await store.locked(tx, [one.withdrawal_id for one in decided])

            def act(one: Withdrawal, reason: str | None) -> None:
                one.refuse("reject", actor=who.actor, distributor_id=who.distributor_id)
                _refuse_handed(one, taken_back)
                one.reject(at=now, actor=who.actor, reason=reason)

            return await _each(tx, held, decided, act, now)

    @starts_over
    async def retry(self, decision: Decision, who: Who, *, once: Once | None) -> WithdrawalView:
        """A new payout with a number of its own takes the money again, and is approved by who asks for it.

        As `approve`, and InsufficientBalance where the money that came back is not there any more.
        """
        idle = await self._idle([decision.withdrawal_id])
        now = self._db.clock()
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(WithdrawalView)
            one = await self._one(tx, decision.withdrawal_id, "retry", who)
            _refuse_idle(one, idle)
            key = (one.distributor_id, one.currency)
            available = (await ledger.lock(tx, [key]))[key]
            if available < one.amount_minor:
                raise too_little(available, one.amount_minor, one.currency)
            approving = await self._approving(tx, [one], now)
            _, payout_id = await store.next_ids(tx)
            one.retry(
                Payout(
                    payout_id=payout_id,
                    payout_number=new_number(),
                    attempt=one.payout.attempt + 1,
                    fee_minor=one.payout.fee_minor,
                    tax_minor=0,
                ),
                at=now,
            )
            approving(one, decision.reason, who)
            return tx.keep(await _written(tx, one, now))

    @starts_over
    async def confirm(self, decision: Decision, who: Who, *, reference: str) -> WithdrawalView:
        """The transfer was made by hand: `reference` is the bank's, sealed. ManualChannelOnly for other channels."""
        idle = await self._idle([decision.withdrawal_id])
        # So that no file for the bank holds it too. One that holds it already says the same later.
        taken_back = {} if idle else await self._called_back([decision.withdrawal_id])
        with_bank = {number for number, said in taken_back.items() if isinstance(said, TransferUnderWay)}
        now = self._db.clock()
        async with self._db.begin() as tx:
            one = await self._one(tx, decision.withdrawal_id, "confirm", who)
            _refuse_idle(one, idle)
            if one.payout.payout_number not in with_bank:
                _refuse_handed(one, taken_back)
            sealed = self._cipher.seal(
                reference, table="payout", column="reference_sealed", row=one.payout.payout_number
            )
            one.confirm(at=now, actor=who.actor, reason=decision.reason, reference_sealed=sealed)
            return await _written(tx, one, now)

    async def _idle(self, withdrawal_ids: Sequence[int]) -> dict[int, str]:
        """The distributors of these withdrawals who are not active now."""
        found = await queries.some(self._db, sorted(set(withdrawal_ids)))
        return await waiting(self._network, [one.distributor_id for one in found.values()])

    async def _called_back(self, withdrawal_ids: Sequence[int]) -> dict[str, TransferState | Refusal]:
        """Take approved transfers by bank back from the channel; what it says of each, by number."""
        found = await queries.some(self._db, sorted(set(withdrawal_ids)))
        numbers = [
            one.payout_number for one in found.values() if one.channel == MANUAL and one.status == "approved"
        ]
        if not numbers:
            return {}
        answers = await self._payments.cancel(numbers=numbers)
        return dict(zip(numbers, answers, strict=True))

    async def _one(self, tx: Transaction, withdrawal_id: int, action: Action, who: Who) -> Withdrawal:
        one = (await store.locked(tx, [withdrawal_id])).get(withdrawal_id)
        if one is None:
            raise WithdrawalMissing(withdrawal_id=withdrawal_id)
        one.refuse(action, actor=who.actor, distributor_id=who.distributor_id)
        return one

    async def _approving(
        self, tx: Transaction, held: Sequence[Withdrawal], now: datetime
    ) -> Callable[[Withdrawal, str | None, Who], None]:
        """What approves one after the other, each with the tax that is due after those before it."""
        known = await policies.some(tx, {one.policy_id for one in held})
        none = {one.currency: Policy(policy_id=None, currency=one.currency) for one in held}
        keys = {(one.distributor_id, one.currency) for one in held}
        await ledger.lock(tx, keys)
        withholding = Withholding(now, self._timezone)
        await withholding.gather(tx, known.values(), keys)

        def approve(one: Withdrawal, reason: str | None, who: Who) -> None:
            policy = none[one.currency] if one.policy_id is None else known[one.policy_id]
            key = (one.distributor_id, one.currency)
            tax_minor, table_id = withholding.of(policy, key, one.amount_minor)
            fee_minor = fee(policy, one.amount_minor)
            if fee_minor + tax_minor >= one.amount_minor:
                raise nothing_left(fee_minor, tax_minor, one.currency)
            one.approve(
                at=now,
                actor=who.actor,
                reason=reason,
                tax_minor=tax_minor,
                tax_month=withholding.month,
                tax_table_id=table_id,
            )
            withholding.approved(key, one.amount_minor, tax_minor)

        return approve


async def _each(
    tx: Transaction,
    held: Mapping[int, Withdrawal],
    decided: Sequence[Decision],
    act: _Act,
    now: datetime,
) -> list[Answer]:
    """Act on each for itself: what is refused changes nothing and keeps nobody else."""
    refused: dict[int, Refusal] = {}
    for place, decision in enumerate(decided):
        one = held.get(decision.withdrawal_id)
        try:
            if one is None:
                raise WithdrawalMissing(withdrawal_id=decision.withdrawal_id)
            act(one, decision.reason)
        except Refusal as refusal:
            refused[place] = refusal
    await withdrawal_books.write(tx, list(held.values()), now)
    views = await queries.some(tx, sorted(held))
    return [
        refused[place] if place in refused else views[decision.withdrawal_id]
        for place, decision in enumerate(decided)
    ]


async def _written(tx: Transaction, one: Withdrawal, now: datetime) -> WithdrawalView:
    await withdrawal_books.write(tx, [one], now)
    return (await queries.some(tx, [one.withdrawal_id]))[one.withdrawal_id]


def _refuse_handed(one: Withdrawal, taken_back: Mapping[str, TransferState | Refusal]) -> None:
    """An approved one is ended by hand only if its transfer was taken back, or was never asked for and never will be.

    Asked for and not known there is one on its way: it would arrive after all, and be paid.
    """
    number = one.payout.payout_number
    answer = taken_back.get(number)
    if isinstance(answer, TransferUnderWay):
        raise answer
    if one.status == "approved" and one.payout.handed and not isinstance(answer, TransferState):
        raise TransferUnderWay(payout_number=number, status="queued")


def _refuse_idle(one: Withdrawal, idle: Mapping[int, str]) -> None:
    if one.distributor_id in idle:
        raise WithdrawalWaits(distributor_id=one.distributor_id, status=idle[one.distributor_id])
