"""The HTTP face of this context, a file for each noun."""

from fastapi import APIRouter

from fenxiao.commission.http import (
    balances,
    explanations,
    exposure,
    payout_accounts,
    payouts,
    settlements,
    simulations,
    tax,
    withdrawal_policies,
    withdrawals,
)
from fenxiao.commission.service.balances import Balances
from fenxiao.commission.service.explanation import Explanations
from fenxiao.commission.service.exposure import ExposureReports
from fenxiao.commission.service.payout_accounts import PayoutAccounts
from fenxiao.commission.service.payouts import Payouts
from fenxiao.commission.service.settlement import Settlements
from fenxiao.commission.service.simulation import Simulations
from fenxiao.commission.service.simulation_export import SimulationExports
from fenxiao.commission.service.tax import TaxTables
from fenxiao.commission.service.withdrawal_decisions import Decisions
from fenxiao.commission.service.withdrawal_policies import WithdrawalPolicies
from fenxiao.commission.service.withdrawals import Withdrawals
from fenxiao.infra.http.routing import joined
from fenxiao.infra.http.routing import router as new_router


def router(held: Balances, settled: Settlements, explained: Explanations, *more: APIRouter) -> APIRouter:
    """All routes of this context."""
    whole = new_router()
    # The account of a distributor last: its path would take those beside it for an id.
    for part in (settlements.router(settled), explanations.router(explained), *more, balances.router(held)):
        joined(whole, part)
    return whole


def simulating(
    simulated: Simulations, exported: SimulationExports, reports: ExposureReports, currency: str
) -> APIRouter:
    """The routes that look at what a plan pays, or would."""
    whole = new_router()
    for part in (simulations.router(simulated, exported), exposure.router(reports, currency)):
        joined(whole, part)
    return whole


def withdrawing(
    *,
    requested: Withdrawals,
    decided: Decisions,
    accounts: PayoutAccounts,
    transferred: Payouts,
    published: WithdrawalPolicies,
    taxed: TaxTables,
    currency: str,
) -> APIRouter:
    """The routes by which distributors are paid."""
    whole = new_router()
    for part in (
        payout_accounts.router(accounts),
        withdrawals.router(requested, decided, currency),
        payouts.router(transferred),
        withdrawal_policies.router(published, currency),
        tax.router(taxed),
    ):
        joined(whole, part)
    return whole
