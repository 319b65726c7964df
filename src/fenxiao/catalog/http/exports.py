"""Files of products and of stock that go, over HTTP."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from fenxiao.catalog.http.filters import Filter
from fenxiao.catalog.service.files.exports import Exports
from fenxiao.catalog.service.files.writing import Format
from fenxiao.infra.http.auth import Principal, require
from fenxiao.infra.http.routing import router as new_router

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The media type of Excel's workbooks."""

_TYPES: Mapping[Format, str] = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX}

Kind = Annotated[
    Format | None, Query(alias="format", description="Default: what Accept asks for, CSV if it does not.")
]
Bom = Annotated[
    bool, Query(description="Begin CSV with a byte order mark: Excel then knows that it is UTF-8.")
]
Accept = Annotated[str, Header(alias="Accept", include_in_schema=False)]

_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            XLSX: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def router(use: Exports, currency: str) -> APIRouter:
    """The routes by which files go. They come before those of single products: no number is called `export`."""
    routes = new_router()

    @routes.get("/api/products/export", tags=["products"], responses=_FILE, response_class=StreamingResponse)
    async def export_products(
        *,
        who: Annotated[Principal, require("catalog:read")],
        asked: Filter,
        accept: Accept = "",
        kind: Kind = None,
        bom: Bom = False,
    ) -> Response:
        """Products as CSV or Excel, in the form that the import takes; costs for those who may change products."""
        chosen = kind or _preferred(accept)
        with_cost = who.may("catalog:write")
        parts = use.products(asked.wanted(currency), chosen, bom=bom, with_cost=with_cost)
        return await _streamed(parts, chosen, "products")

    @routes.get(
        "/api/inventory/export", tags=["inventory"], responses=_FILE, response_class=StreamingResponse
    )
    async def export_stock(
        *,
        who: Annotated[Principal, require("stock:read")],  # noqa: ARG001 - asked for its permission
        asked: Filter,
        accept: Accept = "",
        kind: Kind = None,
        bom: Bom = False,
        empty: Annotated[bool, Query(description="With batches in which nothing lies.")] = False,
    ) -> Response:
        """What lies in which batch as CSV or Excel, in the form that the import takes."""
        chosen = kind or _preferred(accept)
        return await _streamed(
            use.stock(asked.wanted(currency), chosen, bom=bom, empty=empty), chosen, "stock"
        )

    return routes


def _preferred(accept: str) -> Format:
    return "xlsx" if XLSX in accept.lower() else "csv"


async def _streamed(parts: AsyncIterator[bytes], kind: Format, name: str) -> Response:
    # What cannot be written is refused before the answer begins.
    first = await anext(parts, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for part in parts:
            yield part

    filename = f"{name}-{datetime.now(UTC):%Y-%m-%d}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return StreamingResponse(whole(), media_type=_TYPES[kind], headers=headers)
