"""What orders offer to a process."""

from fenxiao.catalog.api import CatalogApi
from fenxiao.infra.wiring import Offer, Tools
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import OrdersApi
from fenxiao.orders.checks import checks
from fenxiao.orders.http import router
from fenxiao.orders.http.single import HotPlacing, SinglePlacing
from fenxiao.orders.jobs import jobs
from fenxiao.orders.service import Orders
from fenxiao.orders.service.retention import BuyerRetention
from fenxiao.orders.service.verifying import Verifying
from fenxiao.rules.api import RulesApi

NAME = "orders"


def offer(tools: Tools, *, network: NetworkApi, catalog: CatalogApi, rules: RulesApi) -> Offer[OrdersApi]:
    """Orders on the given tools, with the ports they call."""
    currency = tools.settings.currency
    orders = Orders(tools.db, tools.cipher, network=network, catalog=catalog, rules=rules, currency=currency)
    placing = SinglePlacing(orders, currency)
    return Offer(
        name=NAME,
        api=orders,
        router=lambda: router(orders, placing, currency=currency),
        hot=(HotPlacing(placing),),
        jobs=jobs(orders, BuyerRetention(tools.db, tools.settings.keep_buyers_years), tools.db),
        checks=checks(Verifying(tools.db, network=network, rules=rules)),
    )
