"""Types of the fields of a plan document.

Rates and amounts come as strings, integers or decimals. A binary float is refused at the door: it
cannot hold 0.1, so whatever was meant has been lost already.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
)

from fenxiao.engine.faults import fault
from fenxiao.kernel.money import exponent, from_minor, from_rate, to_minor, to_rate

RATE_DECIMALS = 12
"""A rate has at most so many decimals, so that every exact amount is a finite decimal."""

SCALE = 10**RATE_DECIMALS
"""Every factor is a whole number of `1/SCALE`: sums over many lines stay integers until the one rounding."""

_ID_LIMIT = 2**63 - 1
_DAYS_LIMIT = 3650
_COUNT_LIMIT = 10_000
_RANK_LIMIT = 2**31 - 1
_DECIMAL = r"^\d+(\.\d+)?$"


class Document(BaseModel):
    """A part of a plan document: unknown fields are refused, what was read never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def percent(rate: Fraction) -> str:
    """The rate in percent as people write it, without the sign: 11/200 is "5.5", 1/10 is "10"."""
    whole, _, decimals = from_rate(rate * 100).partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole


def _number(value: object, example: str) -> str | int | Decimal:
    if isinstance(value, float):
        raise fault("float", example=example)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise fault("not_number", example=example)
    return value


def _read_rate(value: object) -> Fraction:
    number = _number(value, "0.10")
    try:
        rate = to_rate(number)
    except ValueError as error:
        raise fault("not_rate") from error
    if not 0 <= rate <= 1:
        raise fault("rate_range")
    if (rate * SCALE).denominator != 1:
        raise fault("rate_decimals", digits=RATE_DECIMALS)
    return rate


def _read_amount(value: object, info: ValidationInfo) -> int:
    currency = _currency(info)
    number = _number(value, "5.00")
    try:
        minor = to_minor(number, currency)
    except ValueError as error:
        raise fault("not_amount", currency=currency, digits=exponent(currency)) from error
    if minor < 0:
        raise fault("negative")
    return minor


def _write_amount(minor: int, info: SerializationInfo) -> str:
    return from_minor(minor, _currency(info))


def _currency(info: ValidationInfo | SerializationInfo) -> str:
    return str((info.context or {})["currency"])


def _whole(least: int, most: int) -> PlainValidator:
    def read(value: object) -> int:
        # JSON edges that read every number as a decimal hand over Decimal("7").
        if isinstance(value, Decimal) and value.is_finite() and abs(value) <= most and value == int(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise fault("whole", least=least, most=most)
        return value

    return PlainValidator(read)


def _trimmed(text: str) -> str:
    if text != text.strip():
        raise fault("blank")
    return text


RateField = Annotated[
    Fraction,
    PlainValidator(_read_rate),
    PlainSerializer(from_rate, return_type=str),
    WithJsonSchema({"type": "string", "format": "rate", "pattern": _DECIMAL, "examples": ["0.10"]}),
]
"""A rate from 0 to 1, exact."""
AmountField = Annotated[
    int,
    PlainValidator(_read_amount),
    PlainSerializer(_write_amount, return_type=str),
    WithJsonSchema({"type": "string", "format": "amount", "pattern": _DECIMAL, "examples": ["5.00"]}),
]
"""An amount of the plan's currency, in minor units; reading and writing need `context={"currency": …}`."""
IdField = Annotated[int, _whole(1, _ID_LIMIT), WithJsonSchema({"type": "integer", "minimum": 1})]
DaysField = Annotated[
    int, _whole(0, _DAYS_LIMIT), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": _DAYS_LIMIT})
]
WindowField = Annotated[
    int, _whole(1, _DAYS_LIMIT), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _DAYS_LIMIT})
]
"""A window of days, 24 h each."""
RankField = Annotated[
    int, _whole(1, _RANK_LIMIT), WithJsonSchema({"type": "integer", "minimum": 1, "format": "grade-rank"})
]
"""The rank of a grade: the higher, the better."""
CountField = Annotated[
    int, _whole(0, _COUNT_LIMIT), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": _COUNT_LIMIT})
]
"""A number of orders, people or places."""
PositiveField = Annotated[
    int, _whole(1, _COUNT_LIMIT), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": _COUNT_LIMIT})
]
"""The same, at least one."""
NameField = Annotated[str, Field(strict=True, min_length=1, max_length=64), AfterValidator(_trimmed)]
FlagField = StrictBool


class GradeRates(dict[str, Fraction]):
    """A rate for each grade that has one; never changed once it was read, so it has a hash."""

    def __hash__(self) -> int:  # type: ignore[override]
        """That of its meaning: the order of the grades does not count."""
        return hash(frozenset(self.items()))


MAX_GRADES = 100
GradeRatesField = Annotated[
    dict[NameField, RateField], Field(max_length=MAX_GRADES), AfterValidator(GradeRates)
]
"""A rate for each grade, by the grade's name."""
