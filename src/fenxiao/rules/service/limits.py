"""The legal limits of the server's settings, as they were from when on."""

from datetime import datetime

from fenxiao.engine import law
from fenxiao.infra.db import locks
from fenxiao.infra.db.database import Database


async def record_limits(db: Database, limits: law.LawProfile, now: datetime) -> None:
    """Write a change of the legal limits in the server's settings to the audit log, once."""
    present = {"jurisdiction": limits.jurisdiction, "max_upline_levels": limits.max_upline_levels}
    async with db.begin() as tx:
        await locks.hold(tx, "rules legal limit")
        row = await tx.fetchrow(
            "select jurisdiction, max_upline_levels from legal_limit order by legal_limit_id desc limit 1"
        )
        before = None if row is None else dict(row.items())
        if before == present:
            return
        await tx.execute(
            "insert into legal_limit (since, jurisdiction, max_upline_levels) values ($1, $2, $3)",
            now,
            limits.jurisdiction,
            limits.max_upline_levels,
        )
        tx.audit("rules.legal_limit_changed", "settings/legal-limit", before=before, after=present)
