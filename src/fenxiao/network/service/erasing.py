"""Erasing a person (个人信息删除): who it was goes, what was sold and earned stays under the number of the distributor."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import Refusal, StaleVersion
from fenxiao.network import queries, store
from fenxiao.network.api import DistributorMissing, Erased, Erasure, NoPerson
from fenxiao.network.events import DistributorErased, DistributorStatusChanged
from fenxiao.network.queries.profiles import Profile
from fenxiao.network.store import Node, Tree

ERASED = "suspended"
"""How the erased stand: they sell nothing, earn nothing new and bring nobody in."""


class Erasing:
    """Erases persons, one transaction each: they lock the tree, and a refused one must not hold up the others."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def erase(self, erasures: Sequence[Erasure]) -> list[Erased | Refusal]:
        """See `NetworkApi.erase`."""
        answers: list[Erased | Refusal] = []
        for erasure in erasures:
            try:
                answers.append(await self._erase(erasure))
            except Refusal as refusal:
                answers.append(refusal)
        return answers

    async def _erase(self, erasure: Erasure) -> Erased:
        distributor_id = erasure.distributor_id
        async with self._db.begin() as tx:
            tree = await store.locked(tx, self._db.clock())
            node = await tree.node(distributor_id)
            before = await queries.profiles.profile(tx, distributor_id)
            if node is None or before is None:
                raise DistributorMissing(distributor_id=distributor_id)
            if before.erased_at is not None:
                return Erased(distributor_id=distributor_id, at=before.erased_at)
            if not node.earns:
                raise NoPerson(distributor_id=distributor_id)
            if erasure.version is not None and erasure.version != node.version:
                raise StaleVersion
            await _suspend(tx, tree, node)
            await self._empty(tx, before, tree.now)
            erased = DistributorErased(
                distributor_id=distributor_id, tree_version=tree.version, account_id=before.account_id
            )
            tx.emit(erased)
            tx.audit("distributor.erased", erased.subject(), after={"ground": erasure.ground})
            return Erased(distributor_id=distributor_id, at=tree.now)

    async def _empty(self, tx: Transaction, before: Profile, now: datetime) -> None:
        """Take away whatever says who it was, here and in answers that are kept for a repeated request."""
        distributor_id = before.distributor_id
        await tx.execute(
            "update distributor set external_id = null, account_id = null, display_name = $2, phone_sealed = null,"
            " email_sealed = null, erased_at = $3, version = version + 1 where distributor_id = $1",
            distributor_id,
            f"#{distributor_id}",
            now,
        )
        # Why somebody was moved is in an operator's own words.
        for history in ("sponsor_link", "placement_link"):
            await tx.execute(
                f"update {history} set evidence = '' where distributor_id = $1 and source = 'operator'",
                distributor_id,
            )
        after = await queries.profiles.profile(tx, distributor_id)
        named = f'"distributor_id":{distributor_id},'.encode()
        await tx.execute(
            "update idempotency set answer = $1 where position($2::bytea in answer) > 0"
            " and position('\"display_name\":'::bytea in answer) > 0",
            msgspec.json.encode(after),
            named,
        )


async def _suspend(tx: Transaction, tree: Tree, node: Node) -> None:
    if node.status == ERASED:
        return
    await tree.stand(node, status=ERASED, grade=node.grade)
    tx.emit(
        DistributorStatusChanged(
            distributor_id=node.distributor_id,
            tree_version=tree.version,
            status=ERASED,
            previous=node.status,
        )
    )
