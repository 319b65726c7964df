"""Distributors, their tree and grades over HTTP."""

from fastapi import APIRouter

from fenxiao.network.http import distributors, grades, tree
from fenxiao.network.service import Network


def router(network: Network) -> APIRouter:
    """The routes of this context."""
    routes = APIRouter()
    routes.include_router(distributors.router(network))
    routes.include_router(tree.router(network))
    routes.include_router(grades.router(network))
    return routes
