"""What commission does when something has happened to orders, and to the payouts that it has asked for."""

from typing import cast, get_args

from fenxiao.commission.events import PayoutRequested, WithdrawalStatusChanged
from fenxiao.commission.service.accrual import Accrual
from fenxiao.commission.service.payout_accounts import PayoutAccounts
from fenxiao.commission.service.payouts import PayoutOutcome, Payouts, Word
from fenxiao.commission.service.transfers import Transfers
from fenxiao.infra.bus.consumer import Consumer, decode
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.events import Envelope
from fenxiao.kernel.ids import OrderId
from fenxiao.network.events import DistributorErased
from fenxiao.orders.events import OrderRefunded, OrderStatusChanged
from fenxiao.payments.events import PayoutStatusChanged


def consumers(db: Database, accrual: Accrual) -> list[Consumer]:
    """All consumers of this context."""

    async def book(delivery: Delivery) -> None:
        relevant = Delivery(delivery.consumer, tuple(filter(_matters, delivery.envelopes)))
        if relevant.envelopes:
            await accrual.book_orders(await _orders(accrual, relevant), relevant)

    return [Consumer("commission.accrual", (OrderStatusChanged, OrderRefunded), book, db)]


def payout_consumers(db: Database, transfers: Transfers, payouts: Payouts) -> list[Consumer]:
    """What hands approved payouts over, takes back what a person has ended, and hears the channels."""

    async def send(delivery: Delivery) -> None:
        await transfers.send([decode(one, PayoutRequested) for one in delivery.envelopes], delivery)

    async def take_back(delivery: Delivery) -> None:
        changed = [decode(one, WithdrawalStatusChanged) for one in delivery.envelopes]
        ended = [one.withdrawal_id for one in changed if one.status in {"paid", "rejected"}]
        await transfers.take_back(ended, delivery)

    async def hear(delivery: Delivery) -> None:
        said = [_word(decode(one, PayoutStatusChanged)) for one in delivery.envelopes]
        # A number that is none of ours is somebody else's transfer.
        words = await transfers.referenced([one for one in said if one is not None])
        await payouts.record_outcomes(words, delivery=delivery)

    return [
        Consumer("commission.payouts_sent", (PayoutRequested,), send, db),
        Consumer("commission.payouts_taken_back", (WithdrawalStatusChanged,), take_back, db),
        Consumer("commission.payouts_heard", (PayoutStatusChanged,), hear, db),
    ]


def erasure_consumers(db: Database, accounts: PayoutAccounts) -> list[Consumer]:
    """What forgets where the money of persons went who were erased."""

    async def erase(delivery: Delivery) -> None:
        erased = [decode(one, DistributorErased) for one in delivery.envelopes]
        logins = [one.account_id for one in erased if one.account_id is not None]
        await accounts.erase([one.distributor_id for one in erased], logins, delivery=delivery)

    return [Consumer("commission.erased_persons", (DistributorErased,), erase, db)]


def _word(event: PayoutStatusChanged) -> PayoutOutcome | None:
    """What a transfer's status says of its payout; None where it says nothing."""
    if event.status not in get_args(Word):
        return None
    return PayoutOutcome(
        payout_number=event.payout_number,
        outcome=cast("Word", event.status),
        sequence=event.version,
        reason=event.reason,
    )


def _matters(envelope: Envelope) -> bool:
    """Shipping and cancelling move no commission."""
    return envelope.type == OrderRefunded.type or envelope.data["status"] in {"paid", "completed"}


async def _orders(accrual: Accrual, delivery: Delivery) -> list[OrderId]:
    """The orders whose histories must be asked for: a payment matters only under a plan that pays on it."""
    changed = [
        decode(envelope, OrderStatusChanged)
        for envelope in delivery.envelopes
        if envelope.type == OrderStatusChanged.type
    ]
    rule_ids = {event.rule_id for event in changed if event.status == "paid" and event.rule_id is not None}
    on_payment = await accrual.accrues_on_payment(rule_ids)
    moved = [
        event.order_id
        for event in changed
        # Where the event names no rule, only the history can say.
        if event.status == "completed" or event.rule_id is None or event.rule_id in on_payment
    ]
    refunded = [
        decode(envelope, OrderRefunded).order_id
        for envelope in delivery.envelopes
        if envelope.type == OrderRefunded.type
    ]
    return [*moved, *refunded]
