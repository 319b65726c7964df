"""What is booked, by rule version, component and level."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import RuleId


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a component of a rule version comes to at a level."""

    rule_id: RuleId
    component: str
    level: int
    amount_minor: int


_SPAN = "currency = $1 and created_at >= coalesce($2, '-infinity'::timestamptz) and created_at < coalesce($3, 'infinity'::timestamptz)"


async def paid(reader: Reader, currency: str, start: datetime | None, end: datetime | None) -> list[Paid]:
    """Sums of the entries whose facts lie in the span, corrections among them."""
    rows = await reader.fetch(
        "select rule_id, component, level, sum(commission_amount_minor)::bigint as amount_minor from commission"
        f" where {_SPAN} group by 1, 2, 3 order by 1, 2, 3",
        currency,
        start,
        end,
    )
    return [Paid(**dict(row.items())) for row in rows]


async def heads(reader: Reader, currency: str, start: datetime | None, end: datetime | None) -> int:
    """How many people the entries of the span leave with anything."""
    found: int = await reader.fetchval(
        "select count(*) from (select distributor_id from commission"
        f" where {_SPAN} group by 1 having sum(commission_amount_minor) <> 0) p",
        currency,
        start,
        end,
    )
    return found
