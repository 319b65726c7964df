"""What commission needs and what it offers."""

from fastapi import APIRouter

from fenxiao.commission.api import CommissionApi
from fenxiao.commission.checks import checks
from fenxiao.commission.consumers import consumers, erasure_consumers, payout_consumers
from fenxiao.commission.http import erasure as erasure_routes
from fenxiao.commission.http import ledger as ledger_routes
from fenxiao.commission.http import periods as period_routes
from fenxiao.commission.http import rewards as reward_routes
from fenxiao.commission.http import router, simulating, withdrawing
from fenxiao.commission.http import statements as statement_routes
from fenxiao.commission.jobs import jobs, retention_jobs
from fenxiao.commission.service.accrual import Accrual
from fenxiao.commission.service.after_sale import AfterSale
from fenxiao.commission.service.balances import Balances
from fenxiao.commission.service.books import Books
from fenxiao.commission.service.erasure import Erasures
from fenxiao.commission.service.explanation import Explanations
from fenxiao.commission.service.exposure import ExposureReports
from fenxiao.commission.service.figures import Facts
from fenxiao.commission.service.ledger_accounts import LedgerAccounts
from fenxiao.commission.service.papers.statement import Papers
from fenxiao.commission.service.payout_accounts import PayoutAccounts
from fenxiao.commission.service.payouts import Payouts
from fenxiao.commission.service.periods.closing import Closer
from fenxiao.commission.service.periods.recomputation import PeriodRecomputation
from fenxiao.commission.service.periods.starting import KIND as CLOSING
from fenxiao.commission.service.periods.starting import Periods
from fenxiao.commission.service.plans import Plans
from fenxiao.commission.service.proof import Proof
from fenxiao.commission.service.published import Commission
from fenxiao.commission.service.recomputation import Recomputation
from fenxiao.commission.service.rewards.explanation import RewardExplanations
from fenxiao.commission.service.rewards.gathering import Gathering
from fenxiao.commission.service.rewards.grading import Grading
from fenxiao.commission.service.rewards.granting import Granter
from fenxiao.commission.service.rewards.recomputation import RewardRecomputation
from fenxiao.commission.service.rewards.starting import KIND as REWARDS
from fenxiao.commission.service.rewards.starting import Rewards
from fenxiao.commission.service.settlement import KIND, Settlements
from fenxiao.commission.service.simulation import KIND as SIMULATION
from fenxiao.commission.service.simulation import Simulations
from fenxiao.commission.service.simulation_export import SimulationExports
from fenxiao.commission.service.simulation_periods import SimulatedPeriods
from fenxiao.commission.service.simulation_retention import SimulationRetention
from fenxiao.commission.service.simulation_rewards import SimulatedRewards
from fenxiao.commission.service.simulation_run import SimulationRuns
from fenxiao.commission.service.statements import Statements
from fenxiao.commission.service.tax import TaxTables
from fenxiao.commission.service.transfers import Transfers
from fenxiao.commission.service.withdrawal_decisions import Decisions
from fenxiao.commission.service.withdrawal_policies import WithdrawalPolicies
from fenxiao.commission.service.withdrawals import Withdrawals
from fenxiao.infra.wiring import Offer, Tools
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import OrdersApi
from fenxiao.payments.api import PaymentsApi
from fenxiao.rules.api import RulesApi

NAME = "commission"


def offer(
    tools: Tools, *, orders: OrdersApi, rules: RulesApi, network: NetworkApi, payments: PaymentsApi
) -> Offer[CommissionApi]:
    """Commission, asking the orders for histories, the rules for plans, the network about people, payments to pay."""
    db, clock = tools.db, tools.clock
    plans = Plans(rules)
    facts = Facts(db, orders, network, plans)
    zone = tools.settings.timezone
    settlements = Settlements(db, clock, zone, network=network, after_sale=AfterSale(db, orders, plans))
    periods = Periods(db, clock, zone)
    closer = Closer(db, clock, zone, orders=orders, rules=rules, network=network, plans=plans)
    books = Books(db, clock, zone)
    gathering = Gathering(orders, network, zone)
    rewards = Rewards(db, clock, zone)
    granter = Granter(
        db,
        clock,
        zone,
        orders=orders,
        rules=rules,
        plans=plans,
        gathering=gathering,
        grading=Grading(db, clock, zone, network=network, plans=plans),
    )
    simulations = Simulations(db, clock, zone, orders, rules)
    simulated = SimulationRuns(
        db,
        clock,
        orders,
        facts,
        periods=SimulatedPeriods(db, zone, orders, network),
        rewards=SimulatedRewards(db, zone, orders, gathering),
    )
    accounts = PayoutAccounts(db, tools.cipher)
    taxes = TaxTables(db, tools.settings.timezone)
    payouts = Payouts(db, tools.cipher)
    return Offer(
        name=NAME,
        api=Commission(db, accounts),
        router=lambda: router(
            Balances(db, tools.settings.currency),
            settlements,
            Explanations(db, orders, plans, facts),
            simulating(
                simulations, SimulationExports(db), ExposureReports(db, plans), tools.settings.currency
            ),
            _withdrawing(tools, network, payments, accounts, taxes),
            period_routes.router(periods),
            reward_routes.router(rewards, RewardExplanations(db, plans)),
            ledger_routes.router(books, LedgerAccounts(db), tools.settings.currency),
            statement_routes.router(
                settlements, statements := Statements(db), Papers(db, statements, network, zone)
            ),
            erasure_routes.router(Erasures(db, network)),
        ),
        consumers=[
            *consumers(db, Accrual(db, clock, orders, plans, facts)),
            *payout_consumers(db, Transfers(db, payments, accounts, payouts), payouts),
            *erasure_consumers(db, accounts),
        ],
        jobs=[
            *jobs(db, settlements, periods, books, rewards),
            *retention_jobs(db, SimulationRetention(db, tools.settings.keep_simulations_days)),
        ],
        runs={
            KIND: settlements.settle_chunk,
            SIMULATION: simulated.simulate_chunk,
            CLOSING: closer.close_chunk,
            REWARDS: granter.grant_chunk,
        },
        checks=checks(
            Recomputation(db, orders, plans, facts),
            Proof(db),
            PeriodRecomputation(db, orders, network, plans),
            books,
            RewardRecomputation(db, plans, gathering),
        ),
        start=taxes.provision,
    )


def _withdrawing(
    tools: Tools, network: NetworkApi, payments: PaymentsApi, accounts: PayoutAccounts, taxes: TaxTables
) -> APIRouter:
    db, cipher, timezone = tools.db, tools.cipher, tools.settings.timezone
    return withdrawing(
        requested=Withdrawals(db, cipher, network, accounts, timezone),
        decided=Decisions(db, cipher, network=network, payments=payments, timezone=timezone),
        accounts=accounts,
        transferred=Payouts(db, cipher),
        published=WithdrawalPolicies(db),
        taxed=taxes,
        currency=tools.settings.currency,
    )
