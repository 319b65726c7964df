"""Files for the bank over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from fenxiao.infra.http.fields import Answer, Body, Id, Items, items
from fenxiao.infra.http.headers import Cursor, Idempotency, Limit
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.money import from_minor
from fenxiao.kernel.paging import DEFAULT_LIMIT
from fenxiao.payments.http import files
from fenxiao.payments.http.payouts import Operator, Reader
from fenxiao.payments.queries.batches import Batch
from fenxiao.payments.service.batches import Batches

_CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


class NewBatch(Body):
    """Of which currency; a bank's file has one."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class BatchAnswer(Answer):
    """批次: a file for the bank, with how many transfers and how much in all."""

    batch_id: int
    currency: str
    transfers: int
    amount: str
    created_by: str
    created_at: datetime


class BatchDetail(BatchAnswer):
    """A batch with how many of its transfers have which status."""

    statuses: dict[str, int]


class ResultAnswer(Answer):
    """What a result file did; `contradicted` lines say the contrary of what ended a payout."""

    lines: int
    paid: int
    failed: int
    processing: int
    unchanged: int
    contradicted: int


def router(batches: Batches) -> APIRouter:
    """Making files, and taking the bank's results."""
    routes = new_router(prefix="/api/payouts/batches", tags=["payouts"])

    @routes.post("", status_code=201)
    async def create_payout_batch(_: Operator, body: NewBatch, once: Idempotency) -> BatchAnswer:
        """Put all payouts that wait for the bank into a file; they are under way from now on."""
        return BatchAnswer(**_fields(await batches.create(body.currency, once=once)))

    @routes.get("")
    async def list_payout_batches(
        _: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Items[BatchAnswer]:
        """Batches, the newest first."""
        page = await batches.page(limit=limit, cursor=cursor)
        return items(page, [BatchAnswer(**_fields(one)) for one in page.items])

    @routes.get("/{batch_id}")
    async def get_payout_batch(_: Reader, batch_id: Id) -> BatchDetail:
        """One batch."""
        found, statuses = await batches.find(batch_id)
        return BatchDetail(**_fields(found), statuses=dict(statuses))

    @routes.get("/{batch_id}/file", response_class=Response, responses=_CSV)
    async def get_payout_batch_file(_: Operator, batch_id: Id) -> Response:
        """The file for the bank, with holders and account numbers in the clear."""
        content = await batches.file(batch_id)
        disposition = f'attachment; filename="payouts-{batch_id}.csv"'
        headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    @routes.post("/{batch_id}/result", openapi_extra=files.BODY)
    async def take_payout_result(_: Operator, batch_id: Id, request: Request) -> ResultAnswer:
        """What the bank made of the batch: the same file, with `status` and `reference` filled in."""
        found = await batches.take_result(batch_id, await files.content(request))
        return ResultAnswer(**{name: getattr(found, name) for name in ResultAnswer.model_fields})

    return routes


def _fields(one: Batch) -> dict[str, Any]:
    return {
        **{
            name: getattr(one, name)
            for name in ("batch_id", "currency", "transfers", "created_by", "created_at")
        },
        "amount": from_minor(one.amount_minor, one.currency),
    }
