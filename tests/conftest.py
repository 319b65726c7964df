"""Real PostgreSQL for every test that wants it: one server per run, a migrated template, a clone per test."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from fenxiao.entrypoints.compose import CONTEXTS, Place, System, composed
from fenxiao.entrypoints.web import application
from fenxiao.infra import crypto
from fenxiao.infra.db import embedded, migrate
from fenxiao.infra.http import connection
from fenxiao.infra.http.hot import HotRoutes
from fenxiao.infra.settings import Settings

ADMIN_PASSWORD = "correct-horse-battery-staple"
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
TEMPLATE = "fenxiao_template"
# Durability is what kill tests are about, and those start servers of their own.
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
}
MEMORY = Path("/dev/shm")
ROOM = 3 * 1024**3
"""Bytes that must be free there."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that in the end no worker is alone with one of them."""
    items.sort(key=lambda item: "e2e" not in item.path.parts and item.path.name != "test_kills.py")


def _server_folder(temporary: Path) -> Path:
    """In memory where there is room: a clone is a thousand small files, which a disk makes ten times as slowly."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        temporary = temporary.parent
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        return MEMORY / f"fenxiao-{hashlib.sha256(str(temporary).encode()).hexdigest()[:16]}"
    return temporary / "server"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What lies in memory goes when the last worker has gone."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and not os.environ.get("PYTEST_XDIST_WORKER"):
        folder = _server_folder(factory.getbasetemp())
        if folder.parent == MEMORY:
            shutil.rmtree(folder, ignore_errors=True)


class SettableClock:
    """A clock that tests turn: it stands unless advanced."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 15, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Server:
    """The PostgreSQL of this run and the folder with its keys."""

    dsn: str
    folder: Path

    def database(self, name: str) -> str:
        return self.dsn.replace("@/fenxiao?", f"@/{name}?")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all workers of the run; whoever comes first prepares the template."""
    folder = _server_folder(tmp_path_factory.getbasetemp())
    folder.mkdir(exist_ok=True)
    with embedded.running(folder, options=QUICK) as dsn:
        with _alone(folder / "template.lock"):
            asyncio.run(_prepare(Server(dsn, folder)))
        yield Server(dsn, folder)


async def _prepare(server: Server) -> None:
    connection = await asyncpg.connect(server.dsn)
    try:
        if await connection.fetchval("select true from pg_database where datname = $1", TEMPLATE):
            return
        await connection.execute("create database template_in_the_making")
        dsn = server.database("template_in_the_making")
        await migrate.migrate(dsn, MIGRATIONS, CONTEXTS)
        async with composed(place(server, dsn)) as system:
            await system.start()
        await connection.execute(f"alter database template_in_the_making rename to {TEMPLATE}")
    finally:
        await connection.close()


def place(server: Server, dsn: str, **changes: object) -> Place:
    """The place that tests compose a system for."""
    settings = Settings(data_dir=server.folder, admin_password=ADMIN_PASSWORD, **changes)
    return Place(
        dsn=dsn,
        roles=True,
        settings=settings,
        cipher=crypto.load_or_create(server.folder),
        clock=SettableClock(),
    )


@pytest_asyncio.fixture
async def dsn(server: Server) -> AsyncIterator[str]:
    """The address of a fresh, migrated and provisioned database, reached as its owner."""
    name = f"t_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
        yield server.database(name)
        await connection.execute(f"drop database {name} with (force)")
    finally:
        await connection.close()


class TestedSystem(System):
    """A composed system with what tests need besides."""

    __test__ = False

    @property
    def clock(self) -> SettableClock:
        return self.place.clock

    async def redeliver(self) -> None:
        """Deliver every event ever published once more, as if no consumer had seen any: handlers must converge."""
        for db in self.databases.values():
            await db.fetchval("with done as (delete from inbox) update outbox set published_at = null")
        await self.drain()


LAWLESS: Mapping[str, object] = {"jurisdiction": "none", "max_upline_levels": None}
"""Settings under which no law limits plans."""


@pytest.fixture
def settings() -> Mapping[str, object]:
    """What a module sets otherwise than a new installation; it says so by a fixture of the same name."""
    return {}


@pytest_asyncio.fixture
async def system(server: Server, dsn: str, settings: Mapping[str, object]) -> AsyncIterator[TestedSystem]:
    """All contexts on a fresh database, nothing running in the background: `drain` delivers events."""
    async with composed(place(server, dsn, **settings)) as whole:
        whole.__class__ = TestedSystem
        await whole.start()
        yield whole


@pytest_asyncio.fixture
async def owner(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do anything: for looking, and for planting faults that checks must find."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def client(system: TestedSystem) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP without a socket, on the tested system."""
    transport = httpx.ASGITransport(app=application(system))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield http


@asynccontextmanager
async def serving(app: FastAPI, routes: HotRoutes) -> AsyncIterator[str]:
    """The address of an application that listens on the loopback, hot routes in front of it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = connection.server(app, routes, log_config=None, access_log=False, lifespan="off")
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


Serving = Callable[[FastAPI, HotRoutes], AbstractAsyncContextManager[str]]


@pytest.fixture
def served() -> Serving:
    """Serves an application over real connections for as long as a block lasts; its value is the address."""
    return serving


@pytest.fixture
def login(client: httpx.AsyncClient) -> Callable[[str, str], Awaitable[dict[str, str]]]:
    """Headers of a real token for a username and password."""

    async def headers(username: str, password: str) -> dict[str, str]:
        form = {
            "grant_type": "password",
            "username": username,
            "password": password,
            "client_id": "fenxiao-console",
        }
        answer = await client.post("/oauth2/token", data=form)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return headers


@pytest.fixture(scope="session")
def known_admin() -> dict[str, str]:
    """The headers of the first administrator once somebody has signed in; empty before.

    The keys are the template's, so a token that one clone has issued is good in all of them, and to check a password
    takes longer than most tests.
    """
    return {}


@pytest_asyncio.fixture
async def admin(
    login: Callable[[str, str], Awaitable[dict[str, str]]], known_admin: dict[str, str]
) -> dict[str, str]:
    """Headers of the first administrator."""
    if not known_admin:
        known_admin |= await login("admin", ADMIN_PASSWORD)
    return dict(known_admin)
