"""Settling, by hand."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter, Response

from fenxiao.commission.http import access
from fenxiao.commission.queries.settlement import Settlement
from fenxiao.commission.service.settlement import SettlementMissing, Settlements
from fenxiao.infra.http.auth import Caller, require
from fenxiao.infra.http.fields import Answer, Body, Id, Moment
from fenxiao.infra.http.headers import Idempotency
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.ids import DistributorId, SettlementId
from fenxiao.kernel.money import from_minor


class NewSettlement(Body):
    """`cutoff`: what matures until then is released; now, if left out. One ahead of now ends holds early."""

    cutoff: Moment | None = None


class ReleasedAnswer(Answer):
    """What was released in one currency, over all statements."""

    currency: str
    amount: str
    entries: int
    statements: int


class ProgressAnswer(Answer):
    """How many distributors of how many are done."""

    done: int
    total: int | None


class SettlementAnswer(Answer):
    """结算: `status` is queued, running, done, failed or cancelled; `distributor_id` is null for one of all distributors."""

    settlement_id: int
    status: str
    cutoff: datetime
    distributor_id: int | None
    created_at: datetime
    progress: ProgressAnswer
    released: Sequence[ReleasedAnswer]


def router(settlements: Settlements) -> APIRouter:
    """Settling one distributor and all, and how far a settlement has come."""
    routes = new_router(tags=["commission"])

    @routes.post(
        "/api/commission/{distributor_id}/settlements",
        summary="Settle one distributor",
        dependencies=[require(access.SETTLE)],
    )
    async def settle_one(
        distributor_id: Id, once: Idempotency, body: NewSettlement | None = None
    ) -> SettlementAnswer:
        cutoff = body.cutoff if body else None
        settled = await settlements.settle_distributor(
            DistributorId(distributor_id), once=once, cutoff=cutoff
        )
        return _answer(settled)

    @routes.post(
        "/api/settlements", status_code=202, summary="Settle everybody", dependencies=[require(access.SETTLE)]
    )
    async def settle_all(
        once: Idempotency, response: Response, body: NewSettlement | None = None
    ) -> SettlementAnswer:
        queued = await settlements.settle_all(cutoff=body.cutoff if body else None, once=once)
        response.headers["Location"] = f"/api/settlements/{queued.settlement_id}"
        return _answer(queued)

    @routes.get("/api/settlements/{settlement_id}", summary="How far a settlement has come")
    async def settlement(who: Caller, settlement_id: Id) -> SettlementAnswer:
        found = await settlements.find(SettlementId(settlement_id))
        if not (who.may(access.SETTLE) or access.sees_all(who) or who.owns(found.distributor_id)):
            raise SettlementMissing(settlement_id=settlement_id)
        return _answer(found)

    return routes


def _answer(settlement: Settlement) -> SettlementAnswer:
    return SettlementAnswer(
        settlement_id=settlement.settlement_id,
        status=settlement.status,
        cutoff=settlement.cutoff,
        distributor_id=settlement.distributor_id,
        created_at=settlement.created_at,
        progress=ProgressAnswer(done=settlement.done, total=settlement.total),
        released=[
            ReleasedAnswer(
                currency=one.currency,
                amount=from_minor(one.amount_minor, one.currency),
                entries=one.entries,
                statements=one.statements,
            )
            for one in settlement.released
        ],
    )
