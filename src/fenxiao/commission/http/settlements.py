"""Settling, by hand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from fenxiao.commission.http import access
from fenxiao.commission.queries.maturing import Selection
from fenxiao.commission.queries.settlement import Settlement
from fenxiao.commission.service.settlement import EVERYBODY, SettlementMissing, Settlements
from fenxiao.infra.http.auth import Caller, require
from fenxiao.infra.http.fields import Answer, Body, Id, Items, Moment, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.ids import DistributorId, SettlementId
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT

MAX_SELECTED = 10_000
"""Distributors in one selection; of more, a grade, or all."""


class NewSettlement(Body):
    """`cutoff`: what matures until then is released; now, if left out. One ahead of now ends holds early."""

    cutoff: Moment | None = None


class NewSelection(NewSettlement):
    """`distributor_ids`: these alone; `grade`: of those, or of all, whoever has this grade when his turn comes."""

    distributor_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_SELECTED)] | None = None
    grade: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class PreviewedAnswer(Answer):
    """What would be released in one currency; the amount may be negative."""

    currency: str
    amount: str
    entries: int
    distributors: int


class PreviewAnswer(Answer):
    """What a settlement would release; orders that are `waiting` have a refund that is yet to be booked."""

    cutoff: datetime
    distributors: int
    waiting: int
    items: Sequence[PreviewedAnswer]


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


class SettlementHead(Answer):
    """结算: `status` is queued, running, done, failed or cancelled; `distributor_id` is null for a settlement of several.

    `selected` says for how many it was asked, null for everybody; `grade` which of those it is for. The hashes are SHA-256
    of what was released and of the statements, null for settlements from before there were any; while it runs they go as
    far as it has come.
    """

    settlement_id: int
    status: str
    cutoff: datetime
    distributor_id: int | None
    selected: int | None
    grade: str | None
    scheduled: bool
    created_at: datetime
    progress: ProgressAnswer
    input_hash: str | None
    output_hash: str | None


class SettlementAnswer(SettlementHead):
    """A settlement with what it has released so far."""

    released: Sequence[ReleasedAnswer]


def router(settlements: Settlements) -> APIRouter:
    """Settling one distributor, some and all, what that would release, and how far it has come."""
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

    _add_runs(routes, settlements)

    @routes.get("/api/settlements/{settlement_id}", summary="How far a settlement has come")
    async def settlement(who: Caller, settlement_id: Id) -> SettlementAnswer:
        found = await settlements.find(SettlementId(settlement_id))
        if not (who.may(access.SETTLE) or access.sees_all(who) or who.owns(found.distributor_id)):
            raise SettlementMissing(settlement_id=settlement_id)
        return _answer(found)

    return routes


def _add_runs(routes: APIRouter, settlements: Settlements) -> None:
    may = [require(access.SETTLE)]

    @routes.post(
        "/api/settlements", status_code=202, summary="Settle everybody, or a selection", dependencies=may
    )
    async def settle_all(
        once: Idempotency, response: Response, body: NewSelection | None = None
    ) -> SettlementAnswer:
        queued = await settlements.settle_all(
            cutoff=body.cutoff if body else None, once=once, selection=_selection(body)
        )
        response.headers["Location"] = f"/api/settlements/{queued.settlement_id}"
        return _answer(queued)

    @routes.post("/api/settlements/preview", summary="What a settlement would release", dependencies=may)
    async def preview_settlement(body: NewSelection | None = None) -> PreviewAnswer:
        found = await settlements.preview(cutoff=body.cutoff if body else None, selection=_selection(body))
        return PreviewAnswer(
            cutoff=found.cutoff,
            distributors=found.distributors,
            waiting=found.waiting,
            items=[
                PreviewedAnswer(
                    currency=one.currency,
                    amount=from_minor(one.amount_minor, one.currency),
                    entries=one.entries,
                    distributors=one.distributors,
                )
                for one in found.amounts
            ],
        )

    @routes.get("/api/settlements", summary="Settlements, the newest first")
    async def list_settlements(
        who: Caller, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Items[SettlementHead]:
        if not access.sees_all(who):
            who.demand(access.SETTLE)
        found = await settlements.page(limit=limit, cursor=cursor)
        return items(found, [SettlementHead(**_head(one)) for one in found.items])

    @routes.post("/api/settlements/{settlement_id}/cancel", summary="Stop a settlement", dependencies=may)
    async def cancel_settlement(settlement_id: Id) -> SettlementAnswer:
        return _answer(await settlements.cancel(SettlementId(settlement_id)))


def _selection(body: NewSelection | None) -> Selection:
    if body is None:
        return EVERYBODY
    chosen = body.distributor_ids
    return Selection(distributor_ids=None if chosen is None else tuple(sorted(set(chosen))), grade=body.grade)


def _head(settlement: Settlement) -> dict[str, Any]:
    return {
        "settlement_id": settlement.settlement_id,
        "status": settlement.status,
        "cutoff": settlement.cutoff,
        "distributor_id": settlement.distributor_id,
        "selected": settlement.selected,
        "grade": settlement.grade,
        "scheduled": settlement.scheduled,
        "created_at": settlement.created_at,
        "progress": ProgressAnswer(done=settlement.done, total=settlement.total),
        "input_hash": None if settlement.input_hash is None else settlement.input_hash.hex(),
        "output_hash": None if settlement.output_hash is None else settlement.output_hash.hex(),
    }


def _answer(settlement: Settlement) -> SettlementAnswer:
    return SettlementAnswer(
        **_head(settlement),
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
