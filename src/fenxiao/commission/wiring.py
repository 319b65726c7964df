"""What commission needs and what it offers."""

from fenxiao.commission.api import CommissionApi
from fenxiao.commission.checks import checks
from fenxiao.commission.consumers import consumers
from fenxiao.commission.http import router
from fenxiao.commission.jobs import jobs
from fenxiao.commission.service.accrual import Accrual
from fenxiao.commission.service.balances import Balances
from fenxiao.commission.service.explanation import Explanations
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.service.proof import Proof
from fenxiao.commission.service.published import Commission
from fenxiao.commission.service.recomputation import Recomputation
from fenxiao.commission.service.settlement import KIND, Settlements
from fenxiao.infra.wiring import Offer, Tools
from fenxiao.orders.api import OrdersApi
from fenxiao.rules.api import RulesApi

NAME = "commission"


def offer(tools: Tools, *, orders: OrdersApi, rules: RulesApi) -> Offer[CommissionApi]:
    """Commission, asking the orders for histories and the rules for plans."""
    db, clock = tools.db, tools.clock
    plans = Plans(rules)
    settlements = Settlements(db, clock, tools.settings.timezone)
    return Offer(
        name=NAME,
        api=Commission(db),
        router=lambda: router(
            Balances(db, tools.settings.currency), settlements, Explanations(db, orders, plans)
        ),
        consumers=consumers(db, Accrual(db, clock, orders, plans)),
        jobs=jobs(db, settlements),
        runs={KIND: settlements.settle_chunk},
        checks=checks(Recomputation(db, orders, plans), Proof(db)),
    )
