"""Whole trees, deep and wide: the oracle agrees, and the laws that need more than one order hold."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import chances
import oracle
import pytest
from worlds import amounts

from fenxiao.engine.bounds import worst_case
from fenxiao.engine.evaluate import evaluate, steps
from fenxiao.engine.explain import explain, why_nothing
from fenxiao.engine.law import depths
from fenxiao.engine.plan import parse_plan

SHAPES = ("deep", "wide", "any")


def world(seed, size=70):
    """Chance, a tree with its people, and the chain of anybody in it."""
    chance = chances.seeded(seed)
    sponsors = chances.tree(chance, size, SHAPES[seed % 3])
    people = {number: chances.person(chance, number) for number in sponsors}
    return chance, sponsors, lambda number: [people[one] for one in chances.upline(sponsors, number)]


@pytest.mark.parametrize("seed", range(90))
def test_the_oracle_agrees_in_every_tree(seed) -> None:
    chance, sponsors, chain = world(seed)
    # In the deep tree the last stand some sixty places below the top.
    sellers = [max(sponsors), *chance.sample(sorted(sponsors), 2)]
    document = chances.document(chance)
    plan = parse_plan(document)
    assert plan.document() == document, "written out in full"
    for seller in sellers:
        plain = chances.order(chance, chain(seller))
        facts = chances.facts(plain)
        for refunds in range(len(plain["refunds"]) + 1):
            expected = oracle.awards(document, plain, refunds)
            assert amounts(evaluate(plan, facts, refunds)) == expected
        trace = explain(plan, facts, 0)
        assert trace.evaluation == evaluate(plan, facts, 0)
        for one in (facts.seller, *facts.upline):
            paid = any(award.distributor_id == one.distributor_id for award in trace.evaluation.awards)
            assert bool(why_nothing(trace, one.distributor_id)) != paid
        deepest = depths(plan)
        for award in trace.evaluation.awards:
            assert deepest[award.component] is None or award.level <= deepest[award.component]


@pytest.mark.parametrize("seed", range(400))
def test_the_oracle_agrees_in_short_chains(seed) -> None:
    chance = chances.seeded(10_000 + seed)
    document, plain = chances.document(chance), chances.order(chance, chances.people(chance))
    plan, facts = parse_plan(document), chances.facts(plain)
    found = [amounts(evaluate(plan, facts, refunds)) for refunds in range(len(plain["refunds"]) + 1)]
    assert found == [oracle.awards(document, plain, refunds) for refunds in range(len(plain["refunds"]) + 1)]


def test_chains_are_as_deep_and_as_wide_as_they_say() -> None:
    places = [max(len(chain(one)) for one in sponsors) for _, sponsors, chain in map(world, range(90))]
    assert max(places) > 60
    assert min(places) < 6
    kinds = {part["type"] for seed in range(90) for part in chances.document(world(seed)[0])["components"]}
    assert kinds == set(chances.PARAMETERS)


@pytest.mark.parametrize("seed", range(30))
def test_a_refund_of_the_rest_leaves_nothing(seed) -> None:
    chance, sponsors, chain = world(seed)
    plain = chances.order(chance, chain(max(sponsors)))
    left = oracle.left(plain, len(plain["refunds"]))
    plain["refunds"].append([(one["id"], one["quantity"], one["paid"]) for one in left])
    made = steps(parse_plan(chances.document(chance)), chances.facts(plain))
    booked: Counter = Counter()
    for step in made:
        for key in booked.keys() | step.target.keys():
            booked[key] += step.target.get(key, 0) - booked[key]
    assert not any(booked.values())


@pytest.mark.parametrize("seed", range(30))
def test_the_order_of_refunds_does_not_matter_to_where_they_lead(seed) -> None:
    chance, sponsors, chain = world(seed)
    plan, plain = parse_plan(chances.document(chance)), chances.order(chance, chain(max(sponsors)))
    line = plain["lines"][0]
    thirds = line["paid"] // 3
    plain["refunds"] = [
        [(line["id"], 0, thirds)],
        [(line["id"], line["quantity"], 0)],
        [(line["id"], 0, 1 if thirds else 0)],
    ]
    ends = set()
    for turned in (plain["refunds"], plain["refunds"][::-1], plain["refunds"][1:] + plain["refunds"][:1]):
        found = evaluate(plan, chances.facts({**plain, "refunds": turned}), 3)
        ends.add(found)
    assert len(ends) == 1


@pytest.mark.parametrize("seed", range(20))
def test_orders_do_not_know_of_each_other(seed) -> None:
    """In whatever order they are evaluated, with a plan used before or a fresh one: each order pays the same."""
    chance, sponsors, chain = world(seed, size=30)
    document = chances.document(chance)
    orders = [chances.facts(chances.order(chance, chain(one))) for one in sponsors]
    used = parse_plan(document)
    first = [evaluate(used, one, 0) for one in orders]
    shuffled = list(range(len(orders)))
    chance.shuffle(shuffled)
    again = {index: evaluate(used, orders[index], 0) for index in shuffled}
    assert [again[index] for index in range(len(orders))] == first
    assert [evaluate(parse_plan(document), one, 0) for one in orders] == first


@pytest.mark.parametrize("seed", range(20))
def test_cutting_off_a_subtree_changes_nobody_outside_its_chain(seed) -> None:
    chance, sponsors, chain = world(seed, size=40)
    plan = parse_plan(chances.document(chance))
    root = chance.randint(2, 40)
    lines = {one: chances.order(chance, chain(one)) for one in sponsors}

    def earned(sponsors):
        people = {one["id"]: one for number in sponsors for one in chain(number)}
        total: Counter = Counter()
        for seller, sold in lines.items():
            now = [people[one] for one in chances.upline(sponsors, seller)]
            facts = chances.facts({**sold, "seller": now[0], "upline": now[1:]})
            total.update(
                {(a.distributor_id, a.component): a.amount_minor for a in evaluate(plan, facts, 0).awards}
            )
        return total

    before, after = earned(dict(sponsors)), earned({**sponsors, root: None})
    above = set(chances.upline(sponsors, root)[1:])
    below = {one for one in sponsors if root in chances.upline(sponsors, one)}
    changed = {who for who, name in before.keys() | after.keys() if before[who, name] != after[who, name]}
    assert changed <= above | below
    # Whoever is cut off sells for the same people below the cut.
    facts = chances.facts(lines[root])
    alone = replace(facts, upline=())
    assert {a.distributor_id for a in evaluate(plan, alone, 0).awards} <= {root}


@pytest.mark.parametrize("seed", range(60))
def test_what_is_promised_is_paid_or_breakage(seed) -> None:
    """Types that promise a sum of rates pay it or say who lost it; differences add up to the best rate reached."""
    chance, sponsors, chain = world(seed)
    kind = chance.choice(["unilevel", "differential", "generation", "infinity"])
    part = chances.component(chance, kind, "x", [])
    part |= {"overrides": []}
    settings = {"max_payout_rate": "1.00", "base": "paid_amount", "components": [part]}
    plan = parse_plan({**chances.document(chance), **settings})
    facts = chances.facts(chances.order(chance, chain(max(sponsors))))
    trace = explain(plan, facts, 0)
    params, base, (traced,) = plan.components[0].params, trace.evaluation.base_minor, trace.components
    paid = sum((award.exact for award in traced.awards), Fraction(0))
    broken = sum((one.exact for one in traced.breakage), Fraction(0))
    if kind == "unilevel":
        assert paid + broken == (sum(params.levels) + params.self_rate) * base or params.compress
        assert paid + broken <= (sum(params.levels) + params.self_rate) * base
    elif kind == "generation":
        assert paid + broken == sum(params.rates) * base
    elif kind == "infinity":
        assert paid + broken == params.rate * base
    else:
        differences = [part for award in traced.awards for part in award.parts if part.note == "difference"]
        reached = [params.rates.get(one.grade, 0) for one in (facts.seller, *facts.upline)]
        assert sum(part.exact for part in differences) <= max(reached) * base
        assert traced.breakage == ()
    assert paid <= worst_case(plan).rate * base
