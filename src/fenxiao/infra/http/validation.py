"""What pydantic found wrong with a request, as `Invalid` with sentences that say what to do instead."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import PydanticCustomError

from fenxiao.kernel.errors import FieldError, Invalid, Refusal

from .problem import NotJson

TEMPLATED = "templated"
"""The pydantic error type of our own validators; the context holds the template and its values."""

_WHOLE = "Send a whole number, such as 10."
_TEXT = "Send a text in quotes."
_TRUTH = "Send true or false."
_LIST = "Send a list in square brackets."
_OBJECT = "Send an object in curly brackets."
_NUMBER = "Send a number."
_CHOICE = "Send one of: {expected}."
_ADDRESS = "Send a full address, such as https://example.com/a.png."
_DAY = "Send a date, such as 2026-11-22."
_MOMENT = "Send a time with its offset, such as 2026-11-22T10:00:00Z."
_UUID = "Send a UUID."
_UNKNOWN = "This value is not valid."

_MESSAGES: Mapping[str, str] = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field; check its spelling.",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), _TRUTH),
    **dict.fromkeys(("string_type", "string_unicode", "bytes_type"), _TEXT),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), _LIST),
    **dict.fromkeys(
        ("model_type", "model_attributes_type", "dict_type", "mapping_type", "dataclass_type"), _OBJECT
    ),
    **dict.fromkeys(
        ("float_type", "float_parsing", "decimal_type", "decimal_parsing", "finite_number"), _NUMBER
    ),
    **dict.fromkeys(
        ("url_type", "url_parsing", "url_syntax_violation", "url_scheme", "url_too_long"), _ADDRESS
    ),
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DAY
    ),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), _MOMENT
    ),
    **dict.fromkeys(("uuid_type", "uuid_parsing", "uuid_version"), _UUID),
    **dict.fromkeys(("literal_error", "enum"), _CHOICE),
    "union_tag_invalid": "Send one of: {expected_tags}.",
    "union_tag_not_found": "The field {discriminator} is required.",
    "string_too_short": "At least {min_length} characters are needed.",
    "string_too_long": "At most {max_length} characters are allowed.",
    "string_pattern_mismatch": "This text does not have the form {pattern}.",
    "too_short": "At least {min_length} items are needed.",
    "too_long": "At most {max_length} items are allowed.",
    "greater_than": "Send a number greater than {gt}.",
    "greater_than_equal": "Send {ge} or more.",
    "less_than": "Send a number less than {lt}.",
    "less_than_equal": "Send {le} or less.",
    "decimal_max_places": "At most {decimal_places} decimals are allowed.",
    "decimal_max_digits": "At most {max_digits} digits are allowed.",
    "none_required": "Send null or leave the field out.",
}

TEMPLATES: frozenset[str] = frozenset(_MESSAGES.values()) | {_UNKNOWN}
"""Every message of this module; a test asks the catalogues for each."""


def faulty(template: str, **params: Any) -> PydanticCustomError:
    """The error a validator of ours raises: a sentence in English, a literal, with `{names}` for `params`."""
    return PydanticCustomError(TEMPLATED, "{template}", {"template": template, "params": params})


def invalid(errors: Sequence[Mapping[str, Any]]) -> Refusal:
    """The refusal for a list of pydantic errors; fields are named as in the body: `lines.0.quantity`."""
    for error in errors:
        # curl -d without a header sends a form: say that, instead of "send an object".
        if tuple(error["loc"]) == ("body",) and isinstance(error.get("input"), bytes):
            return NotJson()
    return Invalid(errors=tuple(field_error(error) for error in errors))


def field_error(error: Mapping[str, Any]) -> FieldError:
    """One pydantic error as a field error."""
    context: Mapping[str, Any] = error.get("ctx") or {}
    kind = error["type"]
    if kind == TEMPLATED:
        return FieldError(_field(error["loc"]), context["template"], context["params"])
    if kind in ("value_error", "assertion_error"):
        return FieldError(_field(error["loc"]), str(context.get("error", _UNKNOWN)))
    if isinstance(context.get("expected"), str):
        # Pydantic writes the choices as an English sentence: 'a', 'b' or 'c'.
        context = {**context, "expected": context["expected"].replace("'", "").replace(" or ", ", ")}
    return FieldError(_field(error["loc"]), _MESSAGES.get(kind, _UNKNOWN), context)


def _field(location: Sequence[int | str]) -> str:
    # The first step says where the value came from (body, query, path, header), which is no part of its name.
    steps = (
        location[1:]
        if len(location) > 1 and location[0] in ("body", "query", "path", "header", "cookie")
        else location
    )
    return ".".join(str(step) for step in steps)
