"""Notifications over HTTP: webhooks with their deliveries, and notices."""

from fastapi import APIRouter

from fenxiao.infra.http.routing import joined
from fenxiao.notifications.http import deliveries, notices, webhooks
from fenxiao.notifications.service import Notifications


def router(service: Notifications) -> APIRouter:
    """The routes of this context."""
    routes = APIRouter()
    joined(routes, webhooks.router(service.webhooks))
    joined(routes, deliveries.router(service.deliveries))
    joined(routes, notices.router(service.notices))
    return routes
