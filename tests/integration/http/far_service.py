"""A small api with both its sides; run as a program it serves the near one: `python far_service.py TOKEN`."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import uvicorn

from fenxiao.infra.context import current
from fenxiao.infra.http.remote import serve
from fenxiao.infra.http.web import create_app
from fenxiao.kernel.errors import Conflict, FieldError, Invalid
from fenxiao.kernel.ids import ProductId
from fenxiao.kernel.paging import Page


class OutOfStock(Conflict):
    """Only {left} of product {product_id} are left."""

    code = "sample-out-of-stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One hold that is asked for."""

    product_id: ProductId
    quantity: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One hold that was made."""

    product_id: ProductId
    price_minor: int
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the callee sees of the request."""

    actor: str
    language: str
    request_id: str
    traceparent: str | None


class StockApi(Protocol):
    """A sample of everything an api does."""

    async def hold(self, *, requests: Sequence[Request]) -> list[Held | OutOfStock]:
        """Holds, each by itself."""

    async def prices(
        self, *, product_ids: tuple[ProductId, ...], currency: str = "CNY"
    ) -> dict[ProductId, int]:
        """Prices in minor units."""

    async def page(self, *, cursor: str | None) -> Page[Held]:
        """A page."""

    async def surroundings(self) -> Surroundings:
        """Who is asking."""

    async def refuse(self, *, product_id: ProductId) -> None:
        """Raises."""

    async def misuse(self, *, field: str) -> None:
        """Raises with field errors."""

    async def fail(self) -> None:
        """Breaks."""

    async def sleep(self, *, milliseconds: int) -> None:
        """Waits."""

    async def count(self) -> int:
        """How often it was called."""


class Stock:
    """The near side."""

    def __init__(self) -> None:
        self.counted = 0

    async def hold(self, *, requests: Sequence[Request]) -> list[Held | OutOfStock]:
        current().replayed = True
        return [
            Held(product_id=asked.product_id, price_minor=50_000, at=asked.at)
            if asked.quantity <= 10
            else OutOfStock(left=10, product_id=asked.product_id)
            for asked in requests
        ]

    async def prices(
        self, *, product_ids: tuple[ProductId, ...], currency: str = "CNY"
    ) -> dict[ProductId, int]:
        return dict.fromkeys(product_ids, 100 if currency == "CNY" else 1)

    async def page(self, *, cursor: str | None) -> Page[Held]:
        return Page(items=(Held(product_id=ProductId(1), price_minor=1, at=None),), next_cursor=cursor)

    async def surroundings(self) -> Surroundings:
        seen = current()
        return Surroundings(
            actor=seen.actor, language=seen.language, request_id=seen.request_id, traceparent=seen.traceparent
        )

    async def refuse(self, *, product_id: ProductId) -> None:
        raise OutOfStock(left=0, product_id=product_id)

    async def misuse(self, *, field: str) -> None:
        raise Invalid(errors=(FieldError(field, "Send {ge} or more.", {"ge": 1}),))

    async def fail(self) -> None:
        raise RuntimeError("a secret of the house")

    async def sleep(self, *, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)

    async def count(self) -> int:
        self.counted += 1
        return self.counted


if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # From here on connections wait in the queue, so the port may be told.
    listener.listen()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    app = create_app(
        title="far", version="1", routers=[serve(StockApi, Stock(), context="stock", token=sys.argv[1])]
    )
    asyncio.run(uvicorn.Server(uvicorn.Config(app, log_config=None)).serve(sockets=[listener]))
