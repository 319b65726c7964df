"""Answers that are JSON, or a file where Accept asks for one."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import Header, Response
from fastapi.responses import StreamingResponse

from fenxiao.commission.service.sheets import Format

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
_TYPES: Mapping[Format, str] = {"csv": f"{CSV}; charset=utf-8", "xlsx": XLSX}

FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            CSV: {"schema": {"type": "string"}},
            XLSX: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}
"""`responses=FILES` of a route that answers files too."""

Accept = Annotated[str, Header(include_in_schema=False)]


def wanted_file(accept: str) -> Format | None:
    """The file that is asked for, None where JSON will do."""
    asked = accept.lower()
    return "xlsx" if XLSX in asked else "csv" if CSV in asked else None


def streamed(parts: AsyncIterator[bytes], kind: Format, name: str) -> Any:
    """The file; a response passes through a route as it is, whatever the route says that it answers."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{kind}"',
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
    return StreamingResponse(parts, media_type=_TYPES[kind], headers=headers)


def varies(response: Response) -> None:
    """Say that the same address has other answers for who asks for a file."""
    response.headers["Vary"] = "Accept"
