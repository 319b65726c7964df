"""Every list endpoint with its filters, alone and together as people use them; a new list, or a new filter, needs its line.

What is rare is asked for beside what is common: a plan that is quick for the one is seldom right for the other.
"""

from tests.integration.plans.case import FILTERED, LIMIT, SEARCH, WALK, Case
from tests.integration.plans.case import listed as _ids
from tests.integration.plans.case import several as _cases
from tests.integration.plans.people import NETWORK, RULES
from tests.integration.plans.rows import BUSY

__all__ = ["BUYER", "CASES", "LIMIT", "Case"]

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
    *_cases("/api/settlements", {}),
    *_cases("/api/settlements/{settlement_id}/statements", {}, ids={"settlement_id": 40}, few=True),
    *_cases(
        "/api/settlements/{settlement_id}/statements", {}, ids={"settlement_id": 40}, who="busy", few=True
    ),
    *_cases("/api/statements", {"distributor_id": BUSY}),
    *_cases("/api/statements/{statement_id}", {}, ids={"statement_id": f"40-{BUSY}-CNY"}, few=True),
    *_cases(
        "/api/ledger/trial-balance",
        {},
        {"currency": "CNY"},
        {"at": "2025-06-10T12:00:00Z"},
        rows=1_200,
        why="what was written since the last close is added up, or one closed day",
    ),
    *_cases("/api/ledger/accounts", {}),
    *_cases("/api/ledger/accounts", {"distributor_id": BUSY}, few=True),
    *_cases("/api/ledger/days", {}),
    *_cases(
        "/api/ledger/accounts/{account}/postings",
        {},
        {"currency": "CNY"},
        PAST,
        ids={"account": f"pending:{BUSY}"},
    ),
    *_cases(
        "/api/ledger/accounts/{account}/postings",
        {"order_id": 50},
        {"commission_id": 100},
        {"order_id": 20400} | PAST,
        ids={"account": "commission_expense"},
        few=True,
    ),
    *_cases("/api/ledger/accounts/{account}/postings", {}, PAST, ids={"account": "commission_expense"}),
    *_cases("/api/ledger/accounts/{account}/postings", {}, ids={"account": "cash"}),
    *_cases(
        "/api/ledger/accounts/{account}/postings", {"withdrawal_id": 40}, ids={"account": "cash"}, few=True
    ),
    *_cases("/api/commission/periods", {}),
    *_cases("/api/rewards", {}, {"distributor_id": BUSY}),
    *_cases("/api/rewards", {"distributor_id": 7920}, few=True),
    *_cases("/api/rewards", {}, who="busy"),
    *_cases("/api/simulations", {}),
    *_cases(
        "/api/simulations/{simulation_id}/distributors",
        {},
        {"sort": "-distributor_id"},
        {"sort": "difference"},
        {"sort": "-difference"},
        ids={"simulation_id": 700},
    ),
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

WITHDRAWALS = [
    *_cases("/api/payout-accounts", {}, {"distributor_id": BUSY}),
    *_cases("/api/payout-accounts", {"distributor_id": 7920}, few=True),
    *_cases("/api/payout-accounts", {}, who="busy"),
    *_cases(
        "/api/withdrawals",
        {},
        {"distributor_id": BUSY},
        {"status": "paid"},
        {"status": "failed"},
        {"currency": "CNY"},
        {"distributor_id": BUSY, "status": "paid"},
        {"distributor_id": BUSY, "currency": "CNY"},
        {"status": "paid", "currency": "CNY"},
    ),
    *_cases(
        "/api/withdrawals",
        {"distributor_id": 7920},
        {"status": "requested"},
        {"status": "unknown"},
        {"distributor_id": BUSY, "status": "unknown"},
        {"distributor_id": 7920, "currency": "CNY"},
        {"currency": "USD"},
        few=True,
    ),
    *_cases("/api/withdrawals", {}, {"status": "paid"}, who="busy"),
    *_cases("/api/withdrawal-policies", {}, {"currency": "CNY"}),
    *_cases("/api/withdrawal-policies", {"currency": "USD"}, few=True),
    *_cases("/api/tax-tables", {}),
    *_cases("/api/payout-findings", {}, {"unresolved": False}),
    *_cases("/api/payout-findings", {"unresolved": True}, few=True),
    *_cases(
        "/api/reports/tax",
        {"quarter": "2026-Q1"},
        rows=2_500,
        why="whose income refunds took back in the quarter is looked through: few, however many sell",
    ),
    *_cases("/api/reports/tax", {"quarter": "2026-Q1", "distributor_id": 4000}, few=True),
]

PAYOUTS = [
    *_cases(
        "/api/payouts",
        {},
        {"channel": "wechat"},
        {"status": "paid"},
        {"status": "failed"},
        {"channel": "bank", "status": "paid"},
        {"channel": "wechat", "status": "failed"},
    ),
    *_cases(
        "/api/payouts",
        {"channel": "paypal"},
        {"status": "unknown"},
        {"contradicted": True},
        {"contradicted": True, "channel": "wechat"},
        {"contradicted": True, "status": "paid"},
        {"channel": "wechat", "status": "unknown"},
        few=True,
    ),
    *_cases("/api/payouts/batches", {}),
    *_cases("/api/payouts/reconciliations", {}, {"channel": "wechat"}),
    *_cases("/api/payouts/reconciliations", {"channel": "bank"}, few=True),
    *_cases("/api/payouts/reconciliations/{reconciliation_id}/differences", {}, ids={"reconciliation_id": 3}),
]

CASES = [
    *AUDIT,
    *CATALOG,
    *NETWORK,
    *RULES,
    *ORDERS,
    *NOTIFICATIONS,
    *COMMISSION,
    *WITHDRAWALS,
    *PAYOUTS,
    *REPORTS,
]
