"""What the server's settings say about publishing, the legal limits above all, as it was from when on."""

from datetime import datetime

from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database
from fenxiao.rules.service.terms import Terms


async def record_limits(db: Database, terms: Terms, now: datetime) -> None:
    """Write a change of what the server's settings say about publishing to the audit log, once."""
    present = {
        "jurisdiction": terms.limits.jurisdiction,
        "max_upline_levels": terms.limits.max_upline_levels,
        "min_notice_days": terms.min_notice_days,
        "plan_approval": terms.approval,
    }
    async with db.begin() as tx:
        await locks.hold(tx, "rules legal limit")
        row = await tx.fetchrow(
            "select jurisdiction, max_upline_levels, min_notice_days, plan_approval from legal_limit"
            " order by legal_limit_id desc limit 1"
        )
        before = None if row is None else dict(row.items())
        if before == present:
            return
        await tx.execute(
            "insert into legal_limit (since, jurisdiction, max_upline_levels, min_notice_days, plan_approval)"
            " values ($1, $2, $3, $4, $5)",
            now,
            *present.values(),
        )
        tx.audit("rules.legal_limit_changed", "settings/legal-limit", before=before, after=present)
