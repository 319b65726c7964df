"""Laws that hold for every plan and order, and the comparison with the oracle."""

from dataclasses import replace
from fractions import Fraction

import oracle
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from worlds import amounts, documents, orders, plain, unilevel
from worlds import plan as made

from fenxiao.engine.bounds import worst_case
from fenxiao.engine.evaluate import evaluate, steps
from fenxiao.engine.explain import explain
from fenxiao.engine.law import depths
from fenxiao.engine.plan import parse_plan

many = settings(max_examples=300, deadline=None)
some = settings(max_examples=120, deadline=None)


@many
@given(documents(), orders())
def test_the_oracle_agrees_after_every_refund(document, order) -> None:
    plan = parse_plan(document)
    for refunds in range(len(order.refunds) + 1):
        found = evaluate(plan, order, refunds)
        assert amounts(found) == oracle.awards(plan.document(), plain(order), refunds)
        assert [award.key for award in found.awards] == list(amounts(found)), "no place is paid twice"


@some
@given(documents(), orders())
def test_steps_are_the_evaluations_after_each_refund(document, order) -> None:
    plan = parse_plan(document)
    for step in steps(plan, order):
        assert step.target == amounts(evaluate(plan, order, step.refunds_applied))


@some
@given(documents(), orders(whole_refund=True))
def test_refunds_of_the_whole_leave_nothing(document, order) -> None:
    plan = parse_plan(document)
    found = steps(plan, order)
    assert found[-1].target == {}
    booked: dict = {}
    for step in found:
        for key in booked.keys() | step.target.keys():
            booked[key] = booked.get(key, 0) + (step.target.get(key, 0) - booked.get(key, 0))
    assert not any(booked.values())


@many
@given(documents(), orders())
def test_caps_and_limit_hold_and_are_used_up_where_they_bind(document, order) -> None:
    plan = parse_plan(document)
    trace = explain(plan, order, len(order.refunds))
    for traced in trace.components:
        cap, rounded = traced.component.cap_minor, traced.single_minor
        kept = sum(award.capped_minor for award in traced.awards)
        most = rounded if cap is None else min(cap, rounded)
        assert kept <= most if plan.cut == "hard_stop" else kept == most
    total = sum(award.amount_minor for award in trace.evaluation.awards)
    most = min(trace.capped_minor, trace.evaluation.max_payout_minor)
    # A hard stop leaves over what the next amount did not fit into.
    assert total <= most if plan.cut == "hard_stop" else total == most
    assert trace.evaluation.max_payout_minor <= plan.max_payout_rate * trace.evaluation.base_minor
    assert all(
        0 <= award.amount_minor <= award.capped_minor <= award.single_minor <= award.rounded_minor
        for award in trace.awards()
    )


@many
@given(documents(), orders())
def test_the_explanation_arrives_at_the_amount(document, order) -> None:
    plan = parse_plan(document)
    for refunds in range(len(order.refunds) + 1):
        trace = explain(plan, order, refunds)
        assert trace.evaluation == evaluate(plan, order, refunds)
        final = {
            (a.component, a.level, a.distributor_id): a.amount_minor for a in trace.awards() if a.amount_minor
        }
        assert final == amounts(trace.evaluation)
        for award in trace.awards():
            assert award.exact == sum(part.factor * part.measure for part in award.parts)
            assert award.rounded_minor == oracle.to_integer(award.exact, plan.rounding)
        assert sum(line.base_minor for line in trace.lines) == trace.evaluation.base_minor


@some
@given(documents(), orders(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_tags_does_not_matter(document, order, chance) -> None:
    plan = parse_plan(document)
    lines = [replace(line, tags=tuple(reversed(line.tags))) for line in order.lines]
    chance.shuffle(lines)
    assert evaluate(plan, replace(order, lines=tuple(lines)), 0) == evaluate(plan, order, 0)


@some
@given(documents(), orders())
def test_a_line_split_in_two_pays_the_same(document, order) -> None:
    plan = parse_plan({**document, "base": "paid_amount"})
    line = order.lines[0]
    assume(line.quantity > 1 and line.paid_minor > 1)
    one = replace(line, quantity=1, paid_minor=1)
    rest = replace(line, line_id=99, quantity=line.quantity - 1, paid_minor=line.paid_minor - 1)
    assert evaluate(plan, replace(order, lines=(one, rest, *order.lines[1:])), 0) == evaluate(plan, order, 0)


@some
@given(documents(), orders(), st.integers(2, 9))
def test_pay_scales_with_prices(document, order, times) -> None:
    """Where nothing is rounded, cut or fixed, k times the prices is k times the commission, whatever the type."""
    parts = [
        {key: value for key, value in one.items() if not key.startswith("cap_per")}
        for one in document["components"]
        if one["type"] != "fixed"
    ]
    names = {one["name"] for one in parts}
    parts = [one for one in parts if one.get("of", one["name"]) in names]
    limits = {"base": "paid_amount", "max_payout_rate": "1", "cut": "pro_rata"}
    plan = parse_plan({**document, **limits, "components": parts})
    assume(worst_case(plan).rate <= 1)

    def sold(factor):
        # Rates have twelve decimals, halves of them thirteen, and a match of a match of them three times as many.
        lines = tuple(replace(line, paid_minor=line.paid_minor * 10**40 * factor) for line in order.lines)
        return amounts(evaluate(plan, replace(order, lines=lines, refunds=()), 0))

    assert sold(times) == {key: amount * times for key, amount in sold(1).items()}


@some
@given(documents(), orders())
def test_ids_are_only_names(document, order) -> None:
    """Other ids in the same order give the same amounts: 1 and 11 and 111 have nothing to do with each other."""
    plan = parse_plan(document)

    def renamed(party):
        return replace(party, distributor_id=party.distributor_id * 1000 + 1)

    other = replace(order, seller=renamed(order.seller), upline=tuple(renamed(one) for one in order.upline))
    expected = {
        (name, level, earner * 1000 + 1): x
        for (name, level, earner), x in amounts(evaluate(plan, order, 0)).items()
    }
    assert amounts(evaluate(plan, other, 0)) == expected


@many
@given(documents(), orders())
def test_the_worst_case_is_never_exceeded(document, order) -> None:
    plan = parse_plan(document)
    trace, worst = explain(plan, order, 0), worst_case(plan)
    exact = sum(award.exact for award in trace.awards())
    units = sum(line.units for line in trace.lines)
    slack: dict = {}
    for one in trace.components:
        # What is matched was rounded: up to half a minor unit more for each amount.
        of = one.component.params.rests_on()
        found = [each for each in trace.components if each.component.name == of]
        slack[one.component.name] = sum(
            sum(one.component.params.levels) * (slack[of] + Fraction(len(each.awards), 2)) for each in found
        )
    assert exact <= worst.rate * trace.evaluation.base_minor + worst.per_unit_minor * units + sum(
        slack.values()
    )


@some
@given(documents(), orders())
def test_nobody_is_paid_above_the_depth_that_the_law_is_told(document, order) -> None:
    plan = parse_plan(document)
    deepest = depths(plan)
    for award in evaluate(plan, order, 0).awards:
        assert deepest[award.component] is None or award.level <= deepest[award.component]


@some
@given(orders(), st.sampled_from(["0.055", "0.0055", "0.5", "0.005"]))
def test_what_is_paid_and_what_breaks_is_what_was_promised(order, rate) -> None:
    """One level, one rate: the award and the breakage together are the rate of the base, rounded."""
    trace = explain(made(unilevel([rate])), order, 0)
    traced = trace.components[0]
    parts = [*traced.awards, *traced.breakage]
    assert (
        sum(part.exact for part in parts) == traced.component.params.levels[0] * trace.evaluation.base_minor
    )
