"""What analytics offers: its api, reports, listener and checks."""

from fenxiao.analytics.api import AnalyticsApi
from fenxiao.analytics.checks import checks
from fenxiao.analytics.consumers import consumers
from fenxiao.analytics.http import router
from fenxiao.analytics.service import Analytics
from fenxiao.commission.api import CommissionApi
from fenxiao.infra.wiring import Offer, Tools
from fenxiao.orders.api import OrdersApi

NAME = "analytics"


def offer(tools: Tools, *, orders: OrdersApi, commission: CommissionApi) -> Offer[AnalyticsApi]:
    """Analytics, built from what every context gets and the two ports it asks."""
    service = Analytics(tools.db, orders, commission)
    return Offer(
        name=NAME,
        api=service,
        router=lambda: router(service),
        consumers=consumers(service, tools.db),
        checks=checks(service),
    )
