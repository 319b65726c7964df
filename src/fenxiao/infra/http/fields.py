"""The types that models of requests and answers are made of.

`Body` for what comes in, `Answer` for what goes out; `Id`, `Amount`, `RateText`, `Day`, `Moment` for the values
whose reading must not be left to chance: `true` is not 1, 0.1 is not 0.1000000000000000055, a time has an offset.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

from fenxiao.kernel.errors import FieldError, Invalid
from fenxiao.kernel.money import exponent, from_rate, to_minor, to_rate
from fenxiao.kernel.paging import Page

from .validation import faulty

MAX_ID = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exact (RFC 8259 §6); no sequence comes near."""

MAX_COUNT = 2**31 - 1
"""The largest INTEGER."""

MAX_DIGITS = 28
"""The precision of Python's decimal arithmetic; amounts in requests have no more digits."""

_DECIMAL = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,12})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_STRICT = frozenset({"int", "bool", "str", "float"})


def _be_strict(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("type") in _STRICT:
            node["strict"] = True
        for key, inner in node.items():
            # Defaults and metadata are the author's values, not parts of the schema.
            if key not in ("default", "metadata", "serialization"):
                _be_strict(inner)
    elif isinstance(node, list | tuple):
        for inner in node:
            _be_strict(inner)


class Body(BaseModel):
    """What a request carries: unknown fields are refused, and a number is neither a text nor a truth value."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make plain `int`, `bool` and `str` strict, which `strict=True` would also do to dates and lists."""
        schema = handler(source)
        _be_strict(schema)
        return schema


class Answer(BaseModel):
    """What a response carries."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


T = TypeVar("T")


class Items(Answer, Generic[T]):
    """One page of a list: the items and the cursor of the next page, null at the end."""

    items: Sequence[T]
    next_cursor: str | None = None


def items(page: Page[Any], shaped: Sequence[T]) -> Items[T]:
    """The page's cursor with its items in the shape of the answer."""
    return Items(items=shaped, next_cursor=page.next_cursor)


def _amount(value: Any) -> Decimal:
    is_text = isinstance(value, str) and _DECIMAL.fullmatch(value) is not None
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    # Python computes with 28 digits: a longer number would be rounded in silence by the next operation on it.
    if (is_text or is_number) and len((amount := Decimal(value)).as_tuple().digits) <= MAX_DIGITS:
        return amount
    raise faulty('Send an amount as a number or a text, such as 500.00 or "500.00".')


def _rate(value: Any) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > 30:  # noqa: PLR2004 - more digits than any rate has
        raise faulty('Send a rate as a decimal text, such as "0.10" for ten percent.')
    try:
        return from_rate(to_rate(value))
    except ValueError:
        raise faulty('Send a rate as a decimal text, such as "0.10" for ten percent.') from None


def _day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise faulty("There is no such day in the calendar.") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise faulty("Send a date, such as 2026-11-22.")


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else None
    # In a query an unescaped + arrives as a space: 10:00:00 08:00 can only have meant +08:00.
    if isinstance(value, str) and _MOMENT.fullmatch(text := re.sub(r" (?=\d{2}:\d{2}$)", "+", value)):
        try:
            moment = datetime.fromisoformat(text.upper())
        except ValueError:
            raise faulty("There is no such time in the calendar.") from None
    if moment is None or moment.tzinfo is None:
        raise faulty("Send a time with its offset, such as 2026-11-22T10:00:00Z.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise faulty("There is no such time in the calendar.") from None


_AMOUNT_SCHEMA = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^{_DECIMAL.pattern}$"}],
    "examples": ["500.00", 500.00],
}

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
"""An id in a body (an integer, not a text) or in a path."""

Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
"""A quantity, one or more."""

Amount = Annotated[Decimal, BeforeValidator(_amount), WithJsonSchema(_AMOUNT_SCHEMA)]
"""Money in a request, a JSON number or a text, exact; turn it into minor units by `minor`."""

RateText = Annotated[str, BeforeValidator(_rate), WithJsonSchema({"type": "string", "examples": ["0.10"]})]
"""A rate as decimal text, canonical ("0.1" becomes "0.10"); `kernel.money.to_rate` makes it a Fraction."""

Day = Annotated[date, BeforeValidator(_day)]
"""A calendar day, written 2026-11-22; never a number of seconds."""

Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A moment with an offset (RFC 3339), handed on in UTC."""


def minor(field: str, value: Decimal | int | str, currency: str) -> int:
    """The amount in minor units of the currency; `Invalid` naming `field` when it is not such an amount."""
    try:
        return to_minor(value, currency)
    except ValueError:
        raise Invalid(errors=(_why_not(field, value, currency),)) from None


def _why_not(field: str, value: Decimal | int | str, currency: str) -> FieldError:
    amount = Decimal(value) if not isinstance(value, str) or _DECIMAL.fullmatch(value) else None
    if amount is None or not amount.is_finite():
        return FieldError(field, 'Send an amount as a number or a text, such as 500.00 or "500.00".')
    decimals = exponent(currency)
    scale = amount.normalize().as_tuple().exponent
    if isinstance(scale, int) and -scale > decimals:
        return FieldError(
            field,
            "{currency} has {decimals} decimals; this amount has more.",
            {"currency": currency, "decimals": decimals},
        )
    return FieldError(field, "This amount is too large.")
