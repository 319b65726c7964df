"""Distributors, their trees, grades and teams over HTTP."""

from fastapi import APIRouter

from fenxiao.infra.http.routing import joined
from fenxiao.network.http import bindings, distributors, grades, placements, teams, tree
from fenxiao.network.service import Network


def router(network: Network) -> APIRouter:
    """The routes of this context."""
    routes = APIRouter()
    # Before what has an id in its place.
    joined(routes, bindings.router(network))
    joined(routes, distributors.router(network))
    joined(routes, tree.router(network))
    joined(routes, placements.router(network))
    joined(routes, grades.router(network))
    joined(routes, teams.router(network))
    return routes
