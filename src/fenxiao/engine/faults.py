"""What can be wrong with a plan document, in words that say what to do, and how findings become field errors."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from fenxiao.kernel.errors import FieldError, Invalid

TAG = "·"
"""Begins the names of alternatives that pydantic writes into places; no field's name begins with it."""

# The first eleven are findings of pydantic under its own names; the others are raised by `fault`.
FAULTS = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field here; known are {known}.",
    "literal_error": "Choose one of {choices}.",
    "bool_type": "Send true or false.",
    "string_type": "Send a text.",
    "string_too_short": "Send a text that is not empty.",
    "string_too_long": "Send a text of at most {most} characters.",
    "tuple_type": "Send a list.",
    "too_long": "Send at most {most} items.",
    "model_type": "Send an object.",
    "dict_type": "Send an object.",
    "float": 'Send it as a string such as "{example}": a binary floating-point number is not exact.',
    "not_number": 'Send a decimal number such as "{example}".',
    "not_rate": 'Send a rate such as "0.10", which is 10 %.',
    "rate_range": 'A rate lies between 0 and 1; 10 % is "0.10".',
    "rate_decimals": "A rate has at most {digits} decimals.",
    "not_amount": "Send an amount in {currency} with at most {digits} decimals.",
    "negative": "An amount here is 0 or more.",
    "whole": "Send a whole number from {least} to {most}.",
    "blank": "Begin and end the text with something other than a space.",
    "currency": "Send a currency code of three capital letters (ISO 4217), such as CNY.",
    "match": "A match names exactly one of product_id, category_id, tag.",
    "match_twice": "The override {index} matches the same; put both into one.",
    "name_twice": "The component {index} has this name already; every component needs a name of its own.",
    "type_unknown": "There is no component type {type}; known are {known}.",
    "not_earlier": "There is no component {name} before this one; `of` names an earlier component.",
    "of_period": "The component {name} pays when a period closes; `of` names one that pays per order. Use the type periodmatch.",
    "of_order": "The component {name} pays per order; `of` names one that pays when a period closes. Use the type matching.",
    "of_other_period": "The component {name} pays for another period; `of` names one whose period is {period} too.",
    "period_only": 'No order knows "{field}", only the period that closes; ask for it in `qualify` of a component of a period.',
    "rate_or_pairs": "Give either rate, or pair_volume and amount_per_pair (and max_pairs, if you like).",
    "pair_volume": "A pair needs a volume above 0.",
    "ascending": "Begin each step at a higher volume than the one before.",
    "condition": 'There is no condition on "{field}"; compare one of {known}, or use all, any, not.',
    "empty": "Send a list that is not empty.",
    "condition_size": "A condition has at most {most} comparisons, nested at most {deep} deep.",
    "reward_unknown": "There is no reward type {type}; known are {known}.",
    "reward_twice": "The reward {index} has this name already; every reward needs a name of its own.",
    "tier_pays": "A tier pays either amount or rate; give one of them, or a grade alone.",
    "keep_grade": "keep_periods says how long a grade lasts; name the grade.",
    "tiers_ascending": "Begin the first tier above 0 and each further one above the one before.",
    "tiers_alike": "Begin all tiers at amounts, or all at rates of the period before.",
    "growth_threshold": "Give either threshold, or threshold_rate of the period before.",
    "growth_range": 'A growth lies above 0 and is at most {most}; twice as much as before is "1.00".',
    "season_quarter": "A season of quarters begins in month 1, 4, 7 or 10.",
}


class InvalidPlan(Invalid):
    """Some fields of the plan are not valid."""

    code = "invalid-plan"


def fault(kind: str, **values: Any) -> PydanticCustomError:
    """The finding to raise while a field is read; `kind` is a key of `FAULTS`, `values` fill its message."""
    return PydanticCustomError(kind, FAULTS[kind], values or None)


def field_error(place: Iterable[str | int], kind: str, **values: Any) -> FieldError:
    """The same finding as a field error, where no model is being read."""
    return FieldError(dotted(place), FAULTS[kind], values or None)


def field_errors(
    error: ValidationError, model: type[BaseModel], prefix: tuple[str | int, ...] = ()
) -> list[FieldError]:
    """Pydantic's findings as field errors with places like `components.0.levels.1`."""
    return [
        _translated(detail, model, prefix) for detail in error.errors(include_url=False, include_input=False)
    ]


def dotted(place: Iterable[str | int]) -> str:
    """The place of a field as it is written in answers: `components.0.levels.1`."""
    return ".".join(str(step) for step in place)


def _translated(detail: ErrorDetails, model: type[BaseModel], prefix: tuple[str | int, ...]) -> FieldError:
    kind, context = detail["type"], dict(detail.get("ctx", {}))
    if kind == "extra_forbidden":
        context = {"known": ", ".join(_known(model, detail["loc"][:-1]))}
    elif kind == "literal_error":
        context = {"choices": str(context["expected"]).replace("'", "").replace(" or ", ", ")}
    elif kind in {"string_too_long", "too_long"}:
        context = {"most": context["max_length"]}
    elif kind == "string_too_short":
        context = {}
    return FieldError(
        dotted((*prefix, *_written(detail["loc"]))), FAULTS.get(kind, detail["msg"]), context or None
    )


def _written(place: Iterable[str | int]) -> Iterable[str | int]:
    """The place as the document has it: without the names of alternatives, and without the mark of a key."""
    return (
        step for step in place if not (isinstance(step, str) and (step.startswith(TAG) or step == "[key]"))
    )


def _known(model: type[BaseModel], place: tuple[str | int, ...]) -> Iterable[str]:
    """The fields known at a place inside a model, found by following the annotations of its parts."""
    parts = [model]
    for step in place:
        if isinstance(step, str) and step.startswith(TAG):
            parts = [part for part in parts if getattr(part, "TAG", None) == step]
        elif isinstance(step, str):
            parts = _parts(parts[0], step)
    return (field.alias or name for name, field in parts[0].model_fields.items())


def _parts(model: type[BaseModel], step: str) -> list[type[BaseModel]]:
    """The models that may stand in a field; the field goes by its name in documents."""
    named = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    found, parts = [named[step]], []
    while found:
        annotation = found.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            parts.append(annotation)
        found.extend(getattr(annotation, "__args__", ()))
    return parts
