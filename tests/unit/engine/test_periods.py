"""What pays when a period closes: the oracle agrees in every world, and the laws hold."""

import time
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import chances
import chances_periods as worlds
import closes
import oracle_periods as oracle
import pytest

from fenxiao.engine.ceilings import corrections
from fenxiao.engine.close import evaluate_period
from fenxiao.engine.close_trace import explain_period, render_period, why_nothing_for
from fenxiao.engine.components.kind import PeriodCase
from fenxiao.engine.plan import parse_plan
from fenxiao.engine.trees import Trees

SHAPES = ("deep", "wide", "any")


def found(outcome):
    carries = sorted((c.component, c.distributor_id, c.leg, c.age, c.amount_minor) for c in outcome.carries)
    return dict(outcome.target()), carries


def random(seed, size, kinds=tuple(worlds.PARAMETERS)):
    """Chance, a document, and a world for it."""
    chance = chances.seeded(seed)
    document = worlds.document(chance, kinds)
    return chance, document, worlds.world(chance, document, size, SHAPES[seed % 3])


@pytest.mark.parametrize("seed", range(300))
def test_the_oracle_agrees(seed) -> None:
    # The deep trees of 70 have chains of sixty.
    chance, document, world = random(seed, (1, 4, 9, 25)[seed % 4] if seed % 20 else 70)
    plan, facts = parse_plan(document), worlds.facts(world)
    outcome = evaluate_period(plan, facts)
    paid, carries, flushed = oracle.close(document, world)
    assert found(outcome) == (paid, carries)
    assert {one.component: one.amount_minor for one in outcome.unpaid if one.why == "flushed"} == {
        name: volume for name, volume in flushed.items() if volume
    }
    assert plan.document() == document, "written out in full"
    shuffled = list(facts.members)
    chance.shuffle(shuffled)
    again = replace(facts, members=tuple(shuffled), carries=facts.carries[::-1])
    assert evaluate_period(plan, again) == outcome, "the order of members says nothing"
    places = {component.name: index for index, component in enumerate(plan.components)}
    keys = [(places[one.component], one.level, one.distributor_id) for one in outcome.awards]
    assert keys == sorted(set(keys)), "in canonical order, no place twice"


def test_worlds_are_deep_and_wide_and_everything_happens_in_them() -> None:
    paid, deepest = set(), 0
    for seed in range(300):
        _, document, world = random(seed, (1, 4, 9, 25)[seed % 4] if seed % 20 else 70)
        types = {one["name"]: one["type"] for one in document["components"]}
        paid |= {(types[name], min(level, 2)) for name, level, _ in oracle.close(document, world)[0]}
        upward = [len(oracle.above(world["members"], one, "sponsor")) for one in world["members"]]
        deepest = max(deepest, *upward)
    assert paid == {("pool", 0), ("binary", 0), ("matrix", 1), ("matrix", 2)} | {
        *(("stairstep", level) for level in (0, 1, 2)),
        *(("periodmatch", level) for level in (1, 2)),
    }
    assert deepest > 60


@pytest.mark.parametrize("seed", range(40))
def test_an_explanation_arrives_at_the_amount_or_at_a_reason(seed) -> None:
    _, document, world = random(seed, 9)
    plan, facts = parse_plan(document), worlds.facts(world)
    outcome = evaluate_period(plan, facts)
    for number in [*world["members"], 10**6]:
        trace = explain_period(plan, facts, number)
        assert trace.outcome == outcome
        told = {(one.component.name, one.level): one.amount_minor for one in trace.awards if one.amount_minor}
        assert told == {
            (one.component, one.level): one.amount_minor
            for one in outcome.awards
            if one.distributor_id == number
        }
        assert bool(why_nothing_for(trace)) != bool(told)
        for award in trace.awards:
            if not award.component.period_kind.divided:
                assert abs(award.exact - award.rounded_minor) < 1
        for language in ("en", "zh"):
            sentences = render_period(trace, language)
            assert sentences
            assert not any("{" in one for one in sentences)


# Laws


def closed(plan, facts):
    """The exact amounts of the only component."""
    (component,) = plan.components
    carries: dict = {}
    for one in sorted(facts.carries, key=lambda one: -one.age):
        carries.setdefault(one.distributor_id, []).append(one)
    case = PeriodCase(
        facts.sales_minor, Trees(facts.members), carries, plan.rounding, plan.unclaimed == "roll_up"
    )
    return component, component.period_kind.close(component, case, None)


def alone(seed, kind, size=25):
    _, document, world = random(seed, size, (kind,))
    document["components"] = [{**document["components"][0], "period": "month"}]
    return document, world


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_lost_and_nothing_made(seed) -> None:
    document, world = alone(seed, "pool")
    component, earned = closed(parse_plan(document), worlds.facts(world))
    whole = oracle.oracle.to_integer(component.params.rate * world["sales"], document["rounding"])
    assert sum(earned.exact.values()) + sum(earned.unpaid.values()) == whole

    document, world = alone(seed, "matrix")
    component, earned = closed(parse_plan(document), worlds.facts(world))
    sold = sum(one["personal"] for one in world["members"].values())
    everything = sum(component.params.levels, Fraction(0)) * sold
    assert sum(earned.exact.values()) + sum(earned.unpaid.values()) == everything

    is_shared_out(seed)
    document, world = alone(seed, "stairstep")
    component, earned = closed(parse_plan(document), worlds.facts(world))
    assert sum(earned.exact.values()) <= component.kind.bound(component, {}).rate * sold_by(world)
    document, world = alone(seed, "binary")
    component, earned = closed(parse_plan(document), worlds.facts(world))
    assert all(one.amount_minor > 0 for one in earned.carries)
    assert earned.flushed >= 0


def is_shared_out(seed):
    """Whatever a component paid, all levels of a match of it go to somebody or to nobody."""
    chance, document, world = random(seed, 25)
    made = worlds.matching(chance, document["components"][0], "all of it")
    plan, facts = parse_plan({**document, "components": [*document["components"], made]}), worlds.facts(world)
    amounts = {
        place: chance.randint(0, 999) for place in enumerate(chance.sample(sorted(world["members"]), 9))
    }
    case = PeriodCase(0, Trees(facts.members), {}, "down", plan.unclaimed == "roll_up", {made["of"]: amounts})
    component = plan.components[-1]
    earned = component.period_kind.close(component, case, None)
    everything = sum(component.params.levels, Fraction(0)) * sum(amounts.values())
    assert sum(earned.exact.values()) + sum(earned.unpaid.values()) == everything


def sold_by(world):
    return sum(one["personal"] for one in world["members"].values())


@pytest.mark.parametrize("seed", range(20))
def test_scaling_prices_scales_pay(seed) -> None:
    """Sales and every amount of the plan ten times as high pay ten times as much."""
    for kind in ("binary", "matrix", "stairstep"):
        document, world = alone(seed, kind)
        for name in ("qualify", "cap_per_entry", "cap_per_period"):
            document["components"][0].pop(name, None)
        # Two to one leaves an odd cent unmatched.
        document["components"][0] |= {"ratio": "1:1"} if kind == "binary" else {}
        tenfold = {**document, "components": [ten_times(document["components"][0])]}
        higher = {**world, "carries": [(*one[:4], 10 * one[4]) for one in world["carries"]]}
        higher["members"] = {
            number: {**one, "personal": 10 * one["personal"]} for number, one in world["members"].items()
        }
        (_, earned), (_, more) = (
            closed(parse_plan(document), worlds.facts(world)),
            closed(parse_plan(tenfold), worlds.facts(higher)),
        )
        assert more.exact == {place: 10 * amount for place, amount in earned.exact.items()}
        assert more.flushed == 10 * earned.flushed


def ten_times(component):
    amounts = ("volume", "pair_volume", "amount_per_pair", "carry_cap", "breakaway_at")
    found = {
        name: f"{10 * Decimal(value)}" if name in amounts else value for name, value in component.items()
    }
    if "steps" in component:
        found["steps"] = [ten_times(step) for step in component["steps"]]
    return found


@pytest.mark.parametrize("seed", range(40))
def test_sales_of_a_subtree_concern_nobody_outside_its_chain(seed) -> None:
    for kind, tree in (("binary", "parent"), ("matrix", "parent"), ("stairstep", "sponsor")):
        document, world = alone(seed, kind)
        members = world["members"]
        top = chances.seeded(seed).choice(sorted(members))
        upward = {one: [who for who, _ in oracle.above(members, one, tree)] for one in members}
        inside = {one for one in members if top == one or top in upward[one]}
        silent = {
            number: {**one, "personal": 0} if number in inside else one for number, one in members.items()
        }
        concerned = inside | set(upward[top])
        (before, after) = (
            evaluate_period(parse_plan(document), worlds.facts({**world, "members": one})).target()
            for one in (members, silent)
        )
        outside = [
            {key: amount for key, amount in one.items() if key[2] not in concerned} for one in (before, after)
        ]
        assert outside[0] == outside[1]


def test_a_hundred_thousand_members_close_in_seconds() -> None:
    """One root with all the others below him, placed in a full tree of two legs; and a chain of as many."""
    size = 100_000
    plan = closes.plan(closes.pool(), closes.binary(), closes.matrix(["0.01"] * 2), closes.stairstep())
    started = time.process_time()
    wide = closes.facts(
        *(
            closes.placed(n, 1, under=n // 2 or None, position=1 + n % 2, sponsor_id=1 if n > 1 else None)
            for n in range(1, size + 1)
        )
    )
    outcome = evaluate_period(plan, wide)
    root = {award.component: award.amount_minor for award in outcome.awards if award.distributor_id == 1}
    assert root["pool"] == 2 * size // size
    # The lowest level is not full, so the right leg of the root is the weaker one.
    assert root["pairs"] == 10 * 34_464
    chain = closes.facts(
        *(closes.placed(n, 1, under=n - 1 or None, sponsor_id=n - 1 or None) for n in range(1, 5001))
    )
    assert len(evaluate_period(plan, chain).awards) > 5000
    assert time.process_time() - started < 30


# Ceilings


@pytest.mark.parametrize("seed", range(150))
def test_the_oracle_agrees_on_what_is_taken_back(seed) -> None:
    chance = chances.seeded(seed)
    document = worlds.capped(chance)
    plan, accrued, sales = parse_plan(document), worlds.accrued(chance, document), chance.randint(0, 9000)
    given = dict(chance.sample(list(accrued.items()), len(accrued)))
    taken: dict = {}
    for one in corrections(plan, given, sales):
        assert one.amount_minor < 0
        taken[one.key] = taken.get(one.key, 0) + one.amount_minor
    assert taken == oracle.taken_back(document, accrued, sales)


def test_a_cap_of_one_earner_and_the_ratio_of_the_company() -> None:
    direct = {"type": "unilevel", "name": "direct", "levels": ["0.1", "0.1"], "cap_per_period": "10.00"}
    plan = closes.plan(direct, closes.pool(cap_per_period="1.00"), max_payout_rate_per_period="0.2")
    accrued = {("direct", 1, 5): 900, ("direct", 2, 5): 600, ("direct", 1, 6): 1000, ("pool", 0, 5): 400}
    told = [(one.key, one.amount_minor, one.why) for one in corrections(plan, accrued, 10_000)]
    assert told == [
        (("direct", 1, 5), -300, "cap_per_period"),
        (("direct", 2, 5), -200, "cap_per_period"),
        # 600 + 1000 + 400 + 400 is 2400 of 2000 allowed.
        (("direct", 1, 5), -100, "max_payout_rate_per_period"),
        (("direct", 1, 6), -166, "max_payout_rate_per_period"),
        (("direct", 2, 5), -67, "max_payout_rate_per_period"),
        (("pool", 0, 5), -67, "max_payout_rate_per_period"),
    ]
    assert corrections(plan, accrued, 12_000) == corrections(plan, accrued, 99_999)
    stop = closes.plan(direct, max_payout_rate_per_period="1", cut="hard_stop")
    first = {("direct", 1, 5): 1100, ("direct", 2, 5): 600}
    assert [one.amount_minor for one in corrections(stop, first, 9000)] == [-1100, -600]
    # Nothing sold, as after refunds of everything: nothing is kept; what came to 0 is no correction.
    nothing = {("direct", 1, 5): 0, ("direct", 2, 5): 6}
    assert [(one.key, one.amount_minor) for one in corrections(stop, nothing, 0)] == [(("direct", 2, 5), -6)]


@pytest.mark.parametrize(
    ("accrued", "sales"), [({("direct", 1, 5): -1}, 9), ({("other", 1, 5): 1}, 9), ({}, -1)]
)
def test_what_cannot_have_accrued_is_an_error(accrued, sales) -> None:
    direct = {"type": "unilevel", "name": "direct", "levels": ["0.1"]}
    with pytest.raises(ValueError, match="accrued"):
        corrections(closes.plan(direct), accrued, sales)
