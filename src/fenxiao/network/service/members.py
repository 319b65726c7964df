"""Members without login, in bulk, as an import brings them."""

from collections.abc import Sequence
from datetime import datetime

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import utc
from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import DistributorId
from fenxiao.network import queries, store
from fenxiao.network.api import NewMember
from fenxiao.network.domain.joining import Joining, arrange
from fenxiao.network.events import DistributorRegistered
from fenxiao.network.service.registration import new_invite_code
from fenxiao.network.store import NewNode


class Members:
    """Registers any number of members in a few statements."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def register(self, members: Sequence[NewMember]) -> list[DistributorId | Refusal]:
        """See `NetworkApi.register_members`. All that can join do, in one transaction and one tree version."""
        ids = await queries.profiles.drawn_ids(self._db, len(members))
        named = {member.external_id for member in members}
        named |= {member.sponsor_external_id for member in members if member.sponsor_external_id is not None}
        async with self._db.begin() as tx:
            tree = await store.locked(tx, self._db.clock())
            # Under the lock: two imports of one file at once register everybody once.
            known = await queries.profiles.places(tx, sorted(named))
            answers, joining = arrange(members, known, ids)
            if joining:
                await tree.add([_node(one) for one in joining])
                _emit(tx, joining, tree.version)
        return answers


def _node(joining: Joining) -> NewNode:
    member, place = joining.member, joining.place
    return NewNode(
        distributor_id=place.distributor_id,
        external_id=member.external_id,
        account_id=None,
        display_name=member.display_name.strip(),
        phone_sealed=None,
        email_sealed=None,
        sponsor_id=joining.sponsor_id,
        path=place.path,
        status="active",
        earns=member.earns,
        invite_code=new_invite_code(),
        joined_at=_joined(joining),
        source="import",
        evidence=f"external id {member.external_id}",
    )


def _joined(joining: Joining) -> datetime:
    return utc(joining.member.joined_at)


def _emit(tx: Transaction, joining: Sequence[Joining], version: int) -> None:
    for one in joining:
        registered = DistributorRegistered(
            distributor_id=one.place.distributor_id,
            tree_version=version,
            sponsor_id=one.sponsor_id,
            status="active",
            joined_at=_joined(one),
            account_id=None,
            hold_id=None,
        )
        tx.emit(registered, at=_joined(one))
