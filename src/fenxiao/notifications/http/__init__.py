"""Notifications over HTTP: webhooks with their deliveries, and notices."""

from fastapi import APIRouter

from fenxiao.notifications.http import deliveries, notices, webhooks
from fenxiao.notifications.service import Notifications


def router(service: Notifications) -> APIRouter:
    """The routes of this context."""
    routes = APIRouter()
    routes.include_router(webhooks.router(service.webhooks))
    routes.include_router(deliveries.router(service.deliveries))
    routes.include_router(notices.router(service.notices))
    return routes
