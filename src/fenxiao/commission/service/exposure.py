"""The exposure report (合规风险报告) over what is booked."""

from datetime import datetime

from fenxiao.commission.domain.exposure import Exposure, level_in_tree
from fenxiao.commission.queries import exposure as reads
from fenxiao.commission.service.plans import Plans
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import FieldError, Invalid

NO_SPAN = "`to` must lie after `from`; it is the first moment that does not count any more."


class ExposureReports:
    """Looks at the book with the law's eyes."""

    def __init__(self, db: Database, plans: Plans) -> None:
        self._db = db
        self._plans = plans

    async def exposure(self, *, currency: str, start: datetime | None, end: datetime | None) -> Exposure:
        """The entries whose facts lie in [start, end), None for no bound; people are those who are paid."""
        if start is not None and end is not None and end <= start:
            raise Invalid(errors=(FieldError("to", NO_SPAN),))
        rows = await reads.paid(self._db, currency, start, end)
        heads = await reads.heads(self._db, currency, start, end)
        plans = await self._plans.of({row.rule_id for row in rows})
        pay: dict[int, int] = {}
        for rule_id, plan in plans.items():
            mine = [row for row in rows if row.rule_id == rule_id]
            deepest: dict[str, int] = {}
            for row in mine:
                if row.amount_minor:
                    deepest[row.component] = max(row.level, deepest.get(row.component, 0))
            for row in mine:
                level = level_in_tree(plan, row.component, row.level, deepest)
                pay[level] = pay.get(level, 0) + row.amount_minor
        return Exposure(pay, heads, heads)
