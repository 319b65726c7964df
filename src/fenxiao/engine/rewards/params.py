"""Parameters that rewards have in common; each type adds its own, the JSON schema of its class is the console's form."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from fenxiao.engine.faults import fault
from fenxiao.engine.fields import AmountField, DaysField, Document, NameField, PositiveField, RateField
from fenxiao.kernel.money import from_rate, to_rate

RewardPeriod = Literal["month", "quarter"]
Mode = Literal["whole", "marginal"]
"""Whether the highest tier pays on everything, or each tier on what lies between it and the next."""
OnRefund = Literal["take_back", "keep"]
"""What a later run does where refunds have pulled the sales below what was granted."""

MAX_TIERS = 50
MAX_GROWTH = 1000
MAX_KEEP = 40


def _read_growth(value: object) -> Fraction:
    if isinstance(value, float):
        raise fault("float", example="0.20")
    try:
        rate = to_rate(value)  # type: ignore[arg-type]  # refused below if it is nothing of the kind
    except (ValueError, TypeError) as error:
        raise fault("not_rate") from error
    if isinstance(value, bool) or not 0 < rate <= MAX_GROWTH:
        raise fault("growth_range", most=MAX_GROWTH)
    return rate


GrowthField = Annotated[
    Fraction,
    PlainValidator(_read_growth),
    PlainSerializer(from_rate, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "rate", "pattern": r"^\d+(\.\d+)?$", "examples": ["0.20", "1.50"]}
    ),
]
"""A growth as a rate of the period before, above 0; 1.50 is one and a half times as much on top."""


class TierParams(Document):
    """A tier (档): what is paid once it is reached, an amount or a rate, and perhaps a grade."""

    amount: AmountField | None = None
    rate: RateField | None = None
    grade: NameField | None = None
    keep_periods: Annotated[PositiveField, Field(le=MAX_KEEP)] | None = None

    @model_validator(mode="after")
    def _pays_one_thing(self) -> "TierParams":
        if (self.amount is None) == (self.rate is None) and not (self.amount is None and self.grade):
            raise fault("tier_pays")
        if self.keep_periods is not None and self.grade is None:
            raise fault("keep_grade")
        return self


class RewardParams(Document):
    """What every reward has.

    `hold_days`: × 24 h after the grant until a settlement may release it; 0: available at once.
    """

    type: str
    name: NameField
    period: RewardPeriod = "month"
    mode: Mode = "whole"
    on_refund: OnRefund = "take_back"
    hold_days: DaysField = 0

    def tier_list(self) -> Sequence[TierParams]:
        """The tiers, the lowest first."""
        raise NotImplementedError

    def document(self, currency: str) -> dict[str, Any]:
        """The canonical document."""
        return self.model_dump(mode="json", exclude_none=True, context={"currency": currency})


class _Limit(Protocol):
    def __gt__(self, other: Any, /) -> bool: ...


def ascending(limits: Iterable[_Limit]) -> bool:
    """Whether each is above the one before, and the first above 0."""
    return all(later > earlier for earlier, later in pairwise((0, *limits)))
