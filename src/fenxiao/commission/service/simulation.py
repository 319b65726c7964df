"""Simulations (模拟): a plan, often a draft, against the real orders of a span, beside what was paid for them.

Nothing is written to the book. Orders count by the moment of their payment, whatever plan was in effect then; each is
evaluated as it stands when its page is read, with its frozen chain and all its refunds, and beside it stands everything
that is booked of it, whenever that was. Behind the orders the periods are closed that lie in the span whole, for what the
plan's components pay by period, and beside it stands what the book has of the same periods; likewise for its rewards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fenxiao.commission.domain import hashes
from fenxiao.commission.domain.simulation import MOST_PERIODS, periods_of, too_long
from fenxiao.commission.queries import simulation as reads
from fenxiao.commission.queries.simulation import Difference, Simulation, Sort
from fenxiao.engine import ENGINE_VERSION
from fenxiao.engine.plan import Plan, needed_periods, parse_plan
from fenxiao.infra.context import current
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import Conflict, FieldError, Invalid, NotFound
from fenxiao.kernel.ids import RuleId, RunId, SimulationId
from fenxiao.kernel.paging import Page
from fenxiao.orders.api import OrdersApi, PaidSpan
from fenxiao.rules.api import RulesApi, RuleVersion

KIND = "simulation"
"""The kind of its runs."""

NO_RULE = "There is no rule version {rule_id}; GET /api/rules lists all, drafts too."
NO_SPAN = "`to` must lie after `from`; it is the first moment whose payments do not count any more."
TOO_MANY = "The plan pays by the {kind}, and the span has more than {most} of them; let it begin later, or end earlier."
NOT_PAST = "`to` must not lie ahead of now, {now}: an order that is still to come cannot be simulated."


class SimulationMissing(NotFound):
    """There is no simulation {simulation_id}."""

    code = "simulation-missing"


class SimulationNotDone(Conflict):
    """Simulation {simulation_id} is {status}; its distributors can be read when it is done."""

    code = "simulation-not-done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """Who gains most and who loses most, at most ten each, the largest difference first."""

    winners: tuple[Difference, ...]
    losers: tuple[Difference, ...]


class Simulations:
    """Queues simulations and tells of them; `service/simulation_run.py` does them."""

    def __init__(
        self, db: Database, clock: Clock, zone: ZoneInfo, orders: OrdersApi, rules: RulesApi
    ) -> None:
        self._db = db
        self._clock = clock
        self._zone = zone
        self._orders = orders
        self._rules = rules

    async def queue(
        self, rule_id: RuleId, *, start: datetime, end: datetime, once: Once | None
    ) -> Simulation:
        """Queue the simulation of a version, as it stands now, over the orders paid in [start, end)."""
        now = self._clock()
        if end <= start:
            raise Invalid(errors=(FieldError("to", NO_SPAN),))
        if end > now:
            raise Invalid(errors=(FieldError("to", NOT_PAST, {"now": now.isoformat()}),))
        version = await self._version(rule_id)
        plan = parse_plan(version.document)
        span = PaidSpan(currency=version.currency, start=start, end=end)
        total = self._periods(plan, start, end) + await self._orders.paid_within(span=span)
        async with self._db.begin(once=once) as tx:
            if tx.prior:
                return tx.prior.load(Simulation)
            run_id = await runs.create(tx, KIND, {}, total=total)
            simulation_id = await _insert(tx, run_id, version, plan.document(), (span, now))
            after = {"rule_id": rule_id, "from": start.isoformat(), "to": end.isoformat()}
            tx.audit("simulation.queued", f"simulations/{simulation_id}", after=after)
            return tx.keep(await _required(tx, simulation_id))

    async def find(self, simulation_id: int) -> Simulation:
        """One simulation and how far it has come; SimulationMissing."""
        return await _required(self._db, simulation_id)

    async def page(self, *, limit: int, cursor: str | None) -> Page[Simulation]:
        """Simulations, the newest first."""
        return await reads.page(self._db, limit=limit, cursor=cursor)

    async def extremes(self, simulation_id: int) -> Extremes:
        """Who gains and who loses most, of a simulation that is done."""
        up = await reads.differences(self._db, simulation_id, sort="-difference", limit=10, cursor=None)
        down = await reads.differences(self._db, simulation_id, sort="difference", limit=10, cursor=None)
        return Extremes(
            winners=tuple(one for one in up.items if one.difference_minor > 0),
            losers=tuple(one for one in down.items if one.difference_minor < 0),
        )

    async def differences(
        self, simulation_id: int, *, sort: Sort, limit: int, cursor: str | None
    ) -> tuple[Simulation, Page[Difference]]:
        """What each distributor would have got and got; SimulationNotDone while sums are still being added."""
        found = await _required(self._db, simulation_id)
        if found.outcome is None:
            raise SimulationNotDone(simulation_id=simulation_id, status=found.status)
        page = await reads.differences(self._db, simulation_id, sort=sort, limit=limit, cursor=cursor)
        return found, page

    async def cancel(self, simulation_id: int) -> Simulation:
        """Ask a simulation to stop, which it does within seconds; one that has ended stays as it is."""
        async with self._db.begin() as tx:
            found = await _required(tx, simulation_id)
            if found.status in ("queued", "running"):
                await runs.cancel(tx, found.run_id)
                tx.audit(
                    "simulation.cancelled", f"simulations/{simulation_id}", before={"status": found.status}
                )
            return found

    def _periods(self, plan: Plan, start: datetime, end: datetime) -> int:
        """How many periods the plan would close in a span, and for rewards; Invalid where they are too many."""
        found = 0
        for kind in (*needed_periods(plan), *{one.period for one in plan.rewards}):
            if too_long(kind, start, end):
                raise Invalid(
                    errors=(FieldError("from", TOO_MANY, {"kind": kind, "most": str(MOST_PERIODS)}),)
                )
            found += len(periods_of(kind, start, end, self._zone)[0])
        return found

    async def _version(self, rule_id: RuleId) -> RuleVersion:
        found = await self._rules.documents(rule_ids=[rule_id])
        if not found:
            raise Invalid(errors=(FieldError("rule_id", NO_RULE, {"rule_id": rule_id}),))
        return found[0]


async def _insert(
    tx: Transaction,
    run_id: RunId,
    version: RuleVersion,
    document: Mapping[str, Any],
    asked: tuple[PaidSpan, datetime],
) -> SimulationId:
    span, now = asked
    simulation_id: int = await tx.fetchval(
        "insert into simulation (run_id, rule_id, plan_name, plan_version, document, document_hash, engine_version,"
        " currency, paid_from, paid_to, actor, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " returning simulation_id",
        run_id,
        version.rule_id,
        version.name,
        version.version,
        document,
        hashes.first(document),
        ENGINE_VERSION,
        span.currency,
        span.start,
        span.end,
        current().actor,
        now,
    )
    return SimulationId(simulation_id)


async def _required(reader: Database | Transaction, simulation_id: int) -> Simulation:
    found = await reads.find(reader, simulation_id)
    if found is None:
        raise SimulationMissing(simulation_id=simulation_id)
    return found
