"""Changes of one distributor's place: sponsor, status, grade. All under the tree's lock."""

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.errors import StaleVersion
from fenxiao.kernel.ids import DistributorId
from fenxiao.network import queries, store
from fenxiao.network.api import DistributorGone, DistributorMissing, SponsorLoop, SponsorMissing, Status
from fenxiao.network.domain import tree as shape
from fenxiao.network.domain.faults import BindingProtected, DirectSeller, GradeMissing
from fenxiao.network.domain.joining import CannotSponsor, TreeTooDeep
from fenxiao.network.events import DistributorGradeChanged, DistributorMoved, DistributorStatusChanged
from fenxiao.network.queries.profiles import Profile
from fenxiao.network.store import Node, Tree


class Placing:
    """Moves, activates, suspends and promotes. What is so already is answered as it is, without a new version."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def move(
        self,
        distributor_id: DistributorId,
        sponsor_id: DistributorId | None,
        *,
        version: int | None,
        reason: str,
        override_protection: bool = False,
    ) -> Profile:
        """Give a distributor another sponsor (None: none); everyone below comes along.

        A binding in its protection time is changed with `override_protection` only.
        """
        async with self._db.begin() as tx:
            tree, node = await self._locked(tx, distributor_id, version)
            if node.sponsor_id != sponsor_id:
                if not override_protection:
                    await _demand_unprotected(tx, tree, node)
                sponsor = await _new_sponsor(tree, node, sponsor_id)
                await tree.move(node, sponsor, source="operator", evidence=reason)
                moved = DistributorMoved(
                    distributor_id=distributor_id,
                    tree_version=tree.version,
                    sponsor_id=sponsor_id,
                    previous_sponsor_id=node.sponsor_id,
                )
                tx.emit(moved)
                before = {"sponsor_id": node.sponsor_id}
                after: dict[str, object] = {"sponsor_id": sponsor_id, "reason": reason}
                if override_protection:
                    after["override_protection"] = True
                tx.audit("distributor.moved", moved.subject(), before=before, after=after)
            return await _profile(tx, distributor_id)

    async def set_status(
        self, distributor_id: DistributorId, status: Status, *, version: int | None
    ) -> Profile:
        """Activate or suspend a distributor."""
        async with self._db.begin() as tx:
            tree, node = await self._locked(tx, distributor_id, version)
            if node.status != status:
                if await queries.profiles.erased(tx, distributor_id):
                    raise DistributorGone(distributor_id=distributor_id)
                await tree.stand(node, status=status, grade=node.grade)
                changed = DistributorStatusChanged(
                    distributor_id=distributor_id,
                    tree_version=tree.version,
                    status=status,
                    previous=node.status,
                )
                tx.emit(changed)
                before, after = {"status": node.status}, {"status": status}
                tx.audit("distributor.status_changed", changed.subject(), before=before, after=after)
            return await _profile(tx, distributor_id)

    async def set_grade(
        self, distributor_id: DistributorId, grade: str | None, *, version: int | None
    ) -> Profile:
        """Give a distributor a grade (None: none)."""
        async with self._db.begin() as tx:
            if grade is not None and not await queries.grades.exists(tx, grade):
                raise GradeMissing(grade=grade)
            tree, node = await self._locked(tx, distributor_id, version)
            if not node.earns and grade is not None:
                raise DirectSeller(distributor_id=distributor_id)
            if node.grade != grade:
                await tree.stand(node, status=node.status, grade=grade)
                changed = DistributorGradeChanged(
                    distributor_id=distributor_id, tree_version=tree.version, grade=grade, previous=node.grade
                )
                tx.emit(changed)
                before, after = {"grade": node.grade}, {"grade": grade}
                tx.audit("distributor.grade_changed", changed.subject(), before=before, after=after)
            return await _profile(tx, distributor_id)

    async def _locked(
        self, tx: Transaction, distributor_id: DistributorId, version: int | None
    ) -> tuple[Tree, Node]:
        tree = await store.locked(tx, self._db.clock())
        node = await tree.node(distributor_id)
        if node is None:
            raise DistributorMissing(distributor_id=distributor_id)
        if version is not None and version != node.version:
            raise StaleVersion
        return tree, node


async def _demand_unprotected(tx: Transaction, tree: Tree, node: Node) -> None:
    until = await queries.bindings.protected_until(tx, node.distributor_id)
    if until is not None and tree.now < until:
        moment = until.isoformat().replace("+00:00", "Z")
        raise BindingProtected(distributor_id=node.distributor_id, until=moment)


async def _new_sponsor(tree: Tree, node: Node, sponsor_id: DistributorId | None) -> Node | None:
    """The sponsor-to-be, if the move is possible."""
    if not node.earns:
        raise DirectSeller(distributor_id=node.distributor_id)
    if sponsor_id is None:
        return None
    sponsor = await tree.node(sponsor_id)
    if sponsor is None:
        raise SponsorMissing(sponsor=sponsor_id)
    if not sponsor.earns:
        raise CannotSponsor(sponsor=sponsor_id)
    if shape.closes_loop(node.path, sponsor.path):
        raise SponsorLoop(distributor_id=node.distributor_id, sponsor_id=sponsor_id)
    if shape.too_deep(sponsor.path, shape.levels(node.path, await tree.deepest(node))):
        raise TreeTooDeep(most=shape.MAX_DEPTH)
    return sponsor


async def _profile(tx: Transaction, distributor_id: DistributorId) -> Profile:
    profile = await queries.profiles.profile(tx, distributor_id)
    assert profile is not None  # noqa: S101 - it is locked
    return profile
