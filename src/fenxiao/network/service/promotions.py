"""Grades given to many at once by what follows from sales: only to whoever still has the grade that was decided on."""

from collections.abc import Sequence

from fenxiao.infra.db.database import Database
from fenxiao.network import store
from fenxiao.network.api import GradeChange
from fenxiao.network.events import DistributorGradeChanged
from fenxiao.network.queries.grades import grades


class Promotions:
    """Promotes and demotes."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def set_grades(self, changes: Sequence[GradeChange]) -> list[bool]:
        """See `NetworkApi`."""
        done = {}
        async with self._db.begin() as tx:
            known = {one.grade for one in await grades(tx)}
            tree = await store.locked(tx, self._db.clock())
            for one in sorted(changes, key=lambda change: change.distributor_id):
                node = await tree.node(one.distributor_id)
                if node is not None and node.grade == one.grade:
                    done[one.distributor_id] = True
                    continue
                if node is None or not node.earns or node.grade != one.expected:
                    continue
                if one.grade is not None and one.grade not in known:
                    continue
                await tree.stand(node, status=node.status, grade=one.grade)
                changed = DistributorGradeChanged(
                    distributor_id=one.distributor_id,
                    tree_version=tree.version,
                    grade=one.grade,
                    previous=node.grade,
                )
                tx.emit(changed)
                after = {"grade": one.grade, "reason": one.reason}
                tx.audit(
                    "distributor.grade_changed",
                    changed.subject(),
                    before={"grade": node.grade},
                    after=after,
                )
                done[one.distributor_id] = True
        return [done.get(one.distributor_id, False) for one in changes]
