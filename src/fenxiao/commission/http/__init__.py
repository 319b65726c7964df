"""The HTTP face of this context, a file for each noun."""

from fastapi import APIRouter

from fenxiao.commission.http import balances, explanations, settlements
from fenxiao.commission.service.balances import Balances
from fenxiao.commission.service.explanation import Explanations
from fenxiao.commission.service.settlement import Settlements
from fenxiao.infra.http.routing import joined
from fenxiao.infra.http.routing import router as new_router


def router(held: Balances, settled: Settlements, explained: Explanations) -> APIRouter:
    """All routes of this context."""
    whole = new_router()
    for part in (settlements.router(settled), explanations.router(explained), balances.router(held)):
        joined(whole, part)
    return whole
