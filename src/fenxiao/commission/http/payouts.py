"""What channels said against themselves, over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from fenxiao.commission.http import access
from fenxiao.commission.queries.withdrawals import Finding
from fenxiao.commission.service.payouts import Payouts
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.fields import Answer, Body, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.paging import DEFAULT_LIMIT


class FindingAnswer(Answer):
    """What a channel said against the word that had ended a payout, and what a person found out."""

    finding_id: int
    payout_number: str
    withdrawal_id: int
    kind: str
    reason: str | None
    at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    note: str | None


class ResolveBody(Body):
    """What came of it."""

    note: Annotated[str, Field(min_length=1, max_length=1000)]


def router(payouts: Payouts) -> APIRouter:
    """Findings and their ends."""
    routes = new_router(tags=["withdrawals"])

    @routes.get("/api/payout-findings")
    async def list_payout_findings(
        who: Annotated[Principal, require(access.MANAGE)],  # noqa: ARG001 - asked for its permission
        *,
        unresolved: Annotated[bool, Query(description="Only those nobody has dealt with.")] = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Items[FindingAnswer]:
        """What contradicts the book, the newest first; the book stands as it was until a person decides."""
        page = await payouts.findings(unresolved=unresolved, limit=limit, cursor=cursor)
        return items(page, [_answer(one) for one in page.items])

    @routes.post("/api/payout-findings/{finding_id}/resolve")
    async def resolve_payout_finding(
        who: Annotated[Principal, require(access.MANAGE)],  # noqa: ARG001 - asked for its permission
        finding_id: Id,
        body: ResolveBody,
    ) -> FindingAnswer:
        """A person has dealt with it; the note says how."""
        return _answer(await payouts.resolve(finding_id, note=body.note))

    return routes


def _answer(one: Finding) -> FindingAnswer:
    return FindingAnswer(
        finding_id=one.finding_id,
        payout_number=one.payout_number,
        withdrawal_id=one.withdrawal_id,
        kind=one.kind,
        reason=one.reason,
        at=one.at,
        resolved_at=one.resolved_at,
        resolved_by=one.resolved_by,
        note=one.note,
    )
