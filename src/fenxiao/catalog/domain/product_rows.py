"""Rows of a file of products: which product each means, and what it is to become.

A row means the product with its `product_id`, else the one with its `sku`, else a new one with that SKU: so that a file
that is sent again creates nothing twice, what is new must have a SKU. A column that the file lacks leaves what is there
as it is; an empty cell empties it, apart from name, currency and status, which cannot be empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, get_args

from fenxiao.catalog.domain import cells
from fenxiao.catalog.domain.images import Image
from fenxiao.catalog.domain.outcomes import Action, Outcome
from fenxiao.catalog.domain.products import ProductContent, Status, unsaid_prices
from fenxiao.catalog.domain.refusals import CategoryNotFound, ProductNotFound, SkuTaken
from fenxiao.catalog.domain.sheets import Column, Content, Row
from fenxiao.kernel.errors import FieldError
from fenxiao.kernel.money import exponent, from_minor, to_minor

MAX_NAME = 255
MAX_WORD = 64
MAX_TAGS = 50
MAX_ID = 2**53 - 1
MAX_UNITS = 2**31 - 1
ABOVE = " > "
"""Between the names of a category and of those above it, the highest first."""

COLUMNS: tuple[Column, ...] = (
    Column("product_id", "商品编号", cells.whole(1, MAX_ID)),
    Column("sku", "SKU编码", cells.text(MAX_WORD)),
    Column("name", "商品名称", cells.text(MAX_NAME)),
    Column("category_id", "分类编号", cells.whole(1, MAX_ID)),
    Column("category", "分类", cells.text(MAX_NAME * 20)),
    Column("tags", "标签", cells.tags(MAX_WORD, MAX_TAGS)),
    Column("images", "图片", cells.images),
    Column("price", "价格", cells.amount),
    Column("cost", "成本", cells.amount),
    Column("currency", "币种", cells.currency),
    Column("status", "状态", cells.choice(*get_args(Status))),
    Column("alert_threshold", "预警数量", cells.whole(0, MAX_UNITS)),
)
NEEDED = ("product_id", "sku")


@dataclass(frozen=True, slots=True)
class Existing:
    """A product as it is."""

    product_id: int
    content: ProductContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the rows may speak of: products by id and by SKU, categories by id as their path, the default currency."""

    by_id: Mapping[int, Existing]
    by_sku: Mapping[str, Existing]
    categories: Mapping[int, str]
    currency: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a row; `before` is None for a new product, `after` None for a refused row."""

    row: Row
    before: Existing | None
    after: ProductContent | None
    faults: tuple[FieldError, ...] = ()

    @property
    def action(self) -> Action:
        """In one word."""
        if self.after is None:
            return "refused"
        if self.before is None:
            return "created"
        return "unchanged" if self.before.content == self.after else "changed"

    def outcome(self, product_id: int | None = None) -> Outcome:
        """The decision as it is told; `product_id` of a product that was created meanwhile."""
        return Outcome(
            row=self.row.number,
            action=self.action,
            product_id=self.before.product_id if self.before else product_id,
            sku=self.after.sku if self.after else self.row.content.get("sku"),
            changes=_differences(self.before.content if self.before else None, self.after),
            faults=self.faults,
        )


@dataclass(slots=True)
class _Seen:
    """Products and SKUs that earlier rows were about, and the SKUs that rows give up."""

    products: dict[int, int] = field(default_factory=dict)
    skus: dict[str, int] = field(default_factory=dict)


def decide(rows: Sequence[Row], known: Known) -> list[Decision]:
    """What becomes of each row. Two rows may exchange SKUs, yet none may take one that somebody else keeps."""
    paths = _by_path(known.categories)
    seen = _Seen()
    decisions = [_decide(row, known, paths, seen) for row in rows]
    while True:
        given_up = {
            decision.before.content.sku
            for decision in decisions
            if decision.before and decision.after and decision.after.sku != decision.before.content.sku
        }
        checked = [_own_sku(decision, known, given_up) for decision in decisions]
        # A row that is refused gives its SKU up no longer.
        if all(new is old for new, old in zip(checked, decisions, strict=True)):
            return checked
        decisions = checked


def _own_sku(decision: Decision, known: Known, given_up: set[str | None]) -> Decision:
    after, before = decision.after, decision.before
    if after is None or after.sku is None or after.sku in given_up:
        return decision
    holder = known.by_sku.get(after.sku)
    if holder is None or (before is not None and holder.product_id == before.product_id):
        return decision
    return replace(decision, after=None, faults=(FieldError("sku", SkuTaken.template(), {"sku": after.sku}),))


def _decide(row: Row, known: Known, paths: Mapping[str, list[int]], seen: _Seen) -> Decision:
    faults: list[FieldError] = []
    before = _meant(row.content, known, seen, row.number, faults)
    present = before.content if before else ProductContent(name="", currency=known.currency)
    wanted = dict(_plain_fields(row.content, present, faults))
    wanted |= _category(row.content, known, paths, faults)
    wanted |= _prices(row.content, str(wanted["currency"]), faults)
    after = replace(present, **wanted)
    if not after.name and not any(fault.field == "name" for fault in faults):
        faults.append(FieldError("name", "A new product needs a name."))
    if before is not None:
        said = [f"{column}_minor" for column in ("price", "cost") if column in row.content]
        faults += unsaid_prices(present, after, said)
    return Decision(row, before, None if faults else after, tuple(faults))


def _meant(
    content: Content, known: Known, seen: _Seen, number: int, faults: list[FieldError]
) -> Existing | None:
    product_id, sku = content.get("product_id"), content.get("sku")
    before = known.by_id.get(product_id) if product_id else known.by_sku.get(sku) if sku else None
    if product_id and before is None:
        faults.append(FieldError("product_id", ProductNotFound.template(), {"product_id": product_id}))
    if not product_id and not sku:
        faults.append(FieldError("sku", "A row needs a product_id or a SKU; a new product needs a SKU."))
    twice = "Row {row} is about the same product already."
    if before is not None and (first := seen.products.setdefault(before.product_id, number)) != number:
        faults.append(FieldError("product_id", twice, {"row": first}))
    elif sku and (first := seen.skus.setdefault(sku, number)) != number:
        faults.append(FieldError("sku", "Row {row} has this SKU already.", {"row": first}))
    return before


def _plain_fields(
    content: Content, present: ProductContent, faults: list[FieldError]
) -> Iterable[tuple[str, Any]]:
    yield "currency", content.get("currency") or present.currency
    yield "status", content.get("status") or present.status
    if content.get("name"):
        yield "name", _as_stored(content["name"], present.name)
    elif "name" in content and present.name:
        faults.append(FieldError("name", "This cannot be emptied; leave it out."))
    if "sku" in content and not (content["sku"] is None and content.get("product_id") is None):
        yield "sku", _as_stored(content["sku"], present.sku)
    if "tags" in content:
        given = tuple(content["tags"] or ())
        yield "tags", present.tags if given == tuple(tag.strip() for tag in present.tags) else given
    if "images" in content:
        yield "images", tuple(Image(**image) for image in content["images"] or ())
    if "alert_threshold" in content:
        yield "alert_threshold", content["alert_threshold"]


def _as_stored(given: str | None, stored: str | None) -> str | None:
    # Cells are read without the blanks around them, which old names may have.
    return stored if given and stored and given == stored.strip() else given


def _category(
    content: Content, known: Known, paths: Mapping[str, list[int]], faults: list[FieldError]
) -> dict[str, int | None]:
    number, path = content.get("category_id"), content.get("category")
    if number is not None:
        if number not in known.categories:
            faults.append(FieldError("category_id", CategoryNotFound.template(), {"category_id": number}))
        elif path and path != known.categories[number].strip():
            template = "Category {category_id} is {category}; empty one of the two cells."
            params = {"category_id": number, "category": known.categories[number]}
            faults.append(FieldError("category", template, params))
        return {"category_id": number}
    if path:
        found = paths.get(path, [])
        if len(found) != 1:
            template = "There is no such category; write its name, those above it first: {example}."
            if found:
                template = "Several categories are called so; write the number into category_id."
            faults.append(FieldError("category", template, {"example": f"A{ABOVE}B"}))
            return {}
        return {"category_id": found[0]}
    return {"category_id": None} if "category_id" in content or "category" in content else {}


def _by_path(categories: Mapping[int, str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, path in categories.items():
        found.setdefault(path.strip(), []).append(number)
    return found


def _prices(content: Content, currency: str, faults: list[FieldError]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for column in ("price", "cost"):
        if column in content:
            text = content[column]
            try:
                found[f"{column}_minor"] = None if text is None else to_minor(text, currency)
            except ValueError:
                faults.append(_why_not(column, text, currency))
    return found


def _why_not(column: str, text: str, currency: str) -> FieldError:
    decimals = exponent(currency)
    scale = Decimal(text).normalize().as_tuple().exponent
    if isinstance(scale, int) and -scale > decimals:
        template = "{currency} has {decimals} decimals; this amount has more."
        return FieldError(column, template, {"currency": currency, "decimals": decimals})
    return FieldError(column, "This amount is too large.")


def _differences(before: ProductContent | None, after: ProductContent | None) -> dict[str, tuple[Any, Any]]:
    """By field of the API: what it was and what it is to be."""
    if after is None or before is None:
        return {}
    old, new = shown(before), shown(after)
    return {name: (old[name], new[name]) for name in new if old[name] != new[name]}


def shown(content: ProductContent) -> dict[str, Any]:
    """The content in plain values, amounts as decimal text."""

    def amount(minor: int | None) -> str | None:
        return None if minor is None else from_minor(minor, content.currency)

    return {
        "sku": content.sku,
        "name": content.name,
        "category_id": content.category_id,
        "tags": list(content.tags),
        "images": [{"url": image.url, "alt": image.alt} for image in content.images],
        "price": amount(content.price_minor),
        "cost": amount(content.cost_minor),
        "currency": content.currency,
        "status": content.status,
        "alert_threshold": content.alert_threshold,
    }


def cells_of(product_id: int, content: ProductContent, category: str | None, *, with_cost: bool) -> list[Any]:
    """The cells of a product, in the order of the columns; numbers as numbers, None where there is nothing."""

    def amount(minor: int | None) -> Decimal | None:
        return None if minor is None else Decimal(from_minor(minor, content.currency))

    return [
        product_id,
        cells.guarded(content.sku) if content.sku else None,
        cells.guarded(content.name),
        content.category_id,
        cells.guarded(category) if category else None,
        cells.tag_cell(content.tags) or None,
        cells.image_cell(content.images) or None,
        amount(content.price_minor),
        *([amount(content.cost_minor)] if with_cost else []),
        content.currency,
        content.status,
        content.alert_threshold,
    ]


def headings(*, with_cost: bool) -> list[str]:
    """The names of the columns of `cells_of`."""
    return [column.name for column in COLUMNS if with_cost or column.name != "cost"]
