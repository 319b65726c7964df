"""Every list stays fast at a million rows: what its statements cost depends on the page, never on the table.

Each case is asked over HTTP, for its first page and for one far behind a cursor. Every statement that the request
causes is then explained as it was sent and, because prepared statements may come to share one plan, for arguments that
nobody knows. What reads a big table from end to end, or looks at many more rows than it shows, fails with its plan.

The plans of all cases: `./test tests/integration/plans -n 0 -s`, or in the file that FENXIAO_PLANS names.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.plans.cases import CASES, LIMIT, Case
from tests.integration.plans.conftest import Filled
from tests.integration.plans.plans import Plan, Statement, explain, faults

FURTHER = 3
"""Pages of 200 that are passed before the one behind a cursor."""
PAGING = {"limit", "cursor"}


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_page_costs_the_same_however_many_rows_there_are(case: Case, filled: Filled) -> None:
    found = []
    for title, query in await _asked(filled, case):
        statements, _ = await _sent(filled, case, query)
        assert statements or case.rows == 0, "no statement was seen: the recorder is not listening"
        for statement in statements:
            for plan in await explain(filled.system.databases, statement):
                wrong = faults(plan, filled.big, case.rows)
                _show(case, title, plan, wrong)
                found += [f"{title}: {fault}\n{plan.text()}" for fault in wrong]
    assert not found, f"{case}\n\n" + "\n\n".join(found)


async def _asked(filled: Filled, case: Case) -> list[tuple[str, dict[str, Any]]]:
    """The pages to look at: the first, and one further on where there is one."""
    if not _parameters((await filled.document())["paths"][case.path]["get"]) >= PAGING:
        return [("all", {})]
    pages = [("first page", {"limit": LIMIT})]
    query: dict[str, Any] = {"limit": LIMIT if case.few else 200}
    last = None
    for _ in range(FURTHER):
        _, answer = await _sent(filled, case, query | ({} if last is None else {"cursor": last}))
        if answer["next_cursor"] is None:
            break
        last = answer["next_cursor"]
    assert case.few or last is not None, f"{case}: there is one page only; a list that is long was meant"
    if last is not None:
        pages.append(("a page further on", {"limit": LIMIT, "cursor": last}))
    return pages


async def _sent(filled: Filled, case: Case, query: dict[str, Any]) -> tuple[list[Statement], dict[str, Any]]:
    headers = await filled.headers(case.who)
    filled.recorder.statements.clear()
    answer = await filled.http.get(case.path.format(**case.ids), params=case.query | query, headers=headers)
    assert answer.status_code == 200, (case, answer.text)
    body = answer.json()
    empty = isinstance(body, dict) and body.get("items") == []
    assert not empty or "no" in str(case.query.get("q", "")), f"{case} finds nothing and proves nothing"
    return list(dict.fromkeys(_hashable(one) for one in filled.recorder.statements)), body


def _hashable(statement: Statement) -> Statement:
    arguments = tuple(tuple(one) if isinstance(one, list) else one for one in statement.arguments)
    return replace(statement, arguments=arguments)


def _show(case: Case, title: str, plan: Plan, wrong: list[str]) -> None:
    text = f"== {case}, {title}{'  FAULT: ' + '; '.join(wrong) if wrong else ''}\n{plan.text()}\n"
    print(text)
    if file := os.environ.get("FENXIAO_PLANS"):
        with Path(file).open("a", encoding="utf-8") as book:
            print(text, file=book)


async def test_every_list_and_every_filter_has_its_case(filled: Filled) -> None:
    document = await filled.document()
    tried: dict[str, set[str]] = {}
    for case in CASES:
        tried.setdefault(case.path, set()).update(case.query)
    missing = []
    for path, operation in _lists(document):
        if path not in tried:
            missing.append(f"GET {path}: no case in cases.py")
            continue
        untried = _parameters(operation) - tried[path] - PAGING
        missing += [f"GET {path}: no case with `{name}`" for name in sorted(untried)]
    assert not missing, "write a line in cases.py for each of these:\n" + "\n".join(missing)
    # What the discovery rests on; it would also be satisfied if it found nothing.
    assert len([path for path, _ in _lists(document)]) >= 15


def _lists(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What answers items, or is paged."""
    schemas = document["components"]["schemas"]
    found = []
    for path, methods in document["paths"].items():
        if (operation := methods.get("get")) is not None:
            schema = operation["responses"]["200"]["content"].get("application/json", {}).get("schema", {})
            schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            if "items" in schema.get("properties", {}) or PAGING & _parameters(operation):
                found.append((path, operation))
    return found


def _parameters(operation: dict[str, Any]) -> set[str]:
    return {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}


def test_no_case_is_left_over(filled: Filled) -> None:
    """A case that allows more rows than usual says why."""
    assert [str(case) for case in CASES if (case.why == "") != (case.rows == Case(path="").rows)] == []


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("/api/distributors", "Seller 77777", ["Seller 77777"]),
        ("/api/distributors", "SELLER 7777", ["Seller 77771", "Seller 77774", "Seller 77777"]),
        ("/api/distributors", "ext98765", []),
        ("/api/tags", "标签1998", ["标签1998", "标签19980", "标签19983", "标签19986", "标签19989"]),
    ],
)
async def test_a_search_finds_what_stands_far_behind(
    path: str, text: str, found: list[str], filled: Filled
) -> None:
    """First what is near is looked through, then an index is asked: both are one list in the list's order."""
    answer = await filled.http.get(path, params={"q": text}, headers=await filled.headers("admin"))
    assert [one.get("display_name", one.get("name")) for one in answer.json()["items"]] == found


async def test_a_search_is_the_same_however_it_is_paged(filled: Filled) -> None:
    headers = await filled.headers("admin")
    whole = {"q": "伟1", "limit": 200}
    pages: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = (
            await filled.http.get(
                "/api/distributors", params={"q": "伟1", "limit": 7} | cursor, headers=headers
            )
        ).json()
        pages += [one["distributor_id"] for one in page["items"]]
        if page["next_cursor"] is None or len(pages) > 200:
            break
        cursor = {"cursor": page["next_cursor"]}
    answer = await filled.http.get("/api/distributors", params=whole, headers=headers)
    assert pages[:200] == [one["distributor_id"] for one in answer.json()["items"]] == sorted(pages)[:200]


async def test_the_tables_are_big(filled: Filled) -> None:
    """Where nothing is large, no plan can be wrong."""
    for table in ("orders.orders", "network.distributor", "commission.commission", "identity.audit_log"):
        assert filled.big[table] >= 90_000
    assert len(filled.big) >= 25


async def test_a_scan_of_a_whole_table_would_be_seen(filled: Filled) -> None:
    """The judge itself, on statements that are wrong in each of the ways."""
    wrong = {
        "from end to end": "select * from orders where payment_method = $1 limit 20",
        "rows, at most": "select * from orders where channel || '' = $1 order by order_id limit 20",
        "walked through": "select line_id from order_line where line_id = $1::text::bigint",
        "OFFSET": "select order_id from orders where order_id > $1::text::int order by order_id offset 10 limit 20",
    }
    arguments = {"walked through": ("5000",), "OFFSET": ("0",)}
    for word, text in wrong.items():
        statement = Statement("orders", text, arguments.get(word, ("nothing",)))
        for plan in await explain(filled.system.databases, statement):
            assert any(word in fault for fault in faults(plan, filled.big, 240)), plan.text()
