"""What counts of a product for an order, frozen when it is placed."""

import hashlib
from dataclasses import astuple, dataclass

import msgspec

from fenxiao.kernel.ids import CategoryId, ProductId


@dataclass(frozen=True, slots=True)
class Facts:
    """A product as it was read at `version`; prices per unit in minor units of `currency`.

    `category_path` holds its own category and then the ones above it.
    """

    product_id: ProductId
    version: int
    name: str
    currency: str
    list_minor: int | None
    cost_minor: int | None
    category_path: tuple[CategoryId, ...]
    tags: tuple[str, ...]

    def digest(self) -> bytes:
        """SHA-256 of the meaning; equal for equal facts."""
        return hashlib.sha256(msgspec.json.encode(astuple(self))).digest()
