"""Payments over HTTP: payouts with their attempts, batches for the bank, reconciliation, and the channels' callbacks."""

from fastapi import APIRouter

from fenxiao.infra.http.routing import joined
from fenxiao.payments.http import batches, callbacks, payouts, reconciliations
from fenxiao.payments.http.files import LARGER_BODIES
from fenxiao.payments.service import Payments

__all__ = ["LARGER_BODIES", "router"]


def router(service: Payments) -> APIRouter:
    """The routes of this context."""
    routes = APIRouter()
    # Before the payouts, whose numbers would take these names.
    joined(routes, batches.router(service.batches))
    joined(routes, reconciliations.router(service.reconciliations))
    joined(routes, payouts.router(service.showing))
    joined(routes, callbacks.router(service.callbacks))
    return routes
