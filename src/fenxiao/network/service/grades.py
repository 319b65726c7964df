"""Grades: they are named once and keep their rank, because orders have frozen both."""

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.network.domain.faults import GradeTaken
from fenxiao.network.queries.grades import Grade


class Grades:
    """Creates grades."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def create(self, grade: str, rank: int, *, once: Once | None) -> Grade:
        """A new grade; GradeTaken if the name or the rank is in use."""
        async with self._db.begin(once=once) as tx:
            if tx.prior is not None:
                return tx.prior.load(Grade)
            created = await tx.fetchval(
                "insert into grade (grade, rank, created_at) values ($1, $2, $3) on conflict do nothing returning true",
                grade,
                rank,
                self._db.clock(),
            )
            if not created:
                raise GradeTaken(grade=grade, rank=rank)
            tx.audit("grade.created", f"grades/{grade}", after={"grade": grade, "rank": rank})
            return tx.keep(Grade(grade=grade, rank=rank))
