"""What statements a request causes, and what the server would do for each of them."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg
import pytest

from fenxiao.infra.db.connections import connect
from fenxiao.infra.db.database import Database

BIG = 2_000
"""Rows from which on a table must not be read from end to end for a page."""
PAGES_PER_ROW = 6
"""Blocks that one row may cost: the way down an index, and the row itself."""
PAGES_AT_LEAST = 150


@dataclass(frozen=True)
class Statement:
    """One statement as it went to the server: the schema it ran in, its text, its arguments.

    One that stays prepared may after some calls get a plan for whatever arguments come.
    """

    schema: str
    text: str
    arguments: tuple[Any, ...]
    stays: bool = True


class Recorder:
    """Notes every statement of every context."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    def note(self, schema: str, text: str, arguments: Any, *, stays: bool) -> None:
        self.statements.append(Statement(schema, text, tuple(arguments), stays))


class _Noted:
    """A connection, or a statement prepared on one, whose questions are noted; in all else it is the real one."""

    def __init__(self, real: Any, note: Callable[..., None], text: str | None = None) -> None:
        self._real, self._note, self._text = real, note, text

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in {"fetch", "fetchrow", "fetchval", "execute", "executemany"}:
            return found

        async def noted(*arguments: Any, **options: Any) -> Any:
            if self._text is None:
                self._note(arguments[0], arguments[1:], stays=True)
            else:
                self._note(self._text, arguments, stays=self._real.get_name() != "")
            return await found(*arguments, **options)

        return noted

    async def prepare(self, text: str, **options: Any) -> "_Noted":
        return _Noted(await self._real.prepare(text, **options), self._note, text)


@pytest.fixture(scope="session")
def recorder() -> Iterator[Recorder]:
    """Every connection that any context takes is listened to; nothing else about it changes."""
    found = Recorder()
    plain = Database.connection

    @asynccontextmanager
    async def listening(self: Database) -> AsyncIterator[Any]:
        async with plain(self) as connection:
            yield _Noted(connection, partial(found.note, self.schema))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "connection", listening)
        yield found


@dataclass(frozen=True)
class Plan:
    """A plan that was carried out. `generic`: made once for whatever arguments come."""

    statement: Statement
    generic: bool
    root: dict[str, Any]

    def nodes(self) -> Iterator[dict[str, Any]]:
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", [])

    @property
    def touched(self) -> int:
        """Rows that were looked at, whether they were wanted or not, in tables and in indexes."""
        return round(sum(_touched(node) for node in self.nodes() if "Scan" in node["Node Type"]))

    @property
    def blocks(self) -> int:
        return self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"]

    def whole_reads(self, big: dict[str, float]) -> list[str]:
        """The big tables that were read from end to end."""
        return [
            f"{node['Schema']}.{node['Relation Name']}"
            for node in self.nodes()
            if node["Node Type"] == "Seq Scan"
            and f"{node['Schema']}.{node['Relation Name']}" in big
            # A branch that was never entered cost nothing.
            and node["Actual Loops"] > 0
        ]

    def text(self) -> str:
        kind = "generic plan" if self.generic else "plan"
        head = f"{self.statement.schema}: {self.statement.text}\n   with {self.statement.arguments!r}"
        return f"{head}\n   {kind}: {self.touched} rows looked at, {self.blocks} blocks\n" + "\n".join(
            _lines(self.root, 2)
        )


def _touched(node: dict[str, Any]) -> float:
    if node["Node Type"] in {"CTE Scan", "WorkTable Scan", "Function Scan", "Subquery Scan", "Values Scan"}:
        return 0
    seen = (
        node["Actual Rows"]
        + node.get("Rows Removed by Filter", 0)
        + node.get("Rows Removed by Index Recheck", 0)
    )
    return seen * node["Actual Loops"]


def _lines(node: dict[str, Any], depth: int) -> Iterator[str]:
    what = " ".join(
        str(node[key])
        for key in ("Node Type", "Scan Direction", "Index Name", "Relation Name")
        if key in node
    )
    conditions = " ".join(
        f"[{key}: {node[key]}]"
        for key in (
            "Index Cond",
            "Recheck Cond",
            "Filter",
            "Join Filter",
            "Hash Cond",
            "Sort Key",
            "Rows Removed by Filter",
        )
        if key in node
    )
    yield f"{'  ' * depth}{what} rows={node['Actual Rows']:g} loops={node['Actual Loops']} {conditions}".rstrip()
    for below in node.get("Plans", []):
        yield from _lines(below, depth + 1)


async def explain(databases: dict[str, Database], statement: Statement) -> list[Plan]:
    """Its plan for these arguments, and the one that it may get after some calls, for any; under the role that asks."""
    connection = await connect(databases[statement.schema].access)
    try:
        # What a page reads it may not change; and nothing of this stays.
        async with connection.transaction(readonly=True):
            custom = await connection.fetchval(f"{_EXPLAIN} {statement.text}", *statement.arguments)
            plans = [Plan(statement, False, _root(custom))]
            if statement.arguments and statement.stays:
                plans.append(Plan(statement, True, await _generic(connection, statement)))
            return plans
    finally:
        await connection.close()


_EXPLAIN = "explain (analyze, buffers, verbose, timing off, format json)"


async def _generic(connection: asyncpg.Connection, statement: Statement) -> dict[str, Any]:
    await connection.execute("set local plan_cache_mode = force_generic_plan")
    await connection.execute(f"prepare page as {statement.text}")
    types = await connection.fetchval(
        "select parameter_types::text[] from pg_prepared_statements where name = 'page'"
    )
    # EXECUTE takes no parameters of its own; the server writes them down as literals.
    written = ", ".join(
        f"quote_nullable(${n}::{kind}::text) || '::{kind}'" for n, kind in enumerate(types, 1)
    )
    literals = await connection.fetchval(
        f"select array_to_string(array[{written}], ', ')", *statement.arguments
    )
    return _root(await connection.fetchval(f"{_EXPLAIN} execute page({literals})"))


def _root(answer: Any) -> dict[str, Any]:
    found = json.loads(answer) if isinstance(answer, str) else answer
    return found[0]["Plan"]


def faults(plan: Plan, big: dict[str, float], rows: int) -> list[str]:
    """What is wrong with a plan that may look at so many rows."""
    found = [f"reads {table} from end to end" for table in plan.whole_reads(big)]
    if plan.touched > rows:
        found.append(f"looks at {plan.touched} rows, at most {rows} are due")
    blocks = PAGES_PER_ROW * plan.touched + PAGES_AT_LEAST
    if plan.blocks > blocks:
        found.append(
            f"reads {plan.blocks} blocks for {plan.touched} rows, at most {blocks} are due: an index is walked through"
        )
    if re.search(r"\boffset\b", plan.statement.text, re.IGNORECASE):
        found.append("uses OFFSET, which reads what it passes over")
    return found
