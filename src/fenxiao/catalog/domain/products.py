"""What people decide about a product."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from fenxiao.catalog.domain.images import Image, first
from fenxiao.kernel.errors import FieldError

Status = Literal["available", "unavailable", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductContent:
    """All of a product that people decide on; prices in minor units of `currency`, tags and images in their order."""

    name: str
    currency: str
    images: tuple[Image, ...] = ()
    category_id: int | None = None
    tags: tuple[str, ...] = ()
    status: Status = "available"
    price_minor: int | None = None
    cost_minor: int | None = None
    sku: str | None = None
    alert_threshold: int | None = None

    @property
    def image_url(self) -> str | None:
        """The first picture's address."""
        return first(self.images)


def unsaid_prices(before: ProductContent, after: ProductContent, said: Collection[str]) -> list[FieldError]:
    """An amount is not an amount of another currency: who changes that says the prices anew."""
    if after.currency == before.currency:
        return []
    return [
        FieldError(field, "Send this again in {currency}.", {"currency": after.currency})
        for field in ("price", "cost")
        if getattr(before, f"{field}_minor") is not None and f"{field}_minor" not in said
    ]
