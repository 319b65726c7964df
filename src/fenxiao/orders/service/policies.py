"""The order policy: dated versions, of which new orders meet the one in effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra import context
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import FieldError, Invalid, StaleVersion
from fenxiao.orders.queries import policies as queries
from fenxiao.orders.queries.policies import OrderPolicy
from fenxiao.orders.store import policies as store


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The version in effect, those that will follow it, and the id of the one that was written last."""

    current: OrderPolicy
    ahead: Sequence[OrderPolicy]
    newest: int


class OrderPolicies:
    """订单政策: what new orders are placed under."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def policies(self) -> Policies:
        """The policy now and what is announced."""
        now = self._db.clock()
        return Policies(
            current=await queries.at(self._db, now),
            ahead=await queries.after(self._db, now),
            newest=await queries.newest(self._db),
        )

    async def set_policy(
        self, *, payment_minutes: int | None, effective_from: datetime | None, version: int | None
    ) -> None:
        """Write a version, in effect now or from a later moment; orders that exist keep what they were stamped with.

        StaleVersion if another version was written since `version` was the newest.
        """
        now = self._db.clock()
        moment = now if effective_from is None else effective_from
        if moment < now:
            message = "A policy takes effect now or later; leave the field out for now."
            raise Invalid(errors=(FieldError("effective_from", message),))
        async with self._db.begin() as tx:
            await locks.hold(tx, "orders order_policy")
            if version is not None and version != await queries.newest(tx):
                raise StaleVersion
            before = await queries.at(tx, moment)
            policy_id = await store.insert(
                tx,
                payment_minutes=payment_minutes,
                effective_from=moment,
                actor=context.current().actor,
            )
            tx.audit(
                "order-policy.changed",
                f"order-policies/{policy_id}",
                before={"payment_minutes": before.payment_minutes},
                after={"payment_minutes": payment_minutes, "effective_from": moment.isoformat()},
            )
