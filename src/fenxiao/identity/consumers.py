"""What identity listens to: registered distributors, and every change that goes into the audit log."""

from collections.abc import Sequence

from fenxiao.identity.service import Identity
from fenxiao.identity.service.audit import Recorded
from fenxiao.infra.bus.consumer import Consumer, decode
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.transaction import AuditRecorded
from fenxiao.network.events import DistributorErased, DistributorRegistered


def consumers(identity: Identity, db: Database) -> Sequence[Consumer]:
    """The consumers of this context."""

    async def confirm(delivery: Delivery) -> None:
        registered = {envelope.id: decode(envelope, DistributorRegistered) for envelope in delivery.envelopes}
        holds = {
            event_id: event.hold_id for event_id, event in registered.items() if event.hold_id is not None
        }
        await identity.accounts.confirm_registered(delivery, holds)

    async def append(delivery: Delivery) -> None:
        recorded = []
        for envelope in delivery.envelopes:
            event = decode(envelope, AuditRecorded)
            recorded.append(Recorded(envelope, event.action, event.about, event.before, event.after))
        await identity.audit.append(delivery, recorded)

    async def close(delivery: Delivery) -> None:
        erased = [decode(envelope, DistributorErased) for envelope in delivery.envelopes]
        logins = [event.account_id for event in erased if event.account_id is not None]
        await identity.accounts.erase(logins, delivery)

    return (
        Consumer("identity.confirm_accounts", (DistributorRegistered,), confirm, db),
        Consumer("identity.erased_persons", (DistributorErased,), close, db),
        Consumer("identity.audit", (AuditRecorded,), append, db),
    )
