"""The only place that knows what is near and what is far: builds every context by hand from its wiring."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter

from fenxiao.analytics import wiring as analytics
from fenxiao.analytics.api import AnalyticsApi
from fenxiao.catalog import wiring as catalog
from fenxiao.catalog.api import CatalogApi
from fenxiao.commission import wiring as commission
from fenxiao.commission.api import CommissionApi
from fenxiao.entrypoints.vocabulary import Names
from fenxiao.identity import wiring as identity
from fenxiao.identity.api import IdentityApi
from fenxiao.infra.bus.local import LocalBus
from fenxiao.infra.bus.relay import Relay, Waker
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db import forgetting, runs
from fenxiao.infra.db.connections import Access
from fenxiao.infra.db.database import Database, open_database
from fenxiao.infra.http.ports import guard
from fenxiao.infra.http.remote import serve
from fenxiao.infra.http.revocations import Revocations
from fenxiao.infra.http.tokens import Verifier
from fenxiao.infra.jobs import Job, keep_running
from fenxiao.infra.settings import Settings
from fenxiao.infra.wiring import Offer, Tools
from fenxiao.kernel.clock import Clock
from fenxiao.network import wiring as network
from fenxiao.network.api import NetworkApi
from fenxiao.notifications import wiring as notifications
from fenxiao.notifications.api import NotificationsApi
from fenxiao.orders import wiring as orders
from fenxiao.orders.api import OrdersApi
from fenxiao.payments import wiring as payments
from fenxiao.payments.api import PaymentsApi
from fenxiao.rules import wiring as rules
from fenxiao.rules.api import RulesApi

CONTEXTS = (
    "identity",
    "catalog",
    "network",
    "rules",
    "payments",
    "orders",
    "commission",
    "analytics",
    "notifications",
)
"""Every context, downhill ones first: the order in which they are built and started."""

PROTOCOLS: dict[str, type] = {
    "identity": IdentityApi,
    "catalog": CatalogApi,
    "network": NetworkApi,
    "rules": RulesApi,
    "payments": PaymentsApi,
    "orders": OrdersApi,
    "commission": CommissionApi,
    "analytics": AnalyticsApi,
    "notifications": NotificationsApi,
}
"""What each context answers, near or far."""

HOUSEKEEPING = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apis:
    """The ports of all contexts."""

    identity: IdentityApi
    catalog: CatalogApi
    network: NetworkApi
    rules: RulesApi
    payments: PaymentsApi
    orders: OrdersApi
    commission: CommissionApi
    analytics: AnalyticsApi
    notifications: NotificationsApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a process finds its database and its secrets. `roles`: each context has a database role of its own."""

    dsn: str
    roles: bool
    settings: Settings
    cipher: Cipher
    clock: Clock = lambda: datetime.now(UTC)
    snapshot: str | None = None


Work = Coroutine[Any, Any, None]
"""What goes on until it is cancelled."""


@asynccontextmanager
async def _running(work: Iterable[Work]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class System:
    """All contexts of one process, joined."""

    def __init__(
        self, place: Place, databases: dict[str, Database], offers: Sequence[Offer[Any]], apis: Apis
    ) -> None:
        self.place = place
        self.databases = databases
        self.offers = offers
        self.apis = apis
        self.bus = LocalBus([consumer for offer in offers for consumer in offer.consumers])
        self.relays = [Relay(db, self.bus) for db in databases.values()]
        self.revocations = Revocations(lambda since: apis.identity.revoked_sessions(since=since), place.clock)
        self.verify = Verifier(
            keys=_PublishedKeys(apis.identity),
            issuer=place.settings.issuer,
            clock=place.clock,
            revoked=self.revocations,
        )

    def routers(self) -> list[APIRouter]:
        """The HTTP routes of all contexts, made anew."""
        return [offer.router() for offer in self.offers if offer.router is not None]

    def internal_routers(self) -> list[APIRouter]:
        """What other services may call, for those that know the service token; nothing where none is set."""
        token = self.place.settings.service_token
        if not token:
            return []
        return [
            serve(PROTOCOLS[offer.name], offer.api, context=offer.name, token=token) for offer in self.offers
        ]

    async def start(self) -> None:
        """Provision what must exist before the first request; again, it changes nothing."""
        for offer in self.offers:
            await offer.start()

    @asynccontextmanager
    async def alive(self, *, answers: bool = False, works: bool = True) -> AsyncIterator[None]:
        """What runs beside this block and ends with it.

        Everywhere: whoever commits wakes the relays. Where requests are answered: the news of revoked sessions.
        Where the work is done, in this process or in one of its own: relays, jobs and runs.
        """
        going_on = self._waking()
        if answers:
            going_on.append(self.revocations.run())
        if works:
            jobs = [*(job for offer in self.offers for job in offer.jobs), *self.housekeeping()]
            going_on += [*self._relaying(), *map(keep_running, jobs)]
        async with _running(going_on):
            yield

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Relays and the replay of parked events beside this block, for a command that has to see its events through."""
        async with _running([*self._waking(), *self._relaying()]):
            yield

    def _waking(self) -> list[Work]:
        return [Waker(db).run() for db in self.databases.values()]

    def _relaying(self) -> list[Work]:
        first = self.databases[CONTEXTS[0]]
        replay = Job("replay parked events", HOUSEKEEPING * 5, self.bus.replay, first)
        return [*(relay.run() for relay in self.relays), keep_running(replay)]

    def housekeeping(self) -> list[Job]:
        """Jobs that every context has."""
        jobs = [
            Job(
                f"runs {offer.name}",
                HOUSEKEEPING,
                partial(runs.work, self.databases[offer.name], offer.runs),
                self.databases[offer.name],
            )
            for offer in self.offers
            if offer.runs
        ]
        jobs += [
            Job(f"forget {name}", timedelta(days=1), partial(self._forget, name), db)
            for name, db in self.databases.items()
        ]
        return jobs

    async def _forget(self, name: str) -> int:
        (offer,) = [one for one in self.offers if one.name == name]
        kept = self.place.settings
        return await forgetting.forget(
            self.databases[name],
            name,
            consumers=[one.name for one in offer.consumers],
            events_days=kept.keep_events_days,
            keys_days=kept.keep_keys_days,
        )

    async def drain(self) -> None:
        """Deliver every event and do every run until nothing is left. For one process alone: no relay may be running."""
        busy = 1
        while busy:
            busy = sum([await relay.drain() for relay in self.relays])
            for offer in self.offers:
                if offer.runs:
                    busy += await runs.work(self.databases[offer.name], offer.runs)

    async def waiting(self) -> int:
        """How many events no relay has delivered yet, in all schemas."""
        counts = [
            await db.fetchval("select count(*) from outbox where published_at is null")
            for db in self.databases.values()
        ]
        return sum(counts)

    async def parked(self) -> int:
        """How many events some consumer could not digest, in all schemas."""
        counts = [
            await db.fetchval("select count(*) from inbox where state = 'parked'")
            for db in self.databases.values()
        ]
        return sum(counts)

    async def ready(self) -> None:
        """Raises `Unavailable` unless the database answers."""
        await self.databases[CONTEXTS[0]].fetchval("select 1")


class _PublishedKeys:
    """The verifier's view of identity."""

    def __init__(self, api: IdentityApi) -> None:
        self._api = api

    async def jwks(self) -> dict[str, object]:
        return await self._api.public_keys()


@asynccontextmanager
async def composed(place: Place) -> AsyncIterator[System]:
    """Every context near, in one process; closed at the end of the block."""
    opened = await asyncio.gather(
        *(open_database(_access(place, name), clock=place.clock) for name in CONTEXTS), return_exceptions=True
    )
    databases = {name: db for name, db in zip(CONTEXTS, opened, strict=True) if isinstance(db, Database)}
    try:
        for db in opened:
            if isinstance(db, BaseException):
                raise db
        yield _join(place, databases)
    finally:
        await asyncio.gather(*(db.close() for db in databases.values()))


def _access(place: Place, name: str) -> Access:
    role = f"fenxiao_{name}" if place.roles else None
    return Access(
        dsn=place.dsn,
        schema=name,
        role=role,
        snapshot=place.snapshot,
        embedded=place.settings.database_url is None,
        one_server=True,
    )


def _join(place: Place, databases: dict[str, Database]) -> System:
    tools: Callable[[str], Tools] = lambda name: Tools(  # noqa: E731 - one line, used below
        db=databases[name], clock=place.clock, cipher=place.cipher, settings=place.settings
    )
    people = identity.offer(tools("identity"))
    goods = catalog.offer(tools("catalog"))
    tree = network.offer(tools("network"), identity=guard(people.api))
    plans = rules.offer(tools("rules"), vocabulary=guard(Names(guard(tree.api), guard(goods.api))))
    transfers = payments.offer(tools("payments"))
    sales = orders.offer(
        tools("orders"), network=guard(tree.api), catalog=guard(goods.api), rules=guard(plans.api)
    )
    pay = commission.offer(
        tools("commission"),
        orders=guard(sales.api),
        rules=guard(plans.api),
        network=guard(tree.api),
        payments=guard(transfers.api),
    )
    figures = analytics.offer(tools("analytics"), orders=guard(sales.api), commission=guard(pay.api))
    told = notifications.offer(tools("notifications"))
    apis = Apis(
        identity=people.api,
        catalog=goods.api,
        network=tree.api,
        rules=plans.api,
        payments=transfers.api,
        orders=sales.api,
        commission=pay.api,
        analytics=figures.api,
        notifications=told.api,
    )
    return System(place, databases, [people, goods, tree, plans, transfers, sales, pay, figures, told], apis)
