"""Answers that are JSON, or a file where Accept asks for one."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import Header, Response
from fastapi.responses import StreamingResponse

from fenxiao.commission.service.sheets import Format

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
PDF = "application/pdf"
_TYPES: Mapping[str, str] = {"csv": f"{CSV}; charset=utf-8", "xlsx": XLSX, "pdf": PDF}

FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            CSV: {"schema": {"type": "string"}},
            XLSX: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}
"""`responses=FILES` of a route that answers files too."""

PAPERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {**FILES[200]["content"], PDF: {"schema": {"type": "string", "format": "binary"}}}}
}
"""`responses=PAPERS` of a route that answers a paper too."""

Accept = Annotated[str, Header(include_in_schema=False)]


def wanted_file(accept: str) -> Format | None:
    """The file that is asked for, None where JSON will do."""
    asked = accept.lower()
    return "xlsx" if XLSX in asked else "csv" if CSV in asked else None


def wants_paper(accept: str) -> bool:
    """Whether a PDF is asked for."""
    return PDF in accept.lower()


def streamed(parts: AsyncIterator[bytes], kind: Format | Literal["pdf"], name: str) -> Any:
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
