"""A component type is one module and one line: types made up here run through the whole engine.

They are the sketch of what `matching` and `differential` need of the interface, tried on worked cases 3 and 7.
"""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Literal

import pytest
from worlds import A, B, C, D, amounts, order, plan, unilevel

from fenxiao.engine import components
from fenxiao.engine.bounds import worst_case
from fenxiao.engine.components.kind import Bound, Part
from fenxiao.engine.components.params import OrderParams
from fenxiao.engine.evaluate import evaluate
from fenxiao.engine.explain import explain
from fenxiao.engine.facts import Party
from fenxiao.engine.faults import InvalidPlan
from fenxiao.engine.fields import RateField
from fenxiao.engine.law import LawProfile, check, depths
from fenxiao.engine.plan import parse_plan


class EchoParams(OrderParams):
    type: Literal["echo"]
    of: str
    rate: RateField

    def rests_on(self):
        return self.of


def echo_of_what_the_next_above_earned(component, case, record):
    chain = [case.seller, *case.upline]
    exact = {}
    for (_, earner), amount in case.earlier[component.params.of].items():
        place = next(i for i, one in enumerate(chain) if one.distributor_id == earner)
        if place + 1 < len(chain):
            above = chain[place + 1].distributor_id
            exact[1, above] = exact.get((1, above), 0) + component.params.rate * amount
            if record:
                record.claimed(component.name, (1, above), Part((), component.params.rate, amount))
    return exact


class LadderOfGradesParams(OrderParams):
    type: Literal["grades"]
    rates: dict[str, RateField]
    same: RateField


def differences_between_grades(component, case, record):
    params, base = component.params, sum(portion.base_minor for portion in case.portions)
    best, last, left, exact = Fraction(0), None, 1, {}
    for place, one in enumerate([case.seller, *case.upline]):
        rate = params.rates.get(one.grade, Fraction(0))
        if rate > best:
            exact[place, one.distributor_id] = (rate - best) * base
            best, last, left = rate, one.grade, 1
        elif one.grade == last and left:
            exact[place, one.distributor_id] = params.same * base
            left -= 1
    return exact


def kind(params, evaluation, bound, depth):
    return SimpleNamespace(
        scope="order",
        Params=params,
        texts={},
        counts="levels",
        reasons={},
        sentence=lambda _part: "{exact}",
        terms=lambda _params, _overrides: None,
        evaluate=evaluation,
        describe=lambda _part, _currency: {},
        bound=bound,
        depth=depth,
    )


@pytest.fixture
def kinds(monkeypatch):
    echo = kind(
        EchoParams,
        echo_of_what_the_next_above_earned,
        lambda component, bounds: Bound(component.params.rate * bounds[component.params.of].rate, 0),
        lambda component, found: found[component.params.of] + 1,
    )
    grades = kind(
        LadderOfGradesParams,
        differences_between_grades,
        lambda component, _: Bound(
            max(component.params.rates.values()) + component.params.same * len(component.params.rates), 0
        ),
        lambda *_: None,
    )
    more = {**components.KINDS, "echo": echo, "grades": grades}
    for module in ("plan", "document"):
        monkeypatch.setattr(f"fenxiao.engine.{module}.KINDS", more)


ECHO = {"type": "echo", "name": "echo", "of": "direct", "rate": "0.10"}
GRADES = {
    "type": "grades",
    "name": "grades",
    "rates": {"bronze": "0.02", "silver": "0.05", "gold": "0.09"},
    "same": "0.01",
}


def test_case_7_a_share_of_what_another_got(kinds) -> None:
    found = amounts(evaluate(plan(unilevel(), ECHO), order(), 0))
    assert {key: x for key, x in found.items() if key[0] == "echo"} == {
        ("echo", 1, A): 250,
        ("echo", 1, B): 500,
    }


def test_it_rests_on_amounts_before_any_cap(kinds) -> None:
    found = amounts(evaluate(plan(unilevel(cap_per_order="0.03"), ECHO), order(), 0))
    assert found == {("direct", 1, C): 2, ("direct", 2, B): 1, ("echo", 1, A): 250, ("echo", 1, B): 500}


def test_case_3_differences_between_grades(kinds) -> None:
    def graded(distributor_id, grade):
        return Party(distributor_id, grade, None, active=True)

    chain = (graded(C, "bronze"), graded(B, "silver"), graded(A, "gold"))
    sold = replace(order(), seller=graded(D, "bronze"), upline=chain)
    assert amounts(evaluate(plan(GRADES), sold, 0)) == {
        ("grades", 0, D): 1000,
        ("grades", 1, C): 500,
        ("grades", 2, B): 1500,
        ("grades", 3, A): 2000,
    }


def test_bounds_and_depths_see_the_components_before(kinds) -> None:
    made = plan(unilevel(), ECHO, GRADES)
    assert depths(made) == {"direct": 2, "echo": 3, "grades": None}
    assert worst_case(made).rate == Fraction("0.15") + Fraction("0.015") + Fraction("0.12")
    assert [finding.code for finding in check(made, LawProfile("CN", 2))] == [
        "too-many-upline-levels",
        "endless-upline-levels",
    ]


def test_of_must_name_an_earlier_component(kinds) -> None:
    for components_ in ([ECHO, unilevel()], [unilevel(name="other"), ECHO]):
        with pytest.raises(InvalidPlan) as refusal:
            parse_plan({"name": "x", "currency": "CNY", "components": components_})
        assert [error.field.split(".")[-1] for error in refusal.value.errors] == ["of"]


def test_the_trace_hears_it_too(kinds) -> None:
    trace = explain(plan(unilevel(), ECHO), order(), 0)
    assert [award.exact for award in trace.components[1].awards] == [250, 500]
