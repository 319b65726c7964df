"""The rules of the house that neither a linter nor import-linter can hold. Each check also proves that it can fail."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "fenxiao"
CONTEXTS = frozenset(
    [
        "identity",
        "catalog",
        "network",
        "rules",
        "payments",
        "orders",
        "commission",
        "analytics",
        "notifications",
    ]
)
LAYERS = frozenset(
    [
        "__init__",
        "wiring",
        "http",
        "consumers",
        "jobs",
        "checks",
        "service",
        "queries",
        "store",
        "tables",
        "domain",
        "api",
        "events",
    ]
)
# A file per report and per channel; nothing else is added to a context.
MORE = {"analytics": {"reports"}, "payments": {"channels"}}
# Where amounts are computed. Everywhere else they are only carried.
ARITHMETIC = ("engine", "kernel", "commission/domain")
LINES = 500
FORBIDDEN_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base"}


def ours(*folders: str) -> list[Path]:
    skipped = {"node_modules", ".venv", "dist"}
    found = [
        path
        for folder in folders
        for pattern in ("*.py", "*.ts", "*.tsx")
        for path in (ROOT / folder).rglob(pattern)
        if not skipped & set(path.relative_to(ROOT).parts)
    ]
    assert found
    return found


def modules() -> list[Path]:
    found = [path for path in SRC.rglob("*.py") if path.is_file()]
    assert found
    return found


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


# Size and names


def test_no_file_is_too_long() -> None:
    long = [path for path in ours("src", "tests", "migrations", "bench", "console") if lines(path) > LINES]
    assert long == []


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_names_say_what_a_file_is_about() -> None:
    bad = [path for path in ours("src", "tests", "bench", "console") if names_nothing(path.relative_to(ROOT))]
    assert bad == []


def names_nothing(path: Path) -> bool:
    return any(set(re.split(r"[_.\-]", part.lower())) & FORBIDDEN_WORDS for part in path.parts)


@pytest.mark.parametrize(
    "name", ["infra/utils.py", "orders/service/helpers.py", "common/x.py", "db/pool_manager.py"]
)
def test_a_name_that_says_nothing_is_seen(name: str) -> None:
    assert names_nothing(Path(name))
    assert not names_nothing(Path("infra/database.py"))


# Contexts


def test_a_files_name_in_a_context_is_its_layer() -> None:
    bad = [
        path
        for context in CONTEXTS
        if (SRC / context).is_dir()
        for path in (SRC / context).iterdir()
        if (path.is_dir() or path.suffix == ".py")
        and path.stem not in LAYERS | MORE.get(context, set()) | {"__pycache__"}
    ]
    assert bad == []


def test_contexts_see_of_each_other_only_what_is_published() -> None:
    bad = [
        where(path, line)
        for path in modules()
        for line, imported in imports(path.read_text(encoding="utf-8"))
        if trespasses(path.relative_to(SRC).with_suffix("").parts, imported)
    ]
    assert bad == []


def trespasses(importer: tuple[str, ...], imported: str) -> bool:
    """Whether the module may not import that name: `fenxiao.orders.api.OrdersApi`, with what comes after `import`."""
    package, _, rest = imported.partition(".")
    parts = rest.split(".")
    if package != "fenxiao" or parts[0] not in CONTEXTS or importer[0] == parts[0]:
        return False
    seen = parts[1] if len(parts) > 1 else ""
    layer = importer[1] if len(importer) > 1 else ""
    if importer[0] in CONTEXTS:
        return (layer, seen) not in {("service", "api"), ("wiring", "api"), ("consumers", "events")}
    if importer[0] == "commands":
        return seen != "api"
    if importer[0] == "entrypoints":
        return seen not in {"wiring", "api"}
    return True


def imports(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)


@pytest.mark.parametrize(
    ("importer", "imported", "refused"),
    [
        ("orders.service", "fenxiao.network.api.NetworkApi", False),
        ("orders.service.refunds", "fenxiao.network.api", False),
        ("orders.consumers", "fenxiao.commission.events.Accrued", False),
        ("orders.http", "fenxiao.orders.service.Orders", False),
        ("orders.service", "fenxiao.infra.db.Database", False),
        ("entrypoints.compose", "fenxiao.orders.wiring", False),
        ("commands.demo", "fenxiao.orders.api", False),
        ("orders.service", "fenxiao.network.events.Moved", True),
        ("orders.service", "fenxiao.network.service", True),
        ("orders.service", "fenxiao.network", True),
        ("orders.http", "fenxiao.network.api", True),
        ("orders.queries", "fenxiao.network.tables.distributor", True),
        ("commands.demo", "fenxiao.orders.service", True),
        ("entrypoints.web", "fenxiao.orders.http.router", True),
        ("infra.jobs", "fenxiao.orders.api", True),
        ("kernel.money", "fenxiao.orders.api", True),
    ],
)
def test_a_trespass_is_seen(importer: str, imported: str, refused: bool) -> None:
    assert trespasses(tuple(importer.split(".")), imported) is refused


# Money


def test_amounts_are_computed_in_one_place() -> None:
    bad = [
        where(path, line)
        for path in modules()
        if not path.relative_to(SRC).as_posix().startswith(ARITHMETIC)
        for line in arithmetic(path.read_text(encoding="utf-8"))
    ]
    assert bad == []


RATE = re.compile(r"(^|_)(rate|rates|ratio|percent|percentage|bps)(_|$)", re.IGNORECASE)
SQL = re.compile(r"\b(select|insert|update|with|returns|set)\b", re.IGNORECASE)
RATE_IN_SQL = re.compile(
    r"\*\s*\(?[\w.]*(rate|percent|bps)\w*|\b[\w.]*(rate|percent|bps)(_\w+)?\b\)?(::\w+)?\s*[*/]",
    re.IGNORECASE,
)


def arithmetic(source: str) -> Iterator[int]:
    """Lines with `float(…)` or with a product of something called a rate, in Python or in SQL."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv):
            if any(RATE.search(name) for side in (node.left, node.right) for name in names(side)):
                yield node.lineno
        elif isinstance(node, ast.Constant) and rate_in_sql(node.value):
            yield node.lineno


def rate_in_sql(value: object) -> bool:
    return isinstance(value, str) and bool(SQL.search(value) and RATE_IN_SQL.search(value))


def names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
        yield from names(node.value)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        yield str(node.slice.value)


@pytest.mark.parametrize(
    "source",
    [
        "x = float(y)",
        "x = amount * rate",
        "x = line.commission_rate * amount",
        "x = row['tax_rate'] * 3",
        "x = amount // percent",
        "q = 'select amount_minor * r.rate from r'",
        "q = 'update t set a = rate_ppm * amount'",
    ],
)
def test_arithmetic_is_seen(source: str) -> None:
    assert list(arithmetic(source)) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "x = quantity * price_minor",
        "x = 'the rate * the amount'",
        "q = 'select rate, * from r'",
        "x = generate * 2",
    ],
)
def test_other_products_are_not(source: str) -> None:
    assert list(arithmetic(source)) == []


# Transactions


def test_no_port_is_called_inside_a_transaction() -> None:
    bad = [
        where(path, line)
        for path in modules()
        if (context := path.relative_to(SRC).parts[0]) in CONTEXTS
        for line in port_calls(path.read_text(encoding="utf-8"), context)
    ]
    assert bad == []


def port_calls(source: str, context: str) -> Iterator[int]:
    """Lines inside `async with ….begin(…)` that call something typed by the api of another context."""
    tree = ast.parse(source)
    types = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and re.fullmatch(r"fenxiao\.\w+\.api", node.module or "")
        if node.module != f"fenxiao.{context}.api"
        for name in node.names
    }
    ports = {
        annotated
        for node in ast.walk(tree)
        if isinstance(node, ast.arg | ast.AnnAssign)
        and node.annotation is not None
        and mentions(node.annotation, types)
        for annotated in [node.arg if isinstance(node, ast.arg) else terminal(node.target)]
    }
    ports |= {  # self._network = network
        terminal(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in ports
        for target in node.targets
    }
    for block in ast.walk(tree):
        if isinstance(block, ast.AsyncWith) and any(begins(item.context_expr) for item in block.items):
            for statement in block.body:
                yield from (node.lineno for node in ast.walk(statement) if calls(node, ports))


def calls(node: ast.AST, ports: set[str]) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and terminal(node.func.value) in ports
    )


def mentions(annotation: ast.expr, types: set[str]) -> bool:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    return any(isinstance(node, ast.Name) and node.id in types for node in ast.walk(annotation))


def terminal(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def begins(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith("begin")
    )


SERVICE = """
from fenxiao.network.api import NetworkApi
from fenxiao.orders.api import OrdersApi
class Orders:
    def __init__(self, network: NetworkApi, own: OrdersApi) -> None:
        self._net = network
        self._own = own
    async def place(self):
        await self._net.uplines(ids=[])
        async with self.db.begin() as tx:
            await self._own.read()
            await tx.execute('')
            {}
"""


@pytest.mark.parametrize("call", ["await self._net.uplines(ids=[])", "x = [await self._net.a() for _ in y]"])
def test_a_port_call_inside_a_transaction_is_seen(call: str) -> None:
    assert list(port_calls(SERVICE.format(call), "orders")) == [13]
    assert list(port_calls(SERVICE.format("pass"), "orders")) == []


# Locks


def test_lock_files_name_no_place() -> None:
    locks = [*(ROOT / "requirements").glob("*.txt")]
    locks += [path for path in ROOT.glob("*/package-lock.json") if "node_modules" not in path.parts]
    locks += [
        path
        for path in [ROOT / "package-lock.json", ROOT / ".npmrc", ROOT / "console" / ".npmrc"]
        if path.exists()
    ]
    assert len(locks) >= 3
    assert [where(path, line) for path in locks for line in places(path.read_text(encoding="utf-8"))] == []


PLACE = re.compile(
    r'^\s*-{1,2}(i|f|index-url|extra-index-url|find-links|trusted-host|default-index|index)\b|://|"resolved"|^\s*registry\s*=|\s@\s'
)


def places(text: str) -> Iterator[int]:
    for number, line in enumerate(text.splitlines(), 1):
        # npm keeps each package's page for gifts; that is no place to load from.
        if PLACE.search(line) and '"url": "' not in line:
            yield number


@pytest.mark.parametrize(
    "line",
    [
        "--index-url x",
        "-i x",
        "--find-links wheels",
        "x @ file",
        "x==1 # https://host/simple",
        '"resolved": "x"',
        "registry=x",
    ],
)
def test_a_place_is_seen(line: str) -> None:
    assert list(places(line)) == [1]


def test_every_pin_is_hashed() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        pins = re.split(r"\n(?=[a-z])", path.read_text(encoding="utf-8"))
        assert [pin.split("\n")[0] for pin in pins if "--hash=sha256:" not in pin] == [], path.name
