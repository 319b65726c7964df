"""The HTTP application of a composed system, and the server that runs it."""

import signal
import socket

from fastapi import FastAPI

from fenxiao import __version__
from fenxiao.entrypoints.compose import System
from fenxiao.infra.http import connection
from fenxiao.infra.http.hot import HotRoutes
from fenxiao.infra.http.web import Lifespan, create_app

GRACE = 20
"""Seconds that accepted requests get to finish after SIGTERM."""


def application(system: System, *, lifespan: Lifespan | None = None) -> FastAPI:
    """One application with the routes of every context of the system."""
    return create_app(
        title="Fenxiao",
        version=__version__,
        description="分销: distributors, orders, and commission that is exact to the cent.",
        routers=[*system.routers(), *system.internal_routers()],
        authenticate=system.verify,
        probes={"database": system.ready},
        larger_bodies={path: size for offer in system.offers for path, size in offer.larger_bodies.items()},
        lifespan=lifespan,
    )


def hot_routes(system: System) -> HotRoutes:
    """The hot routes of every context, for the connections of the server."""
    routes = [route for offer in system.offers for route in offer.hot]
    return HotRoutes(routes, system.verify, access_log=True)


async def serve(system: System, listener: socket.socket, *, works: bool) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was accepted. `works`: all else is done here too."""
    # uvicorn raises the signal again when it has shut down; the default would end the process before it has left
    # its PostgreSQL.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    server = connection.server(
        application(system, lifespan=lambda _: system.alive(answers=True, works=works)),
        hot_routes(system),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
        server_header=False,
    )
    await server.serve(sockets=[listener])
