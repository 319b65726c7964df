"""Files that come, in a form or as the whole body."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from fenxiao.infra.http.edge import MIB
from fenxiao.kernel.errors import FieldError
from fenxiao.payments.domain.refusals import PayoutFileRefused

MAX_FILE = 16 * MIB
LARGER_BODIES: Mapping[str, int] = {"/api/payouts/reconciliations": MAX_FILE + MIB}
"""A multipart body is a little more than its file."""

BODY: dict[str, Any] = {
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
        },
    }
}


async def content(request: Request) -> bytes:
    """The file."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise PayoutFileRefused(errors=(FieldError("file", "Send the file in the field file."),))
        return await file.read()
