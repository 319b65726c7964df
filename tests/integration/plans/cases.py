"""Every list endpoint with its filters, alone and together as people use them; a new list, or a new filter, needs its line.

What is rare is asked for beside what is common: a plan that is quick for the one is seldom right for the other.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.integration.plans.rows import BUSY, CHAIN_END, CLUB

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


def _cases(path: str, *queries: dict[str, Any], **rest: Any) -> list[Case]:
    return [Case(path=path, query=query, **_filtered(query, rest)) for query in queries]


def _filtered(query: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Who sees his own only filters by that too."""
    filters = len(set(query) - {"from", "to", "sort"}) + (rest.get("who", "admin") != "admin")
    return {"rows": FILTERED, "why": "a filter"} | rest if filters else rest


def _ids(numbers: range) -> str:
    return ",".join(map(str, numbers))


BUYER = "王芳"
PAST = {"from": "2025-06-01T00:00:00Z", "to": "2025-07-01T00:00:00Z"}
"""A month far from the end, where pages begin."""
DAY = {"from": "2025-09-10", "to": "2025-09-11"}

AUDIT = [
    *_cases(
        "/api/audit-log",
        {},
        PAST,
        {"to": PAST["to"]},
        {"subject": f"products/{BUSY}"},
        {"actor": "account:1"},
        {"action": "product.changed"},
        {"action": "product.changed"} | PAST,
        {"actor": "account:1"} | PAST,
        {"subject": f"products/{BUSY}"} | PAST,
        {"actor": "account:1", "action": "product.changed"},
        {"subject": f"products/{BUSY}", "actor": "account:1"},
    ),
    *_cases(
        "/api/audit-log",
        {"subject": "products/1500"},
        {"actor": "account:4007"},
        {"action": "role.changed"},
        {"action": "role.changed", "actor": "account:1"},
        {"actor": "account:4007", "subject": f"products/{BUSY}"},
        {"action": "role.changed"} | PAST,
        few=True,
    ),
]

CATALOG = [
    *_cases(
        "/api/products",
        {},
        {"category_id": 4},
        {"tag": "tag 1"},
        {"status": "available"},
        {"category_id": 4, "tag": "tag 1"},
    ),
    *_cases(
        "/api/products",
        {"category_id": 1},
        {"category_id": 1, "status": "available"},
        rows=25_000,
        why="the ten thousand categories below it are gathered first",
    ),
    *_cases(
        "/api/products",
        {"category_id": 1111},
        {"category_id": 19999},
        {"tag": "tag 503"},
        {"status": "pending"},
        {"status": "unavailable"},
        {"status": "unavailable", "category_id": 1000},
        {"status": "pending", "tag": "tag 1"},
        {"ids": _ids(range(100, 120))},
        {"ids": _ids(range(100, 400, 2)), "status": "available"},
        few=True,
    ),
    *_cases("/api/products", {"q": "大米"}, {"q": "cake"}, {"q": "a"}, rows=SEARCH, why="a search"),
    *_cases(
        "/api/products",
        {"q": "特价"},
        {"q": "SKU2999"},
        {"q": "no such thing anywhere"},
        {"q": "大米", "status": "pending"},
        few=True,
        rows=SEARCH,
        why="a search",
    ),
    *_cases("/api/categories", {}, {"parent_id": 1}),
    *_cases("/api/categories", {"parent_id": 2}, {"parent_id": 1999}, few=True),
    *_cases("/api/tags", {}),
    *_cases("/api/tags", {"q": "标签"}, {"q": "ag"}, rows=SEARCH, why="a search"),
    *_cases("/api/tags", {"q": "标签1998"}, {"q": "nowhere"}, few=True, rows=SEARCH, why="a search"),
    *_cases(
        "/api/products",
        {"sort": "-product_id"},
        {"sort": "name"},
        {"sort": "-name"},
        {"sort": "price", "currency": "CNY"},
        {"sort": "-price", "currency": "CNY"},
        {"sort": "updated_at"},
        {"sort": "-updated_at"},
        {"currency": "CNY"},
        {"currency": "CNY", "price_from": "12.00", "price_to": "13.00", "sort": "price"},
        {"updated_since": "2026-03-14T00:00:00Z", "sort": "updated_at"},
        {"category_id": 4, "sort": "-updated_at"},
        {"status": "available", "sort": "name"},
    ),
    *_cases("/api/products", {"sku": "SKU4711"}, {"currency": "USD", "sort": "price"}, few=True),
    *_cases("/api/inventory", {}, {"low": False}),
    *_cases("/api/inventory", {"low": True}, {"ids": _ids(range(100, 120))}, few=True),
    *_cases(
        "/api/inventory",
        {"expiring_before": "2026-01-20"},
        {"low": True, "expiring_before": "2027-01-01"},
        few=True,
        rows=WALK,
        why="batches are passed over until enough expire",
    ),
    *_cases(
        "/api/inventory/{product_id}/movements",
        {},
        PAST,
        {"to": PAST["to"]},
        {"reason": "shipped"},
        {"batch": f"B{BUSY - 1}"},
        {"reason": "shipped", "batch": f"B{BUSY - 1}"},
        ids={"product_id": BUSY},
    ),
    *_cases(
        "/api/inventory/{product_id}/movements",
        {"reason": "counted"},
        {"order": 777},
        ids={"product_id": BUSY},
        few=True,
    ),
    Case(path="/api/inventory/{product_id}/movements", ids={"product_id": 4000}, few=True),
    Case(
        path="/api/inventory/{product_id}/batches/{batch_id}/recall",
        ids={"product_id": BUSY, "batch_id": f"B{BUSY - 1}"},
    ),
    *_cases("/api/inventory/counts", {}, {"state": "closed"}),
    *_cases("/api/inventory/counts", {"state": "open"}, few=True),
    *_cases(
        "/api/inventory/counts/{count_id}",
        {},
        {"differing": False},
        ids={"count_id": 1},
        rows=7_000,
        why="its 3,000 lines are added up",
    ),
    *_cases(
        "/api/inventory/counts/{count_id}",
        {"differing": True},
        ids={"count_id": 1},
        few=True,
        rows=7_000,
        why="its 3,000 lines are added up",
    ),
]

NETWORK = [
    *_cases(
        "/api/distributors",
        {},
        {"status": "active"},
        {"status": "pending"},
        {"grade": "bronze"},
        {"grade": "gold"},
        {"sponsor_id": 1},
        {"sponsor_id": 1, "status": "active"},
        {"grade": "bronze", "status": "active"},
        {"grade": "gold", "sponsor_id": 1},
    ),
    *_cases(
        "/api/distributors",
        {"status": "suspended"},
        {"grade": "diamond"},
        {"sponsor_id": 3000},
        {"status": "suspended", "grade": "bronze"},
        {"status": "suspended", "sponsor_id": 1},
        {"external_id": "EXT4711"},
        {"ids": _ids(range(5000, 5200))},
        {"ids": _ids(range(5000, 5100)), "status": "active"},
        few=True,
    ),
    *_cases("/api/distributors", {"q": "王"}, {"q": "seller"}, {"q": "伟1"}, rows=SEARCH, why="a search"),
    *_cases(
        "/api/distributors",
        {"q": "欧阳"},
        {"q": "Seller 77777"},
        {"q": "EXT4711"},
        {"q": "c4711"},
        {"q": "nobody at all"},
        {"q": "王", "status": "suspended"},
        few=True,
        rows=SEARCH,
        why="a search",
    ),
    *_cases("/api/distributors", {}, {"status": "active"}, {"grade": "gold"}, who="top"),
    *_cases("/api/distributors", {"status": "suspended"}, who="top", few=True),
    *_cases("/api/distributors", {"q": "王"}, who="top", rows=SEARCH, why="a search"),
    *_cases("/api/distributors", {"q": "欧阳"}, who="top", few=True, rows=SEARCH, why="a search"),
    *_cases(
        "/api/distributors",
        {},
        who="club",
        few=True,
        rows=SEARCH,
        why="the downline of one who has few below, put in order",
    ),
    *_cases("/api/distributors", {}, {"grade": "gold"}, who="leaf", few=True),
    *_cases(
        "/api/distributors/{distributor_id}/downline",
        {},
        {"depth": 1},
        {"depth": 2},
        ids={"distributor_id": 1},
    ),
    *_cases(
        "/api/distributors/{distributor_id}/downline",
        {},
        {"depth": 1},
        ids={"distributor_id": CLUB},
        few=True,
    ),
    *_cases(
        "/api/distributors/{distributor_id}/downline",
        {},
        {"depth": 1},
        ids={"distributor_id": 3000},
        who="top",
        few=True,
    ),
    Case(
        path="/api/distributors/{distributor_id}/downline/summary",
        ids={"distributor_id": CLUB},
        rows=1500,
        why="everybody below is counted",
    ),
    *_cases(
        "/api/distributors/{distributor_id}/upline",
        {},
        {"at": "2026-03-15T11:00:00Z"},
        ids={"distributor_id": CHAIN_END},
        rows=2500,
        why="300 levels, each with its sponsor, its standing and its name",
    ),
    *_cases(
        "/api/distributors/{distributor_id}/upline",
        {},
        {"at": "2026-03-15T11:00:00Z"},
        ids={"distributor_id": 90000},
    ),
    Case(path="/api/distributors/{distributor_id}/sponsors", ids={"distributor_id": 90000}),
    Case(path="/api/grades"),
]

RULES = [
    *_cases(
        "/api/rules",
        {},
        {"name": "standard"},
        {"currency": "CNY"},
        {"currency": "USD"},
        {"status": "superseded"},
        {"status": "draft"},
        {"status": "superseded", "currency": "USD"},
        {"name": "standard", "status": "superseded"},
    ),
    *_cases(
        "/api/rules",
        {"name": "plan 5"},
        {"status": "published"},
        {"name": "plan 390", "status": "published"},
        few=True,
    ),
    Case(path="/api/rules/component-types", rows=0, why="they stand in the code"),
]

ORDERS = [
    *_cases(
        "/api/orders",
        {},
        PAST,
        {"to": PAST["to"]},
        {"distributor_id": BUSY},
        {"status": "cancelled"},
        {"status": "completed"} | PAST,
        {"distributor_id": BUSY} | PAST,
        {"distributor_id": BUSY, "status": "completed"},
        {"distributor_id": BUSY, "status": "completed"} | PAST,
    ),
    *_cases(
        "/api/orders",
        {"status": "completed"},
        rows=FILTERED,
        why="the newest are on their way still and passed over",
    ),
    *_cases(
        "/api/orders",
        {"status": "pending"},
        {"distributor_id": 3870},
        {"distributor_id": 3870, "status": "completed"},
        {"distributor_id": BUSY, "status": "refunded"},
        {"status": "pending"} | PAST,
        few=True,
    ),
    *_cases(
        "/api/orders",
        {"status": ["paid", "shipped"]},
        {"channel": "api"},
        {"channel": "pos"},
        {"product_id": BUSY},
        {"buyer": BUYER},
        {"currency": "CNY"},
        {"total_from": "20.00"},
        {"total_from": "29.50", "total_to": "29.60"},
        {"paid_from": PAST["from"], "paid_to": PAST["to"]},
        {"product_id": BUSY, "status": "completed"},
        {"channel": "pos", "status": "completed"},
        {"buyer": BUYER, "status": "completed"},
        {"status": ["completed", "cancelled"]},
        rows=WALK,
        why="met on the walk through the newest",
    ),
    *_cases(
        "/api/orders",
        {"product_id": BUSY, "paid_from": PAST["from"], "paid_to": PAST["to"]},
        rows=40_000,
        why="not good: the planner takes the times of placing and of payment for independent, and reads whole indexes",
    ),
    *_cases(
        "/api/orders",
        {"channel": "fair"},
        {"external_id": "ORD4712"},
        {"product_id": 4000},
        {"currency": "USD"},
        {"total_from": "29.99"},
        {"currency": "USD", "total_from": "20.00"},
        {"paid_from": "2025-06-01T00:00:00Z", "paid_to": "2025-06-01T02:00:00Z"},
        {"ids": _ids(range(5000, 5100))},
        {"distributor_id": BUSY, "product_id": 1001},
        few=True,
    ),
    *_cases("/api/orders", {}, {"status": "completed"}, PAST, who="busy"),
    *_cases("/api/orders", {"status": "refunded"}, who="busy", few=True),
    Case(path="/api/orders/{order_id}/history", ids={"order_id": 5000}),
]

NOTIFICATIONS = [
    *_cases("/api/webhooks", {}),
    Case(path="/api/webhooks/event-types", rows=0, why="they stand in the code"),
    *_cases(
        "/api/webhooks/{webhook_id}/deliveries",
        {},
        {"status": "delivered"},
        {"type": "order.created"},
        {"type": "order.created", "status": "delivered"},
        ids={"webhook_id": 1},
    ),
    *_cases(
        "/api/webhooks/{webhook_id}/deliveries",
        {"status": "dead"},
        {"type": "rule.published"},
        {"event_id": "cbbd7b00-6b97-38f2-1181-ebfc898b4605"},
        ids={"webhook_id": 1},
        few=True,
    ),
    *_cases("/api/notices", {}),
    *_cases("/api/notices", {"unread": True}, few=True),
]

COMMISSION = [
    *_cases("/api/commission/{distributor_id}", {}, {"currency": "CNY"}, ids={"distributor_id": BUSY}),
    *_cases(
        "/api/commission/{distributor_id}",
        {"currency": "USD"},
        {"order_id": 51},
        {"order_id": 51, "currency": "CNY"},
        ids={"distributor_id": BUSY},
        few=True,
    ),
    *_cases("/api/commission/{distributor_id}", {}, ids={"distributor_id": BUSY}, who="busy"),
    *_cases("/api/commission/{distributor_id}", {}, ids={"distributor_id": 4000}, few=True),
    Case(path="/api/settlements/{settlement_id}", ids={"settlement_id": 40}),
]

REPORTS = [
    *(
        Case(
            path="/api/reports/sales",
            query={"group_by": group, "tz": "Asia/Shanghai", **DAY, **more},
            few=True,
            rows=1500,
            why="all that was sold that day is added up",
        )
        for group in ("day", "week", "month", "product", "category", "distributor")
        for more in ({}, {"currency": "USD"})
    ),
    *(
        Case(
            path="/api/reports/sales",
            query={"group_by": group, "distributor_id": 4000},
            few=True,
        )
        for group in ("day", "week", "month", "product", "category", "distributor")
    ),
]

REPORTS += _cases(
    "/api/reports/sales",
    {"group_by": "distributor"},
    {"group_by": "distributor", "currency": "CNY"},
    rows=12_000,
    why="all sales of the sellers on the page are added up, and the first page has the busiest of all",
)

CASES = [*AUDIT, *CATALOG, *NETWORK, *RULES, *ORDERS, *NOTIFICATIONS, *COMMISSION, *REPORTS]
