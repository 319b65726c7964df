"""Which products a list or a file is asked for."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Query

from fenxiao.catalog.domain.products import Status
from fenxiao.catalog.http.texts import MAX_NAME, MAX_WORD, Currency
from fenxiao.catalog.queries.products import ProductFilter, Sort
from fenxiao.infra.http.fields import MAX_ID, Amount, Moment, minor
from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.paging import MAX_LIMIT

_IDS = re.compile(rf"[0-9]{{1,15}}(,[0-9]{{1,15}}){{0,{MAX_LIMIT - 1}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The filters as they were sent."""

    category_id: int | None
    tag: str | None
    status: Status | None
    q: str | None
    ids: str | None
    sku: str | None
    price_from: Decimal | None
    price_to: Decimal | None
    currency: str | None
    updated_since: Moment | None

    def wanted(self, currency: str, sort: Sort = "product_id") -> ProductFilter:
        """The filter they mean; prices, and an order by price, are of `currency` where none was named."""
        priced = self.price_from is not None or self.price_to is not None or sort.endswith("price")
        counted = self.currency or (currency if priced else None)
        return ProductFilter(
            category_id=self.category_id,
            tag=self.tag,
            status=self.status,
            q=self.q,
            ids=None if self.ids is None else _numbers(self.ids),
            sku=self.sku,
            currency=counted,
            price_from_minor=_minor("price_from", self.price_from, counted),
            price_to_minor=_minor("price_to", self.price_to, counted),
            updated_since=self.updated_since,
            sort=sort,
        )


def _asked(
    *,
    category_id: Annotated[
        int | None, Query(ge=1, le=MAX_ID, description="In this category or one below it.")
    ] = None,
    tag: Annotated[str | None, Query(max_length=MAX_NAME)] = None,
    status: Status | None = None,
    q: Annotated[
        str | None,
        Query(max_length=MAX_NAME, description="A part of the name or the SKU, whatever its case."),
    ] = None,
    ids: Annotated[str | None, Query(max_length=3800, description="1,2,3: at most 200.")] = None,
    sku: Annotated[str | None, Query(max_length=MAX_WORD, description="Exactly this one.")] = None,
    price_from: Annotated[Amount | None, Query(description="In `currency`.")] = None,
    price_to: Annotated[Amount | None, Query(description="In `currency`.")] = None,
    currency: Annotated[
        Currency | None, Query(description="Default: the server's, where prices count.")
    ] = None,
    updated_since: Annotated[Moment | None, Query(description="Created or changed then or later.")] = None,
) -> Asked:
    return Asked(
        category_id=category_id,
        tag=tag,
        status=status,
        q=q,
        ids=ids,
        sku=sku,
        price_from=price_from,
        price_to=price_to,
        currency=currency,
        updated_since=updated_since,
    )


Filter = Annotated[Asked, Depends(_asked)]
"""`asked: Filter`, then `asked.wanted(currency)`."""


def whole(wanted: ProductFilter, limit: int) -> int:
    """How many to a page: whoever names the ids wants them all, so that a page of names is fetched in one go."""
    return limit if wanted.ids is None else MAX_LIMIT


def _numbers(text: str) -> list[int]:
    if not _IDS.fullmatch(text):
        message = "Send at most {most} ids with commas between, such as 1,2,3."
        raise Invalid(errors=(FieldError("ids", message, {"most": MAX_LIMIT}),))
    return [int(part) for part in text.split(",")]


def _minor(field: str, amount: Decimal | None, currency: str | None) -> int | None:
    return None if amount is None or currency is None else minor(field, amount, currency)
