"""The form of a condition: what a console needs to let people build one, in their language."""

from typing import Any, Literal, get_args

from pydantic import TypeAdapter

from fenxiao.engine.conditions import wording
from fenxiao.engine.conditions.subjects import SUBJECTS
from fenxiao.engine.conditions.tree import (
    MAX_COMPARISONS,
    MAX_NESTED,
    Active,
    Comparison,
    ConditionField,
    DaysRegistered,
    Op,
    PaidOrders,
    PeriodPersonalSales,
    PeriodTeamSales,
    PersonalSales,
    Rank,
)
from fenxiao.kernel.i18n import Language

_COMPARISONS: tuple[type[Comparison], ...] = (
    Rank,
    Active,
    PaidOrders,
    PersonalSales,
    DaysRegistered,
    PeriodPersonalSales,
    PeriodTeamSales,
)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a condition."""
    return TypeAdapter(ConditionField).json_schema()


def form(language: Language, scope: Literal["order", "period"] = "order") -> dict[str, Any]:
    """The fields with their labels, units, operators and windows; `limits` bound the tree.

    With the scope `period` also those that only `qualify` may ask for.

    `unit` of a value: `rank` (the rank of a grade, to be chosen from the grades), `orders`, `amount` (decimal
    text of the plan's currency), `days`; None where there is nothing to enter but the window.
    """
    fields = [_field(kind, language) for kind in _COMPARISONS]
    return {
        "fields": [one for one in fields if scope == "period" or not SUBJECTS[one["field"]].period_only],
        "groups": [{"name": name, "label": wording.group(name, language)} for name in ("all", "any", "not")],
        "limits": {"comparisons": MAX_COMPARISONS, "nested": MAX_NESTED},
    }


def _field(kind: type[Comparison], language: Language) -> dict[str, Any]:
    (name,) = get_args(kind.model_fields["field"].annotation)
    valued, window = "value" in kind.model_fields, kind.model_fields.get("within_days")
    unit = SUBJECTS[name].unit
    return {
        "field": name,
        "label": wording.label(name, language),
        "unit": ("amount" if unit == "minor_units" else unit) if valued else None,
        "ops": [{"op": op, "label": wording.operator(op, language)} for op in get_args(Op)] if valued else [],
        "window": "none" if window is None else "required" if window.is_required() else "optional",
    }
