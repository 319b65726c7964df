"""How one way to ask for a list is written down, and how many rows its page may look at."""

from dataclasses import dataclass, field
from typing import Any

LIMIT = 20
"""Items of the pages that are looked at."""
ROWS = 12 * LIMIT
"""Rows that such a page may look at in one statement: some more than it shows, never a share of the table."""
FILTERED = 2_500
"""Where about one row in a hundred passes a filter, a walk along the primary key, whose rows lie side by side, costs the
same as an index whose rows lie scattered; the planner takes either, also where there are two filters and one is walked
along. What passes more seldom has to be found by an index."""
WALK = 4_000
"""Where a filter has no order of its own, the list is walked through until the page is full: rows per item are what the
filter passes over, one in two hundred at worst; a rarer one is found by its own index and sorted."""
SEARCH = 3_000
"""A search looks through what is near at hand where its word is common, and at every hit where it is rare; the worst
word lies between the two, at the root of page times table."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to ask for a list. `few`: no second page is expected; `why` there may be more rows than usual."""

    path: str
    query: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    who: str = "admin"
    few: bool = False
    rows: int = ROWS
    why: str = ""

    def __str__(self) -> str:
        asked = "&".join(f"{name}={value}" for name, value in self.query.items())
        path = self.path.format(**self.ids)
        return f"{path}?{asked[:60]} ({self.who})" if asked else f"{path} ({self.who})"


def several(path: str, *queries: dict[str, Any], **rest: Any) -> list[Case]:
    return [Case(path=path, query=query, **_filtered(query, rest)) for query in queries]


def _filtered(query: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Who sees his own only filters by that too."""
    filters = len(set(query) - {"from", "to", "sort"}) + (rest.get("who", "admin") != "admin")
    return {"rows": FILTERED, "why": "a filter"} | rest if filters else rest


def listed(numbers: range) -> str:
    return ",".join(map(str, numbers))
