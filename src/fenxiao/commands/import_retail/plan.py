"""The plan under which the retail year is paid: two levels of the upline, ten and five per cent."""

from datetime import UTC, datetime

CURRENCY = "GBP"

PLAN = {
    "name": "Online Retail II",
    "currency": CURRENCY,
    "accrue_on": "completed",
    "hold_days": 0,
    "rounding": "half_up",
    "base": "paid_amount",
    "max_payout_rate": "1",
    "components": [{"type": "unilevel", "name": "upline", "levels": ["0.10", "0.05"]}],
    "rewards": [],
}
PLAN_FROM = datetime(2009, 1, 1, tzinfo=UTC)
