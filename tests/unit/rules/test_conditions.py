"""Which conditions can be published: those that need no fact which nobody gathers."""

from typing import Any

import pytest

from fenxiao.engine.conditions.subjects import SUBJECTS
from fenxiao.engine.plan import Plan, needed_facts, parse_plan
from fenxiao.rules.domain import conditions
from fenxiao.rules.domain.conditions import Lack, gathered, lacks

RANK = {"field": "rank", "value": 2}
ACTIVE = {"field": "active", "within_days": 30}
ORDERS = {"field": "paid_orders", "value": 1}
SALES = {"field": "personal_sales", "value": "1.00"}
DAYS = {"field": "days_registered", "value": 7}


@pytest.fixture
def nothing_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "GATHERED", frozenset())


def plan(*whens: dict[str, Any] | None) -> Plan:
    components = [
        {"type": "unilevel", "name": f"c{n}", "levels": ["0.1"], **({"when": when} if when else {})}
        for n, when in enumerate(whens)
    ]
    return parse_plan({"name": "p", "currency": "CNY", "components": components})


@pytest.mark.parametrize("when", [None, RANK, {"not": {"all": [RANK, {"any": [RANK]}]}}])
def test_rank_needs_nothing(when: dict[str, Any] | None) -> None:
    assert lacks(plan(when)) == []
    assert needed_facts(plan(when)) == []


@pytest.mark.parametrize("when", [ACTIVE, ORDERS, SALES, DAYS])
def test_every_field_that_there_is_can_be_published(when: dict[str, Any]) -> None:
    assert lacks(plan(when)) == []
    assert all(gathered(field) for field in SUBJECTS)


@pytest.mark.parametrize("when", [ACTIVE, ORDERS, SALES, DAYS])
@pytest.mark.usefixtures("nothing_gathered")
def test_one_whose_fact_nobody_gathers_cannot(when: dict[str, Any]) -> None:
    assert lacks(plan(when)) == [Lack("components.0.when.field", "c0", when["field"])]
    assert needed_facts(plan(when)) != []


@pytest.mark.usefixtures("nothing_gathered")
def test_the_place_in_the_tree_is_named() -> None:
    tree = {"all": [RANK, {"any": [SALES, {"not": ACTIVE}]}, {"not": {"not": DAYS}}]}
    assert lacks(plan(None, tree, ORDERS)) == [
        Lack("components.1.when.all.1.any.0.field", "c1", "personal_sales"),
        Lack("components.1.when.all.1.any.1.not.field", "c1", "active"),
        Lack("components.1.when.all.2.not.not.field", "c1", "days_registered"),
        Lack("components.2.when.field", "c2", "paid_orders"),
    ]
