"""Reading a plan document: settings here, each component by its type, and what only shows between them.

One answer names every faulty field: components are checked even where the settings are faulty.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from fenxiao.engine.components import KINDS
from fenxiao.engine.components.params import PERIOD, ComponentParams, Match, PeriodParams
from fenxiao.engine.cuts import Cut
from fenxiao.engine.faults import InvalidPlan, fault, field_error, field_errors
from fenxiao.engine.fields import DaysField, Document, NameField, RateField
from fenxiao.engine.periods import PeriodKind
from fenxiao.engine.rewards.document import MAX_REWARDS, read_rewards
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.kernel.errors import FieldError
from fenxiao.kernel.money import Rounding

AccrueOn = Literal["paid", "completed"]
Base = Literal["paid_amount", "profit", "list_price"]
Unclaimed = Literal["breakage", "roll_up"]

CAP_PERIOD: PeriodKind = "month"
MAX_COMPONENTS = 50
_CURRENCY_LETTERS = 3
_NO_CURRENCY = (
    "XXX"  # ISO 4217: no currency; amounts are checked for two decimals while the plan's is unknown
)


class PlanDocument(Document):
    """The settings of a plan; every component is checked by the `Params` of its type."""

    name: NameField
    currency: str = Field(strict=True)
    accrue_on: AccrueOn = "completed"
    hold_days: DaysField = 0
    rounding: Rounding = "half_up"
    base: Base = "paid_amount"
    max_payout_rate: RateField = Fraction(1)
    max_payout_rate_per_period: RateField | None = None
    cap_period: PeriodKind = CAP_PERIOD
    cut: Cut = "pro_rata"
    unclaimed: Unclaimed = "breakage"
    components: tuple[Any, ...] = Field(max_length=MAX_COMPONENTS)
    rewards: tuple[Any, ...] = Field(default=(), max_length=MAX_REWARDS)

    @field_validator("currency")
    @classmethod
    def _three_letters(cls, code: str) -> str:
        if len(code) != _CURRENCY_LETTERS or not (code.isascii() and code.isalpha() and code.isupper()):
            raise fault("currency")
        return code


def read(
    document: Mapping[str, Any],
) -> tuple[PlanDocument, tuple[ComponentParams, ...], tuple[RewardParams, ...]]:
    """The settings, the components' and the rewards' parameters, or `InvalidPlan` with every fault."""
    if not isinstance(document, Mapping):
        raise InvalidPlan(errors=(field_error((), "model_type"),))
    settings, errors = _settings(document)
    given = document.get("components")
    listed = list(given) if isinstance(given, list | tuple) else []
    params: list[ComponentParams] = []
    for index, one in enumerate(listed[:MAX_COMPONENTS]):
        try:
            currency = settings.currency if settings else _currency(document)
            params.append(_component(one, index, currency))
            errors.extend(_rests_on_nothing(params[-1], index, listed[:index]))
        except InvalidPlan as refusal:
            errors.extend(refusal.errors)
    errors.extend(_names_taken(listed))
    currency = settings.currency if settings else _currency(document)
    rewards, faults = read_rewards(document.get("rewards"), currency)
    errors.extend(faults)
    if errors or settings is None:
        raise InvalidPlan(errors=tuple(errors))
    return settings, tuple(params), rewards


def _settings(document: Mapping[str, Any]) -> tuple[PlanDocument | None, list[FieldError]]:
    try:
        return PlanDocument.model_validate(dict(document)), []
    except ValidationError as error:
        return None, field_errors(error, PlanDocument)


def _currency(document: Mapping[str, Any]) -> str:
    currency = document.get("currency")
    return currency if isinstance(currency, str) else _NO_CURRENCY


def _component(one: object, index: int, currency: str) -> ComponentParams:
    place = ("components", index)
    if not isinstance(one, Mapping):
        raise InvalidPlan(errors=(field_error(place, "model_type"),))
    kind = one.get("type")
    if kind is None:
        raise InvalidPlan(errors=(field_error((*place, "type"), "missing"),))
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidPlan(
            errors=(field_error((*place, "type"), "type_unknown", type=str(kind), known=", ".join(KINDS)),)
        )
    model = KINDS[kind].Params
    try:
        params = model.model_validate(dict(one), context={"currency": currency})
    except ValidationError as error:
        raise InvalidPlan(errors=tuple(field_errors(error, model, place))) from error
    twice = tuple(_matched_twice([override.match for override in params.override_list()], place))
    if twice:
        raise InvalidPlan(errors=twice)
    return params


def _matched_twice(matches: Sequence[Match], place: tuple[str | int, ...]) -> Iterable[FieldError]:
    first: dict[Match, int] = {}
    for index, match in enumerate(matches):
        if first.setdefault(match, index) != index:
            yield field_error((*place, "overrides", index, "match"), "match_twice", index=first[match])


def _rests_on_nothing(params: ComponentParams, index: int, earlier: Sequence[object]) -> Iterable[FieldError]:
    """What keeps a component from resting on another: it has to stand before it, and pay at the same time."""
    name, place = params.rests_on(), ("components", index, "of")
    if name is None:
        return
    named = [one for one in earlier if isinstance(one, Mapping) and one.get("name") == name]
    if not named:
        yield field_error(place, "not_earlier", name=name)
    for one in named[:1]:
        kind = one.get("type")
        scope = KINDS[kind].scope if isinstance(kind, str) and kind in KINDS else None
        if scope is not None and scope != KINDS[params.type].scope:
            yield field_error(place, f"of_{scope}", name=name)
        elif isinstance(params, PeriodParams) and one.get("period", PERIOD) != params.period:
            yield field_error(place, "of_other_period", name=name, period=params.period)


def _names_taken(listed: Sequence[object]) -> Iterable[FieldError]:
    first: dict[str, int] = {}
    for index, one in enumerate(listed):
        name = one.get("name") if isinstance(one, Mapping) else None
        if isinstance(name, str) and first.setdefault(name, index) != index:
            yield field_error(("components", index, "name"), "name_twice", index=first[name])
