"""Payouts go to the channels, and what the channels say comes back; both ends converge however often they are told."""

from collections.abc import Sequence
from dataclasses import replace

from fenxiao.commission.events import PayoutRequested
from fenxiao.commission.queries import transfers as queries
from fenxiao.commission.service.payout_accounts import PayoutAccounts
from fenxiao.commission.service.payouts import PayoutOutcome, Payouts
from fenxiao.commission.store import withdrawals as store
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.errors import Refusal
from fenxiao.payments.api import PaymentsApi, TransferDiffers, TransferRequest

ERASED = "payee-erased"


class Transfers:
    """Hands payouts on to payments."""

    def __init__(
        self, db: Database, payments: PaymentsApi, accounts: PayoutAccounts, payouts: Payouts
    ) -> None:
        self._db = db
        self._payments = payments
        self._accounts = accounts
        self._payouts = payouts

    async def send(self, requested: Sequence[PayoutRequested], delivery: Delivery) -> None:
        """Ask payments for these transfers; what it refuses has failed, for no money moves.

        A payout that has ended meanwhile is not sent: a refusal that was heard once stays the end, whatever could be
        sent today, and a transfer that a person made is not made again.
        """
        async with self._db.begin() as tx:
            still = await store.hand_over(tx, [one.payout_number for one in requested])
        waiting = [one for one in requested if one.payout_number in still]
        found = await self._accounts.destinations([one.account_id for one in waiting])
        accounts = {one.account_id: one for one in found}
        requests = [
            TransferRequest(
                payout_number=one.payout_number,
                channel=one.channel,
                currency=one.currency,
                amount_minor=one.amount_minor,
                holder=accounts[one.account_id].holder,
                number=accounts[one.account_id].number,
                bank=accounts[one.account_id].bank,
                branch=accounts[one.account_id].branch,
            )
            for one in waiting
            if one.account_id in accounts
        ]
        failed = await self._refused(requests)
        failed += await self._lost([one.payout_number for one in waiting if one.account_id not in accounts])
        await self._payouts.record_outcomes(failed, delivery=delivery)

    async def take_back(self, withdrawal_ids: Sequence[int], delivery: Delivery) -> None:
        """What a person has paid or rejected goes into no file for the bank any more."""
        numbers = await queries.ended_by_hand(self._db, withdrawal_ids)
        if numbers:
            # What is in a file already stays there: the bank's word on it is heard, and is a finding if it is another.
            await self._payments.cancel(numbers=numbers)
        async with self._db.begin(once=delivery):
            pass

    async def referenced(self, words: Sequence[PayoutOutcome]) -> list[PayoutOutcome]:
        """The words with what the channels know the transfers by, which no event carries."""
        numbers = sorted({one.payout_number for one in words})
        found = await self._payments.transfers(numbers=numbers) if numbers else []
        references = {one.payout_number: one.reference for one in found}
        return [replace(one, reference=references.get(one.payout_number)) for one in words]

    async def _refused(self, requests: Sequence[TransferRequest]) -> list[PayoutOutcome]:
        if not requests:
            return []
        answers = await self._payments.transfer(requests=requests)
        refused = [
            (asked.payout_number, answer)
            for asked, answer in zip(requests, answers, strict=True)
            if isinstance(answer, Refusal)
        ]
        for _, answer in refused:
            # That number may be on its way to somebody: a person must look, and the event waits for him.
            if isinstance(answer, TransferDiffers):
                raise answer
        return [
            PayoutOutcome(payout_number=number, outcome="failed", reason=answer.code)
            for number, answer in refused
        ]

    async def _lost(self, numbers: Sequence[str]) -> list[PayoutOutcome]:
        """Those of payees who were erased before anything was sent."""
        if not numbers:
            return []
        known = {one.payout_number for one in await self._payments.transfers(numbers=numbers)}
        return [
            PayoutOutcome(payout_number=number, outcome="failed", reason=ERASED)
            for number in numbers
            if number not in known
        ]
