"""What may be asked of analytics from outside HTTP."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesTotals:
    """All sales of a currency: minor units, refunds and commission as positive and signed sums."""

    currency: str
    orders: int
    units: int
    gross_minor: int
    refunds_minor: int
    net_minor: int
    commission_minor: int


class AnalyticsApi(Protocol):
    """数据分析."""

    async def totals(self, *, currency: str) -> SalesTotals:
        """The whole span of the sales report in one row."""
