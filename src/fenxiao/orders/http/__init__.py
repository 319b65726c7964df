"""Orders over HTTP: parse, authorise, call, shape the answer.

An order that is not the caller's to see is answered 404; one that he may see and not change, 403.
"""

from fastapi import APIRouter

from fenxiao.infra.http.routing import router as new_router
from fenxiao.orders.http.bulk import add_bulk
from fenxiao.orders.http.changing import add_refunds, add_transitions
from fenxiao.orders.http.policy import add_policy
from fenxiao.orders.http.reading import add_reading
from fenxiao.orders.http.single import SinglePlacing, add_placing
from fenxiao.orders.service import Orders


def router(orders: Orders, placing: SinglePlacing, *, currency: str) -> APIRouter:
    """All routes of orders; `currency` is the one meant where none is named."""
    routes = new_router(tags=["orders"])
    add_placing(routes, placing)
    add_bulk(routes, orders, currency)
    # Before those with a number in the same place.
    add_policy(routes, orders)
    add_reading(routes, orders, currency)
    add_transitions(routes, orders)
    add_refunds(routes, orders)
    return routes
