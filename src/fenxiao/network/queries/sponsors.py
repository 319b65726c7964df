"""Who sponsored someone, since when, and why."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import DistributorId


@dataclass(frozen=True, slots=True, kw_only=True)
class Sponsorship:
    """推荐关系: a stretch of time with one sponsor (or none); `valid_to` is None while it lasts."""

    sponsor_id: DistributorId | None
    valid_from: datetime
    valid_to: datetime | None
    from_version: int
    source: str
    evidence: str


async def sponsorships(reader: Reader, distributor_id: int) -> list[Sponsorship]:
    """The history of someone's sponsors, the first one first."""
    rows = await reader.fetch(
        "select sponsor_id, valid_from, nullif(valid_to, 'infinity') as valid_to, from_version, source, evidence"
        " from sponsor_link where distributor_id = $1 order by from_version",
        distributor_id,
    )
    return [Sponsorship(**row) for row in rows]
