"""Files of products and of stock that come, over HTTP."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from starlette.datastructures import UploadFile

from fenxiao.catalog.domain.outcomes import FileRefused, Outcome, tally
from fenxiao.catalog.http.exports import XLSX
from fenxiao.catalog.queries.files import ImportView, Noun
from fenxiao.catalog.service.files.imports import Imports
from fenxiao.infra import i18n
from fenxiao.infra.context import current
from fenxiao.infra.db.idempotency import Once
from fenxiao.infra.http import problem
from fenxiao.infra.http.auth import Caller, Principal, require
from fenxiao.infra.http.edge import MIB
from fenxiao.infra.http.fields import Answer, Id
from fenxiao.infra.http.headers import promised
from fenxiao.infra.http.routing import router as new_router
from fenxiao.kernel.errors import FieldError

MAX_FILE = 16 * MIB
LARGER_BODIES: Mapping[str, int] = dict.fromkeys(
    ("/api/products/import", "/api/inventory/import"), MAX_FILE + MIB
)
"""A multipart body is a little more than its file."""

CHANGES = 1000
"""Rows that a dry run shows of those that would be created or changed; the counts are of all."""

_WRITES: Mapping[Noun, str] = {"products": "catalog:write", "stock": "stock:write"}

DryRun = Annotated[bool, Query(description="Only say what would happen, and every faulty row.")]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Makes a retry safe: one key, one piece of work."),
]


class FaultAnswer(Answer):
    """What is wrong in a row; rows count from 1, the heading. `column` is empty where it is the row as a whole."""

    row: int
    column: str
    message: str


class ChangeAnswer(Answer):
    """What becomes of a row: `fields` are those that change, each with what it was and what it is to be."""

    row: int
    action: str
    product_id: int | None
    sku: str | None
    fields: dict[str, tuple[Any, Any]]


class PreviewAnswer(Answer):
    """What a file would do: `changes` holds the first rows that create or change something, `faults` every fault."""

    rows: int
    created: int
    changed: int
    unchanged: int
    refused: int
    changes: list[ChangeAnswer]
    faults: list[FaultAnswer]


class ProgressAnswer(Answer):
    """How many rows of how many are done."""

    done: int
    total: int


class ImportAnswer(Answer):
    """导入: a file that was taken. `status` is queued, running, done, failed or cancelled.

    `refused` rows could be applied when the file was taken and no longer when their turn came; `faults` says why.
    """

    import_id: int
    noun: Noun
    status: str
    progress: ProgressAnswer
    created: int
    changed: int
    unchanged: int
    refused: int
    faults: list[FaultAnswer]
    created_at: datetime


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "text/csv": {"schema": {"type": "string"}},
            XLSX: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_TAKEN: dict[int | str, dict[str, Any]] = {
    200: {"description": "Applied, or with `dry_run` what would be", "model": PreviewAnswer | ImportAnswer},
    202: {"description": "Too large to be applied at once: under way", "model": ImportAnswer},
}


def router(use: Imports) -> APIRouter:
    """The routes by which files come."""
    routes = new_router()

    @routes.post(
        "/api/products/import", tags=["products"], openapi_extra=_BODY, responses=_TAKEN, response_model=None
    )
    async def import_products(
        who: Annotated[Principal, require("catalog:write")],
        request: Request,
        key: Key = None,
        dry_run: DryRun = False,  # noqa: FBT002
    ) -> Response:
        """Create and change products by a file, the whole of it or nothing; a file of thousands is applied by a run."""
        return await _take(use, "products", who, request, key, dry_run=dry_run)

    @routes.post(
        "/api/inventory/import",
        tags=["inventory"],
        openapi_extra=_BODY,
        responses=_TAKEN,
        response_model=None,
    )
    async def import_stock(
        who: Annotated[Principal, require("stock:write")],
        request: Request,
        key: Key = None,
        dry_run: DryRun = False,  # noqa: FBT002
    ) -> Response:
        """Set what lies in batches by a file, the whole of it or nothing; a file of thousands is applied by a run."""
        return await _take(use, "stock", who, request, key, dry_run=dry_run)

    @routes.get("/api/imports/{import_id}", tags=["imports"])
    async def get_import(who: Caller, import_id: Id) -> ImportAnswer:
        """How far a file has come."""
        return _answer(await use.find(import_id, _nouns(who)))

    @routes.post("/api/imports/{import_id}/cancel", tags=["imports"])
    async def cancel_import(who: Caller, import_id: Id) -> ImportAnswer:
        """Stop a file before its next rows; what was applied stays."""
        return _answer(await use.cancel(import_id, _nouns(who)))

    return routes


def _nouns(who: Principal) -> frozenset[Noun]:
    return frozenset(noun for noun, permission in _WRITES.items() if who.may(permission))


async def _take(
    use: Imports, noun: Noun, who: Principal, request: Request, key: str | None, *, dry_run: bool
) -> Response:
    content = await _content(request)
    if dry_run:
        # Thousands of sentences are put together in a thread, in the language of the request.
        return await asyncio.to_thread(_preview, await use.preview(noun, content))
    once = None if key is None else await asyncio.to_thread(_promised, who, key, request.url.path, content)
    try:
        taken = await use.take(noun, content, once=once)
    except FileRefused as refusal:
        return await asyncio.to_thread(problem.respond, refusal, instance=request.url.path)
    under_way = taken.status != "done"
    answer = Response(
        _answer(taken).model_dump_json(), status_code=202 if under_way else 200, media_type="application/json"
    )
    answer.headers["Location"] = f"/api/imports/{taken.import_id}"
    return answer


async def _content(request: Request) -> bytes:
    """The file, out of its form or as the whole body."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise FileRefused(errors=(FieldError("file", "Send the file in the field file."),))
        return await file.read()


def _promised(who: Principal, key: str, path: str, content: bytes) -> Once:
    return promised(
        str(who.account_id), key, lambda: hashlib.sha256(path.encode() + b"\n" + content).digest()
    )


def _preview(outcomes: Sequence[Outcome]) -> Response:
    counts = tally(outcomes)
    moving = [outcome for outcome in outcomes if outcome.action in ("created", "changed")][:CHANGES]
    answer = {
        "rows": len(outcomes),
        "created": counts.created,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
        "refused": counts.refused,
        "changes": [
            {
                "row": outcome.row,
                "action": outcome.action,
                "product_id": outcome.product_id,
                "sku": outcome.sku,
                "fields": outcome.changes,
            }
            for outcome in moving
        ],
        "faults": _faults((outcome.row, fault) for outcome in outcomes for fault in outcome.faults),
    }
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _faults(faults: Any) -> list[dict[str, Any]]:
    language = current().language
    return [
        {"row": row, "column": fault.field, "message": i18n.field_message(fault, language)}
        for row, fault in faults
    ]


def _answer(view: ImportView) -> ImportAnswer:
    return ImportAnswer(
        import_id=view.import_id,
        noun=view.noun,
        status=view.status,
        progress=ProgressAnswer(
            done=view.created + view.changed + view.unchanged + view.refused, total=view.rows
        ),
        created=view.created,
        changed=view.changed,
        unchanged=view.unchanged,
        refused=view.refused,
        faults=[FaultAnswer(**fault) for fault in _faults(view.faults)],
        created_at=view.created_at,
    )
