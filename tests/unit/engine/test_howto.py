"""The page on adding a component type is true: its two modules are taken from it, added, and run."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from closes import amounts, facts, member
from closes import plan as period_plan
from worlds import C, order, plan, unilevel
from worlds import amounts as order_amounts

from fenxiao.engine import components, texts
from fenxiao.engine.bounds import worst_case
from fenxiao.engine.close import evaluate_period
from fenxiao.engine.close_trace import explain_period, render_period
from fenxiao.engine.evaluate import evaluate
from fenxiao.engine.explain import explain, render
from fenxiao.engine.law import depths
from fenxiao.engine.plan import parse_plan

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "add-a-component-type.md"
NAMES = ("thanks", "best")


@pytest.fixture
def _added(monkeypatch):
    """The types of the page, as if each were a file with its line in the list."""
    sources = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    more = dict(components.KINDS)
    for name, source in zip(NAMES, sources, strict=True):
        module = ModuleType(f"fenxiao.engine.components.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(source, f"{name}.py", "exec"), module.__dict__)
        more[name] = module
        for english, chinese in module.texts.items():
            monkeypatch.setitem(texts.ZH, english, chinese)
    for module_name in ("plan", "document"):
        monkeypatch.setattr(f"fenxiao.engine.{module_name}.KINDS", more)


@pytest.mark.usefixtures("_added")
def test_the_type_that_pays_per_order() -> None:
    thanks = {
        "type": "thanks",
        "name": "thanks",
        "rate": "0.03",
        "overrides": [{"match": {"product_id": 7}, "rate": "0.04"}],
    }
    made = plan(thanks, unilevel(["0.1"]))
    assert parse_plan(made.document()) == made
    assert order_amounts(evaluate(made, order(), 0))["thanks", 1, C] == 2000
    assert evaluate(plan(thanks), order(suspended=[C]), 0).awards == ()
    assert render(explain(made, order(), 0), ("thanks", 1, C), "zh")[-1].endswith("500.00 × 4% = 20.00")
    assert (worst_case(plan(thanks)).rate * 100, depths(plan(thanks))) == (4, {"thanks": 1})


@pytest.mark.usefixtures("_added")
def test_the_type_that_pays_per_period() -> None:
    made = period_plan({"type": "best", "name": "best", "rate": "0.01", "cap_per_entry": "5"})
    found = facts(member(3, 300), member(1, 700), member(2, 700, active=False))
    assert parse_plan(made.document()) == made
    assert amounts(evaluate_period(made, found)) == {("best", 0, 1): "5.00"}
    assert render_period(explain_period(made, found, 1), "en")[1:] == (
        "With 700.00 you sold most: 1700.00 × 1 % = 17.00",
        "One entry of the component is at most 5.00, so yours was cut to that.",
    )
    assert (worst_case(made).rate * 100, depths(made)) == (1, {"best": 0})


def test_the_files_that_the_page_names_are_there() -> None:
    root = PAGE.parents[2]
    named = re.findall(r"`((?:[\w-]+/)+[\w.]+\.(?:py|po))`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 8
    missing = [
        name for name in named if not (root / name).exists() and not (root / "src/fenxiao" / name).exists()
    ]
    assert missing == []
