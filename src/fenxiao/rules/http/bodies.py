"""What is sent: plan documents, and when a version takes effect."""

from typing import Annotated, Any, get_args

from fastapi import Body as FromBody
from pydantic import WithJsonSchema

from fenxiao.engine.components import KINDS
from fenxiao.engine.cuts import Cut
from fenxiao.engine.document import Unclaimed
from fenxiao.infra.http.fields import Body, Moment

_RATE = {"type": "string", "examples": ["0.5"]}
PLAN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Plan",
    "description": "The plan document; `/api/rules/component-types` has the fields of each component type.",
    "required": ["name", "currency", "components"],
    "properties": {
        "name": {"type": "string", "maxLength": 64},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["CNY"]},
        "accrue_on": {"enum": ["paid", "completed"], "default": "completed"},
        "hold_days": {"type": "integer", "minimum": 0, "default": 0},
        "rounding": {"enum": ["half_up", "down"], "default": "half_up"},
        "base": {"enum": ["paid_amount", "profit", "list_price"], "default": "paid_amount"},
        "max_payout_rate": {**_RATE, "default": "1.00"},
        "cut": {"enum": list(get_args(Cut)), "default": "pro_rata"},
        "unclaimed": {"enum": list(get_args(Unclaimed)), "default": "breakage"},
        "components": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "name"],
                "properties": {"type": {"enum": sorted(KINDS)}, "name": {"type": "string"}},
                "additionalProperties": True,
            },
        },
        "rewards": {"type": "array", "items": {"type": "object"}},
    },
    "additionalProperties": False,
    "examples": [
        {
            "name": "standard",
            "currency": "CNY",
            "accrue_on": "completed",
            "hold_days": 7,
            "rounding": "half_up",
            "base": "paid_amount",
            "max_payout_rate": "0.5",
            "cut": "pro_rata",
            "unclaimed": "breakage",
            "components": [{"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"]}],
            "rewards": [],
        }
    ],
}

PlanDocument = Annotated[dict[str, Any], FromBody(), WithJsonSchema(PLAN_SCHEMA)]


class PublishBody(Body):
    """When a version takes effect; without `effective_from` as soon as the notice allows."""

    effective_from: Moment | None = None
