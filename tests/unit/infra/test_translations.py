"""Every text that a person may read has a Chinese translation with the same placeholders."""

import ast
import importlib
import pkgutil
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import fenxiao
from fenxiao.infra import i18n
from fenxiao.infra.http import validation
from fenxiao.kernel.errors import FieldError, NotFound, Refusal, refusals

SRC = Path(fenxiao.__file__).parent

# Functions that hand on a template: where it stands among their arguments.
TEMPLATED = {"FieldError": 1, "faulty": 0, "doubtful": 0}
# Where a message comes from elsewhere: pydantic, another service, Starlette.
FORWARDING = {"infra/http/validation.py", "infra/http/codec.py", "infra/http/web.py"}


def import_everything() -> None:
    for module in pkgutil.walk_packages(fenxiao.__path__, "fenxiao."):
        # Entry points join what is there and refuse nothing themselves.
        if not module.name.startswith(("fenxiao.entrypoints", "fenxiao.__main__")):
            importlib.import_module(module.name)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def untranslated(texts: Iterator[str] | list[str]) -> list[str]:
    known = i18n.catalogue("zh")
    return sorted({text for text in texts if text not in known})


def ours() -> Iterator[type[Refusal]]:
    import_everything()
    return (kind for kind in refusals() if kind.__module__.startswith("fenxiao."))


PACKAGES = sorted(path.name for path in SRC.iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_is_translated(package: str) -> None:
    kinds = [kind for kind in ours() if kind.__module__.startswith(f"fenxiao.{package}.")]
    texts = [text for kind in kinds for text in (kind.template(), i18n.english_title(kind))]
    for path in (SRC / package).rglob("*.py"):
        texts += templates(path.read_text(encoding="utf-8"), path)
    missing = untranslated([*texts, *(validation.TEMPLATES if package == "infra" else ())])
    if missing:
        pytest.fail(f"add to locale/zh/{package}.po:\n" + "\n".join(missing), pytrace=False)


def test_texts_are_found_at_all() -> None:
    assert len(list(ours())) > 10
    assert (
        sum(len(list(templates(path.read_text(encoding="utf-8"), path))) for path in SRC.rglob("http/*.py"))
        > 10
    )


def test_translations_keep_the_placeholders() -> None:
    wrong = [text for text, zh in i18n.catalogue("zh").items() if placeholders(text) != placeholders(zh)]
    assert wrong == []


def test_no_code_means_two_things() -> None:
    """Clients tell refusals apart by code: several classes may share one only if they are one kind of answer."""
    by_code: dict[str, set[int]] = {}
    for kind in ours():
        by_code.setdefault(kind.code, set()).add(kind.status)
    assert {code: statuses for code, statuses in by_code.items() if len(statuses) > 1} == {}


def templates(source: str, path: Path | None = None) -> Iterator[str]:
    """The message templates of a module; where one is computed, every sentence of the module counts as one."""
    tree = ast.parse(source)
    constants = dict(assignments(tree))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in [tree, *functions]:
        handed_in = parameters(function)
        for call in own_calls(function):
            node = template_of(call)
            if isinstance(node, ast.Name) and node.id in handed_in:
                continue
            texts = list(literals(node, constants)) or list(sentences(tree))
            known = is_refusals_own(node) or (path and path.relative_to(SRC).as_posix() in FORWARDING)
            assert texts or known, f"{path}:{call.lineno}: write the message where it is used"
            yield from () if known else texts


def template_of(call: ast.Call) -> ast.expr | None:
    named = [keyword.value for keyword in call.keywords if keyword.arg in ("message", "template")]
    index = TEMPLATED[call.func.id]  # type: ignore[attr-defined]
    return (named or [*call.args[index : index + 1]] or [None])[0]


def is_refusals_own(node: ast.expr | None) -> bool:
    """`ProductMissing.template()`: checked with the refusals."""
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "template"
    )


def sentences(tree: ast.Module) -> Iterator[str]:
    # A string that is a statement says something to readers of the code: of a module, a function, a name.
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings | parts
        ):
            text = node.value
            if text[:1].isupper() and text.endswith(".") and " " in text:
                yield text


def own_calls(function: ast.AST) -> Iterator[ast.Call]:
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TEMPLATED:
            yield node
        waiting.extend(ast.iter_child_nodes(node))


def parameters(function: ast.AST) -> set[str]:
    arguments = getattr(function, "args", None)
    return {arg.arg for arg in [*arguments.args, *arguments.kwonlyargs]} if arguments else set()


def assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What names stand for: assigned here, or a text imported from elsewhere in the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fenxiao."):
            origin = importlib.import_module(str(node.module))
            for name in node.names:
                if isinstance(text := getattr(origin, name.name, None), str):
                    yield name.asname or name.name, ast.Constant(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def literals(node: ast.expr | None, constants: dict[str, ast.expr]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*literals(node.body, constants), *literals(node.orelse, constants))
    elif isinstance(node, ast.Name) and node.id in constants:
        yield from literals(constants[node.id], {})
    elif isinstance(node, ast.Dict):
        yield from (text for value in node.values for text in literals(value, {}))
    elif isinstance(node, ast.Subscript):
        yield from literals(node.value, constants)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        yield from literals(node.func.value, constants)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('FieldError("a", "One " "text.")', ["One text."]),
        ('FieldError("a", message="One.", params={})', ["One."]),
        ('T = "One."\ndef f(x):\n    g(errors=(FieldError(x, T),))', ["One."]),
        ('def f(x):\n    t = "One." if x else "Two."\n    return faulty(t)', ["One.", "Two."]),
        (
            'T = {"a": "One.", "b": "Two."}\nFieldError(x, T[k])\nFieldError(x, T.get(k, m))',
            ["One.", "Two."] * 2,
        ),
        ('x = ("a", "It is so.", {})\nFieldError(x[0], g(x))', ["It is so."]),
        ('FieldError("a", ProductMissing.template())', []),
        (
            'from fenxiao.infra.http.validation import _UNKNOWN as u\nFieldError("a", u)',
            ["This value is not valid."],
        ),
        ("def f(field, text):\n    return FieldError(field, text)", []),
    ],
)
def test_templates_are_found(source: str, found: list[str]) -> None:
    assert list(templates(source)) == found


@pytest.mark.parametrize(
    "source", ['FieldError("a", f"{b} is wrong")', 'def f():\n    x = g()\n    FieldError("a", x)']
)
def test_a_template_that_is_computed_is_refused(source: str) -> None:
    with pytest.raises(AssertionError):
        list(templates(source))


def test_a_missing_translation_is_seen_and_read_in_english() -> None:
    assert untranslated(["Nobody has translated this."]) == ["Nobody has translated this."]
    assert i18n.render("Nobody has {done} this.", {"done": "read"}, "zh") == "Nobody has read this."


def test_texts_are_rendered_in_the_readers_language() -> None:
    missing = NotFound(thing="order", errors=(FieldError("limit", "Send {ge} or more.", {"ge": 1}),))
    assert (i18n.title(missing, "en"), i18n.title(missing, "zh")) == ("Not found", "未找到")
    assert i18n.detail(missing, "zh") == "没有编号为此值的order。"
    assert i18n.field_message(missing.errors[0], "zh") == "请填写不小于 1 的数。"
    assert i18n.detail(NotFound(), "en") == "There is no {thing} with this id."


def test_two_files_may_not_disagree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zh").mkdir()
    for name, text in (("a", "甲"), ("b", "乙")):
        (tmp_path / "zh" / f"{name}.po").write_text(f'msgid "Same"\nmsgstr "{text}"\n', encoding="utf-8")
    monkeypatch.setattr(i18n, "LOCALE", tmp_path)
    i18n.catalogue.cache_clear()
    with pytest.raises(ValueError, match="another way"):
        i18n.catalogue("zh")
    i18n.catalogue.cache_clear()
