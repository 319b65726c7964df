"""The run of a simulation: orders page by page to the processes that evaluate, sums into the tables, chunk by chunk; then its periods.

Here rows are only passed on: the database packs them, a child unpacks and evaluates them, and what comes back is a few
sums for many pages. A page is so many orders of the span by id, whatever the chunks are, and the hashes go by pages: so
they are the same however often the run was killed. Behind the orders each period is a chunk and a page of its own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from fenxiao.commission.domain import hashes
from fenxiao.commission.domain.simulation import Outcome
from fenxiao.commission.queries import simulation as reads
from fenxiao.commission.queries.simulation import Simulation
from fenxiao.commission.service.figures import Facts
from fenxiao.commission.service.simulation_child import Columns, Page, Sums, Worked
from fenxiao.commission.service.simulation_crew import Child, cores, crew
from fenxiao.commission.service.simulation_periods import Kept, Simulated, SimulatedPeriods
from fenxiao.commission.service.simulation_rewards import SimulatedRewards
from fenxiao.engine import ENGINE_VERSION
from fenxiao.engine.plan import Plan, needed_facts, parse_plan
from fenxiao.infra.db import runs
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.runs import Run
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.ids import OrderId
from fenxiao.orders.api import FactsPage, OrdersApi, PaidSpan

PAGE = 500
"""Orders of a page: few enough that to pass it on takes the loop a moment. The hashes rest on it, and name it."""

_SECONDS = 12.0
"""A chunk ends after so long, well within the lease of a run; what a kill loses is at most that."""

_REWARDS = "rewards "
"""Before the key of a period that is left for its rewards."""

_LOOK = 1.0
"""Seconds between looks whether somebody has asked to stop."""

_FEW = 2000
"""So few orders do not pay for a second process."""

_ADD = (
    "insert into simulation_distributor as s (simulation_id, distributor_id, orders, sales_minor, would_minor, was_minor)"
    " select $1::bigint, * from unnest($2::text::bigint[], $3::text::bigint[], $4::text::bigint[], $5::text::bigint[],"
    " $6::text::bigint[]) on conflict (simulation_id, distributor_id) do update set orders = s.orders + excluded.orders,"
    " sales_minor = s.sales_minor + excluded.sales_minor, would_minor = s.would_minor + excluded.would_minor,"
    " was_minor = s.was_minor + excluded.was_minor"
)


class EngineChangedError(RuntimeError):
    """The engine is another one than when the simulation began; what it has added up cannot be gone on with."""


class Cursor(msgspec.Struct, frozen=True):
    """How far a run has come: the last order, both hashes (hexadecimal), and what all pages so far came to.

    `left` are the keys of the periods that are not closed yet, and of those for rewards, None before the last order; `carries` has by kind what the
    last one that is kept for the next.
    """

    order_id: int
    input_hash: str
    output_hash: str
    outcome: dict[str, Any]
    left: list[str] | None = None
    carries: dict[str, Kept] = {}


@dataclass(frozen=True, slots=True)
class Walked:
    """What one chunk did: the last order, the pages in their order, their sums, and whether the span is at its end."""

    last: OrderId
    worked: Sequence[Worked]
    sums: Sequence[Sums]
    ended: bool


class SimulationRuns:
    """Does simulations, a chunk at a time."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        orders: OrdersApi,
        facts: Facts,
        *,
        periods: SimulatedPeriods,
        rewards: SimulatedRewards,
        page: int = PAGE,
        seconds: float = _SECONDS,
    ) -> None:
        self._db = db
        self._clock = clock
        self._orders = orders
        self._facts = facts
        self._periods = periods
        self._rewards = rewards
        self._page = page
        self._seconds = seconds

    async def simulate_chunk(self, run: Run) -> None:
        """The next pages of a run, or its next period; the sums move on in one transaction with its cursor."""
        simulation = await reads.of_run(self._db, run.run_id)
        if simulation.engine_version != ENGINE_VERSION:
            raise EngineChangedError(
                f"{simulation.engine_version} then, {ENGINE_VERSION} now: simulate again"
            )
        before = _begun(simulation, self._page) if run.cursor is None else msgspec.convert(run.cursor, Cursor)
        plan = parse_plan(simulation.document)
        if before.left is None:
            after, people, done = await self._pages(run, simulation, plan, before)
        else:
            after, people, done = await self._period(simulation, plan, before)
        async with self._db.begin() as tx:
            for columns in people:
                await tx.execute(_ADD, simulation.simulation_id, *columns)
            now, cursor = self._clock(), msgspec.to_builtins(after)
            if before.left is None and after.left:
                total = run.done + done + len(after.left)
                await tx.execute("update run set total = $2 where run_id = $1", run.run_id, total)
            await runs.advance(tx, run, cursor=cursor, done=done, now=now)
            if after.left == []:
                await _finish(tx, simulation, after)
                await runs.finish(tx, replace(run, cursor=cursor), result=None, now=now)

    async def _pages(
        self, run: Run, simulation: Simulation, plan: Plan, before: Cursor
    ) -> tuple[Cursor, Sequence[Columns], int]:
        """The next orders; behind the last of them the periods are known."""
        walked = await self._walk(run, simulation, OrderId(before.order_id))
        outcome = Outcome.of(before.outcome)
        for sums in walked.sums:
            outcome.merge(Outcome.of(sums.outcome))
        left = None
        if walked.ended:
            paying = await self._periods.wanted(simulation, plan)
            rewarding = await self._rewards.wanted(simulation, plan)
            left = [one.key for one in paying.whole] + [_REWARDS + one.key for one in rewarding.whole]
            outcome.left_out = list(dict.fromkeys((*paying.left_out, *rewarding.left_out)))
        after = structs.replace(
            _hashed(before, walked.worked), order_id=walked.last, outcome=outcome.document(), left=left
        )
        people = [columns for sums in walked.sums for columns in sums.people]
        return after, people, sum(one.orders for one in walked.worked)

    async def _period(
        self, simulation: Simulation, plan: Plan, before: Cursor
    ) -> tuple[Cursor, Sequence[Columns], int]:
        """The next period; nothing moves where somebody has asked to stop."""
        assert before.left  # noqa: S101 - with the last one the run is done
        key = before.left[0].removeprefix(_REWARDS)
        if key == before.left[0]:
            found = await self._periods.close(simulation, plan, key, before.carries)
        else:
            found = await self._rewards.reckon(simulation, plan, key)
        if found is None:
            return before, (), 0
        outcome = Outcome.of(before.outcome)
        outcome.merge(found.outcome)
        after = structs.replace(
            _hashed(before, [found]),
            outcome=outcome.document(),
            left=before.left[1:],
            carries={**before.carries, **found.kept},
        )
        return after, found.people, 1

    async def _walk(self, run: Run, simulation: Simulation, last: OrderId) -> Walked:
        """Pages until the span ends, time is over, or somebody has asked to stop."""
        size = cores() if (run.total or 0) - run.done > _FEW else 1
        async with crew(simulation.document, size) as children:
            walk = _Walk(self._db, self._orders, self._facts, simulation, children)
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = await walk.hand_out(group, last, page=self._page, seconds=self._seconds)
            except BaseExceptionGroup as together:
                # Whoever does the run looks at what went wrong, not at how many were at it.
                raise together.exceptions[0] from None
            sums = [await child.sums() for child in children] if tasks else []
        return Walked(walk.last, [task.result() for task in tasks], sums, walk.ended)


class _Walk:
    """Pages of one chunk: read one after the other, each evaluated by whichever child is idle."""

    def __init__(
        self, db: Database, orders: OrdersApi, facts: Facts, simulation: Simulation, children: Sequence[Child]
    ) -> None:
        self._db = db
        self._orders = orders
        self._facts = facts
        self._simulation = simulation
        self._plan = parse_plan(simulation.document)
        self._needs = needed_facts(self._plan)
        self._idle: asyncio.Queue[Child] = asyncio.Queue()
        for child in children:
            self._idle.put_nowait(child)
        self.last = OrderId(0)
        self.ended = False

    async def hand_out(
        self, group: asyncio.TaskGroup, last: OrderId, *, page: int, seconds: float
    ) -> list[asyncio.Task[Worked]]:
        """Hand out the pages after the order `last`; at least one, if there is one."""
        found = self._simulation
        span = PaidSpan(currency=found.currency, start=found.paid_from, end=found.paid_to)
        tasks: list[asyncio.Task[Worked]] = []
        clock = asyncio.get_running_loop()
        self.last, until, look = last, clock.time() + seconds, clock.time() + _LOOK
        while not self.ended and (not tasks or clock.time() < until):
            # The next page is read while the ones before are evaluated, never further ahead.
            some = await self._orders.facts_after(span=span, cursor=self.last, limit=page)
            self.ended = len(some.order_ids) < page
            if some.order_ids:
                child = await self._idle.get()
                tasks.append(group.create_task(self._evaluate(some, child)))
                self.last = some.order_ids[-1]
            if clock.time() > look:
                look = clock.time() + _LOOK
                if await reads.is_cancelled(self._db, found.run_id):
                    break
        return tasks

    async def _evaluate(self, page: FactsPage, child: Child) -> Worked:
        try:
            booked = await reads.booked(self._db, page.order_ids)
            return await child.page(Page(page.content, booked, await self._figures(page)))
        finally:
            self._idle.put_nowait(child)

    async def _figures(self, page: FactsPage) -> Mapping[int, Mapping[int, Mapping[str, int]]] | None:
        """What the conditions ask about everyone in the chains, as accrual would gather it; None: nothing is asked."""
        if not self._needs:
            return None
        histories = await self._orders.histories(order_ids=page.order_ids)
        return await self._facts.gathered([(one, self._plan, self._needs) for one in histories])


def _begun(simulation: Simulation, page: int) -> Cursor:
    """Before the first page: the hashes begin with all that is known of the simulation."""
    about = {
        "document": simulation.document,
        "engine_version": simulation.engine_version,
        "from": _told(simulation.paid_from),
        "to": _told(simulation.paid_to),
        "page": page,
    }
    return Cursor(
        order_id=0,
        input_hash=hashes.first({"of": "input", **about}).hex(),
        output_hash=hashes.first({"of": "output", **about}).hex(),
        outcome=Outcome().document(),
    )


def _told(moment: datetime) -> str:
    return moment.isoformat()


def _hashed(before: Cursor, pages: Sequence[Worked | Simulated]) -> Cursor:
    into = hashes.folded(bytes.fromhex(before.input_hash), (one.input_hash for one in pages))
    out = hashes.folded(bytes.fromhex(before.output_hash), (one.output_hash for one in pages))
    return structs.replace(before, input_hash=into.hex(), output_hash=out.hex())


async def _finish(tx: Transaction, simulation: Simulation, at: Cursor) -> None:
    heads = await reads.heads(tx, simulation.simulation_id)
    await tx.execute(
        "update simulation set outcome = $2, input_hash = $3, output_hash = $4 where simulation_id = $1",
        simulation.simulation_id,
        {**at.outcome, "heads": msgspec.to_builtins(heads)},
        bytes.fromhex(at.input_hash),
        bytes.fromhex(at.output_hash),
    )
