"""What distributors have."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import DistributorId


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a distributor has in one currency, in minor units; `available_minor` may be below zero.

    `next_release_at` is when the next pending entry matures, None where none will by itself.
    """

    currency: str
    pending_minor: int = 0
    available_minor: int = 0
    withdrawing_minor: int = 0
    paid_minor: int = 0
    next_release_at: datetime | None = None

    @property
    def debt_minor(self) -> int:
        """What later commission has to make up for before anything can be withdrawn."""
        return max(0, -self.available_minor)


async def balances(reader: Reader, distributor_id: DistributorId) -> tuple[Balance, ...]:
    """All balances of a distributor, by currency."""
    rows = await reader.fetch(
        "select currency, pending_minor, available_minor, withdrawing_minor, paid_minor,"
        " least(matures_at, (select min(release_at) from rewards r"
        "   where r.distributor_id = b.distributor_id and r.currency = b.currency and r.status = 'pending')) as next_release_at"
        " from balance b where distributor_id = $1 order by currency",
        distributor_id,
    )
    return tuple(Balance(**dict(row.items())) for row in rows)
