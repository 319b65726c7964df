"""Simulating a plan, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from fenxiao.commission.domain.simulation import WAS, WOULD, Outcome, ratio
from fenxiao.commission.http import access
from fenxiao.commission.http.exposure import ExposureAnswer, simulated
from fenxiao.commission.http.files import FILES, Accept, streamed, wanted_file
from fenxiao.commission.http.settlements import ProgressAnswer
from fenxiao.commission.queries.simulation import Difference, Simulation, Sort
from fenxiao.commission.service.simulation import Extremes, Simulations
from fenxiao.commission.service.simulation_export import SimulationExports
from fenxiao.infra.http.auth import require
from fenxiao.infra.http.fields import Answer, Body, Id, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.ids import RuleId
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT

_MAY = [require(access.SIMULATE)]


class NewSimulation(Body):
    """`rule_id`: a draft or a published version; orders paid from `from` on and before `to` count, and whole periods."""

    rule_id: Id
    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")


class DifferenceAnswer(Answer):
    """What one distributor would have got and got; `orders` are his own of the span, `sales` their goods net of refunds."""

    distributor_id: int
    currency: str
    orders: int
    sales: str
    would: str
    was: str
    difference: str


class ComponentAnswer(Answer):
    """What one component would have paid and paid at one level, as it counts levels."""

    component: str
    level: int
    would: str
    was: str
    difference: str


class GradeAnswer(Answer):
    """What people of one grade would have got and got: that when the order was created, or at the end of the period."""

    grade: str | None
    would: str
    was: str
    difference: str


class PeriodAnswer(Answer):
    """What the components of a period would have paid and paid, of one that lies in the span whole; `sales` on its base."""

    period: str
    kind: str
    sales: str
    would: str
    was: str
    difference: str


class RewardAnswer(Answer):
    """What one reward would have granted and granted for a period that lies in the span whole, and to how many people."""

    reward: str
    period: str
    would: str
    was: str
    difference: str
    paid_would: int
    paid_was: int


class TotalsAnswer(Answer):
    """All orders and periods, without rewards; a cost ratio is commission by `sales`, the goods of the orders net of refunds."""

    orders: int
    paying_would: int
    paying_was: int
    sales: str
    would: str
    was: str
    difference: str
    cost_ratio_would: str
    cost_ratio_was: str
    people: int
    paid_would: int
    paid_was: int
    winners: int
    losers: int


class OutcomeAnswer(Answer):
    """What came of it. Of `periods_left_out` the span has a part only: they count on neither side. Rewards stand alone."""

    totals: TotalsAnswer
    components: Sequence[ComponentAnswer]
    grades: Sequence[GradeAnswer]
    periods: Sequence[PeriodAnswer]
    periods_left_out: Sequence[str]
    rewards: Sequence[RewardAnswer]
    winners: Sequence[DifferenceAnswer]
    losers: Sequence[DifferenceAnswer]
    exposure_would: ExposureAnswer
    exposure_was: ExposureAnswer


class SimulationHead(Answer):
    """模拟: `status` is queued, running, done, failed or cancelled. The hashes are SHA-256; the same input gives the same."""

    simulation_id: int
    status: str
    error: str | None
    progress: ProgressAnswer
    rule_id: int
    name: str
    version: int
    currency: str
    start: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to")
    created_at: datetime
    created_by: str
    engine_version: str
    rule_hash: str
    input_hash: str | None
    output_hash: str | None


class SimulationAnswer(SimulationHead):
    """A simulation with what came of it, null until it is done."""

    outcome: OutcomeAnswer | None


def router(simulations: Simulations, exports: SimulationExports) -> APIRouter:
    """Queueing, looking, cancelling, and what each distributor would have got."""
    routes = new_router(tags=["simulations"])
    _add_runs(routes, simulations)

    @routes.get("/api/simulations/{simulation_id}/distributors", responses=FILES, dependencies=_MAY)
    async def simulated_distributors(
        *,
        simulation_id: Id,
        response: Response,
        sort: Annotated[Sort, Query(description="With `-`: the largest first.")] = "distributor_id",
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        accept: Accept = "*/*",
    ) -> Items[DifferenceAnswer]:
        """What each distributor would have got and got: a page as JSON, all of them as CSV or Excel, as Accept says."""
        kind = wanted_file(accept)
        if kind is not None:
            parts = await exports.written(simulation_id, kind, sort=sort)
            return streamed(parts, kind, f"simulation-{simulation_id}")  # type: ignore[no-any-return]
        response.headers["vary"] = "Accept"
        found, page = await simulations.differences(simulation_id, sort=sort, limit=limit, cursor=cursor)
        return items(page, [_difference(one, found.currency) for one in page.items])

    return routes


def _add_runs(routes: APIRouter, simulations: Simulations) -> None:
    @routes.post(
        "/api/simulations", status_code=202, summary="Simulate a plan over real orders", dependencies=_MAY
    )
    async def simulate(body: NewSimulation, once: Idempotency, response: Response) -> SimulationAnswer:
        queued = await simulations.queue(RuleId(body.rule_id), start=body.start, end=body.end, once=once)
        response.headers["Location"] = f"/api/simulations/{queued.simulation_id}"
        return await _answer(simulations, queued)

    @routes.get("/api/simulations", summary="Simulations, the newest first", dependencies=_MAY)
    async def list_simulations(limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Items[SimulationHead]:
        found = await simulations.page(limit=limit, cursor=cursor)
        return items(found, [SimulationHead(**_head(one)) for one in found.items])

    @routes.get(
        "/api/simulations/{simulation_id}",
        summary="How far a simulation has come, and what came of it",
        dependencies=_MAY,
    )
    async def find_simulation(simulation_id: Id) -> SimulationAnswer:
        return await _answer(simulations, await simulations.find(simulation_id))

    @routes.post("/api/simulations/{simulation_id}/cancel", summary="Stop a simulation", dependencies=_MAY)
    async def cancel_simulation(simulation_id: Id) -> SimulationAnswer:
        return await _answer(simulations, await simulations.cancel(simulation_id))


async def _answer(simulations: Simulations, found: Simulation) -> SimulationAnswer:
    outcome = None
    if found.outcome is not None:
        outcome = _outcome(found, await simulations.extremes(found.simulation_id))
    return SimulationAnswer(**_head(found), outcome=outcome)


def _head(found: Simulation) -> dict[str, Any]:
    return {
        "simulation_id": found.simulation_id,
        "status": found.status,
        "error": found.error,
        "progress": ProgressAnswer(done=found.done, total=found.total),
        "rule_id": found.rule_id,
        "name": found.plan_name,
        "version": found.plan_version,
        "currency": found.currency,
        "start": found.paid_from,
        "end": found.paid_to,
        "created_at": found.created_at,
        "created_by": found.actor,
        "engine_version": found.engine_version,
        "rule_hash": found.document_hash.hex(),
        "input_hash": found.input_hash.hex() if found.input_hash else None,
        "output_hash": found.output_hash.hex() if found.output_hash else None,
    }


def _outcome(found: Simulation, extremes: Extremes) -> OutcomeAnswer:
    document = found.outcome or {}
    outcome, heads, currency = Outcome.of(document), document["heads"], found.currency
    would, was = outcome.total_minor(WOULD), outcome.total_minor(WAS)
    return OutcomeAnswer(
        totals=TotalsAnswer(
            orders=outcome.orders,
            paying_would=outcome.paying[WOULD],
            paying_was=outcome.paying[WAS],
            sales=from_minor(outcome.sales_minor, currency),
            would=from_minor(would, currency),
            was=from_minor(was, currency),
            difference=from_minor(would - was, currency),
            cost_ratio_would=ratio(would, outcome.sales_minor),
            cost_ratio_was=ratio(was, outcome.sales_minor),
            **heads,
        ),
        components=[
            ComponentAnswer(component=name, level=level, **_amounts(pair, currency))
            for (name, level), pair in outcome.by_component().items()
        ],
        grades=[
            GradeAnswer(grade=grade, **_amounts(pair, currency)) for grade, pair in outcome.by_grade().items()
        ],
        periods=[
            PeriodAnswer(
                period=one.key,
                kind=one.kind,
                sales=from_minor(one.sales_minor, currency),
                **_amounts((one.would_minor, one.was_minor), currency),
            )
            for one in outcome.periods
        ],
        periods_left_out=outcome.left_out,
        rewards=[
            RewardAnswer(
                reward=one.reward,
                period=one.key,
                paid_would=one.would_heads,
                paid_was=one.was_heads,
                **_amounts((one.would_minor, one.was_minor), currency),
            )
            for one in outcome.rewards
        ],
        winners=[_difference(one, currency) for one in extremes.winners],
        losers=[_difference(one, currency) for one in extremes.losers],
        exposure_would=simulated(outcome, WOULD, heads["paid_would"], heads["people"], currency),
        exposure_was=simulated(outcome, WAS, heads["paid_was"], heads["people"], currency),
    )


def _amounts(pair: Sequence[int], currency: str) -> dict[str, str]:
    would, was = pair
    return {
        "would": from_minor(would, currency),
        "was": from_minor(was, currency),
        "difference": from_minor(would - was, currency),
    }


def _difference(one: Difference, currency: str) -> DifferenceAnswer:
    return DifferenceAnswer(
        distributor_id=one.distributor_id,
        currency=currency,
        orders=one.orders,
        sales=from_minor(one.sales_minor, currency),
        would=from_minor(one.would_minor, currency),
        was=from_minor(one.was_minor, currency),
        difference=from_minor(one.difference_minor, currency),
    )
