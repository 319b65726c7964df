"""Bindings: for how long nobody changes who sponsors whom, and when a binding ends by itself."""

from fenxiao.infra import context
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import StaleVersion
from fenxiao.kernel.ids import DistributorId
from fenxiao.network import queries, store
from fenxiao.network.events import DistributorMoved
from fenxiao.network.queries.bindings import BindingPolicy

CHUNK = 100
"""Bindings that one run of the job ends at most; the next run goes on."""


class Bindings:
    """绑定: the policy of bindings, and the end of those that have outlived their lifetime."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def policy(self) -> BindingPolicy:
        """The policy that bindings made now are under."""
        return await queries.bindings.newest(self._db)

    async def set_policy(
        self, *, protection_days: int | None, lifetime_days: int | None, version: int | None
    ) -> BindingPolicy:
        """Write a version of the policy, for bindings made from now on; those that stand keep theirs."""
        async with self._db.begin() as tx:
            await locks.hold(tx, "network binding policy")
            before = await queries.bindings.newest(tx)
            if version is not None and version != before.policy_id:
                raise StaleVersion
            if (before.protection_days, before.lifetime_days) == (protection_days, lifetime_days):
                return before
            await tx.execute(
                "insert into binding_policy (since, protection_days, lifetime_days, actor) values ($1, $2, $3, $4)",
                self._db.clock(),
                protection_days,
                lifetime_days,
                context.current().actor,
            )
            after = await queries.bindings.newest(tx)
            tx.audit("binding.policy_changed", "binding-policy", before=_told(before), after=_told(after))
            return after

    async def end_due(self) -> int:
        """End bindings that have outlived their lifetime; answers how many."""
        due = await queries.bindings.due(self._db, self._db.clock(), CHUNK)
        return sum([await self._end(distributor_id, days) for distributor_id, days in due])

    async def _end(self, distributor_id: DistributorId, days: int) -> bool:
        async with self._db.begin() as tx:
            tree = await store.locked(tx, self._db.clock())
            node = await tree.node(distributor_id)
            # Somebody may have moved him meanwhile.
            if node is None or not await queries.bindings.is_due(tx, tree.now, distributor_id):
                return False
            reason = f"after {days} days"
            await tree.move(node, None, source="lifetime", evidence=reason)
            moved = DistributorMoved(
                distributor_id=distributor_id,
                tree_version=tree.version,
                sponsor_id=None,
                previous_sponsor_id=node.sponsor_id,
            )
            tx.emit(moved)
            before, after = {"sponsor_id": node.sponsor_id}, {"sponsor_id": None, "reason": reason}
            tx.audit("distributor.moved", moved.subject(), before=before, after=after)
            return True


def _told(policy: BindingPolicy) -> dict[str, int | None]:
    return {"protection_days": policy.protection_days, "lifetime_days": policy.lifetime_days}
