"""The figures of the cut of the real year, as an instance reports them over HTTP."""

from typing import Any

import httpx
from tests.e2e.instance import Instance

CUT_FIGURES = {
    "orders": 172,
    "gross": "84933.00",
    "refunds": "409.40",
    "net": "84523.60",
    "commission": "8927.35",
}
"""Counted by hand from the file: gross and refunds by its rows, commission by 10 and 5 per cent of what is left of each order."""


def figures(instance: Instance) -> dict[str, Any]:
    """The sales report of the whole span, summed up over its months."""
    params = {"from": "2009-01-01", "to": "2012-01-01", "group_by": "month", "currency": "GBP"}
    answer = httpx.get(
        f"{instance.url}/api/reports/sales", params=params, headers=instance.token(), timeout=20
    )
    assert answer.status_code == 200, answer.text
    rows = answer.json()["items"]
    money = ("gross", "refunds", "net", "commission")
    totals = {name: sum(_pence(row[name]) for row in rows) for name in money}
    return {"orders": sum(row["orders"] for row in rows)} | {
        name: f"{totals[name] / 100:.2f}" for name in money
    }


def _pence(text: str) -> int:
    return int(text.replace(".", ""))
