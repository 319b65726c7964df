"""What an author is told before publishing: the worst case by example, rules that never apply, types of a period."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import chances
import closes
import pytest
from closes import binary, matrix, pool, stairstep
from worlds import breakaway, differential, fixed, generation, infinity, matching, plan, unilevel

from fenxiao.engine.bounds import warnings, worst_case
from fenxiao.engine.conditions import reach
from fenxiao.engine.evaluate import evaluate
from fenxiao.engine.idle import idle
from fenxiao.engine.law import LawProfile, check, default_profile, depths, notes
from fenxiao.engine.names import Known, Named, named, unknown
from fenxiao.engine.plan import parse_plan
from fenxiao.engine.witness import example, told

CHINA = default_profile("CN", date(2026, 11, 22))
ANYWHERE = default_profile("none", date(2026, 11, 22))


@pytest.mark.parametrize(
    ("component", "rate", "endless", "depth"),
    [
        (pool("0.02"), "0.02", False, 0),
        (matrix(["0.05", "0.03", "0"]), "0.08", False, 2),
        (matrix(["0", "0"]), "0", False, 0),
        (matrix([]), "0", False, 0),
        (stairstep(), "0.19", False, None),
        (stairstep([("1", "0.3"), ("2", "0.1")], generation_rates=["0.04", "0.01"]), "0.35", False, None),
        (stairstep(breakaway_at=None), "0.15", False, None),
        (stairstep([("1", "0")], generation_rates=[]), "0", False, 0),
        ({**stairstep(), "steps": []}, "0.04", False, None),
        (binary("0.1"), "0", True, None),
        (binary("0"), "0", False, 0),
        (binary(None, pair_volume="1", amount_per_pair="1"), "0", True, None),
        (binary(None, pair_volume="1", amount_per_pair="0"), "0", False, 0),
    ],
)
def test_worst_case_and_depth_of_the_types_of_a_period(component, rate, endless, depth) -> None:
    made = closes.plan(component)
    bound = worst_case(made)
    assert (bound.rate, bound.per_unit_minor, bound.endless) == (Fraction(rate), 0, endless)
    assert list(depths(made).values()) == [depth]
    assert worst_case(made, "order") == worst_case(closes.plan())
    assert worst_case(made, "period") == bound


def test_worst_case_and_depth_of_a_share_of_what_a_period_paid() -> None:
    def of(component, levels):
        made = closes.plan(component, closes.matched(levels, component["name"]))
        bound = component_bound(made)
        assert bound.per_unit_minor == 0
        return bound.rate, bound.endless, depths(made)["match"]

    assert of(pool("0.02"), ["0.5", "0.1"]) == (Fraction("0.012"), False, 2)
    assert of(matrix(["0.05", "0.03"]), ["0", "0.5", "0"]) == (Fraction("0.04"), False, 4)
    assert of(stairstep(), ["0.1"]) == (Fraction("0.019"), False, None)
    assert of(binary(), ["0.1"]) == (0, True, None)
    assert of(binary(), ["0"]) == (0, False, 0)
    made = closes.plan(binary(), closes.matched(["0.1"], "pairs"), closes.matched(["0"], "pairs", "none"))
    endless = [one.params["component"] for one in warnings(made) if one.code == "no-company-ratio"]
    assert endless == ["pairs", "match"]
    # Under CN as far above the sale as what it rests on, and its own levels on top.
    assert check(closes.plan(pool(), closes.matched(["0.1", "0.1"])), CHINA) == ()
    (finding,) = check(closes.plan(pool(), closes.matched(["0.1"] * 3)), CHINA)
    assert (finding.code, finding.params["component"]) == ("too-many-upline-levels", "match")
    top = closes.matched(["0.1"], "match", "top")
    (finding,) = check(closes.plan(pool(), closes.matched(), top), CHINA)
    assert (finding.params["component"], finding.params["levels"]) == ("top", 3)


def component_bound(made):
    bounds: dict = {}
    for component in made.components:
        bounds[component.name] = component.kind.bound(component, bounds)
    return bounds["match"]


def test_under_cn_only_the_pool_of_them_is_lawful() -> None:
    for component in (binary("0"), matrix(["0.1"]), stairstep()):
        for profile in (CHINA, LawProfile("CN", 9)):
            (finding,) = check(closes.plan(component), profile)
            assert finding.code == "type-off"
            assert component["type"] in finding.text("en")
            assert "停用" in finding.text("zh")
        assert check(closes.plan(component), ANYWHERE) == ()
    assert "tree" in check(closes.plan(binary()), CHINA)[0].text("en")
    assert check(closes.plan(pool(), unilevel()), CHINA) == ()
    assert notes(closes.plan(pool(share_by="personal_sales")), CHINA) == ()
    team = closes.plan(pool(share_by="team_sales"), unilevel())
    assert [note.code for note in notes(team, CHINA)] == ["no-safe-harbour", "team-pool"]
    assert "团队" in notes(team, CHINA)[1].text("zh")
    assert notes(team, ANYWHERE) == ()
    asked = closes.plan(pool(qualify={"not": {"field": "period_team_sales", "value": "1"}}))
    assert [note.code for note in notes(asked, CHINA)] == ["team-condition"]
    assert "团队" in notes(asked, CHINA)[0].text("zh")


@pytest.mark.parametrize(
    ("components", "settings", "codes"),
    [
        ([pool()], {}, []),
        ([unilevel(), pool("0.9")], {}, ["no-company-ratio"]),
        ([unilevel(), pool("0.9")], {"max_payout_rate_per_period": "0.5"}, []),
        ([binary()], {}, ["no-company-ratio"]),
        ([binary()], {"max_payout_rate_per_period": "0.5"}, []),
        ([unilevel(), pool("0.9")], {"max_payout_rate": "0.15"}, ["no-company-ratio"]),
        ([unilevel(["1"]), pool()], {}, ["no-company-ratio"]),
    ],
)
def test_a_period_that_nothing_bounds_is_a_warning(components, settings, codes) -> None:
    found = warnings(closes.plan(*components, **settings))
    assert [one.code for one in found] == codes
    assert not any("{" in one.text(language) for one in found for language in ("en", "zh"))


# The worst case by example


@pytest.mark.parametrize(
    "components",
    [
        [unilevel(self_rate="0.02")],
        [unilevel(overrides=[{"match": {"product_id": 7}, "levels": ["0.5"]}])],
        [unilevel(overrides=[{"match": {"category_id": 7}, "levels": ["0.3", "0.4"]}])],
        [unilevel(when={"field": "rank", "value": 9}, cap_per_order="1", cap_per_entry="1")],
        [unilevel(), fixed(["1.50", "0.25"], self_amount="1")],
        [unilevel(), matching(["0.5", "0.5"])],
        [differential(same_grade_rate="0.01", same_grade_depth=4)],
        [differential(same_grade_rate="0.01")],
        [generation()],
        [breakaway(generation_rates=["0.04", "0.02"])],
        [infinity(overrides=[{"match": {"tag": "a"}, "rate": "0.02"}])],
        [unilevel(["0.6"]), unilevel(["0.7"], name="b")],
    ],
)
def test_an_example_comes_to_the_worst_case(components) -> None:
    made = plan(*components)
    found, worst = example(made), worst_case(made)
    assert found is not None
    assert found.total_minor == worst.rate * found.base_minor + worst.per_unit_minor


@pytest.mark.parametrize("seed", range(60))
def test_no_example_is_above_the_worst_case(seed) -> None:
    made = parse_plan(chances.document(chances.seeded(seed)))
    found, worst = example(made), worst_case(made)
    if found is not None:
        most = worst.rate * found.base_minor + worst.per_unit_minor
        assert found.total_minor <= most + Fraction(len(found.amounts), 2)


def test_an_example_has_no_cost() -> None:
    assert example(plan(unilevel(["1"]), base="profit")).total_minor == 100_00


def test_the_chain_of_an_example_ends_with_the_last_who_is_paid() -> None:
    assert example(plan(unilevel())).chain == (None, None, None)
    assert example(plan(unilevel(["0", "0.1", "0"]))).chain == (None, None, None)
    assert example(plan(unilevel(["0"]))).chain == (None,)


@pytest.mark.parametrize(
    ("components", "match", "total"),
    [
        # A product with every tag; one tag without the others, which would take something away elsewhere.
        (
            [
                unilevel(["0.1"], overrides=[{"match": {"product_id": 7}, "levels": ["0.2"]}]),
                unilevel(["0.1"], "b", overrides=[{"match": {"tag": "x"}, "levels": ["0.3"]}]),
            ],
            {"product_id": 7, "tags": ("x",)},
            50_00,
        ),
        (
            [
                unilevel(["0.3"], overrides=[{"match": {"tag": "y"}, "levels": []}]),
                unilevel(["0"], "b", overrides=[{"match": {"tag": "x"}, "levels": ["0.4"]}]),
            ],
            {"tags": ("x",)},
            70_00,
        ),
        (
            [unilevel(["0.1"], overrides=[{"match": {"product_id": 1}, "levels": ["0.2"]}])],
            {"product_id": 1},
            20_00,
        ),
        # Two of each grade within the depth; five of each; a leader at the top alone; the seller himself a leader.
        ([differential({"a": "0.1", "b": "0.2"}, same_grade_rate="0.05", depth=3)], {}, 30_00),
        (
            [differential({"a": "0.1", "b": "0.2"}, same_grade_rate="0.01", same_grade_depth=4, depth=9)],
            {},
            28_00,
        ),
        ([breakaway({"a": "0.1", "b": "0.2", "c": "0.3"}, generation_rates=["0.05"], depth=3)], {}, 35_00),
        ([generation(["0.1"], seller_boundary=True, depth=0)], {}, 10_00),
        (
            [
                differential({"a": "0.1", "b": "0.2"}),
                generation(["0.1"], seller_boundary=True, depth=0),
            ],
            {},
            30_00,
        ),
        # The grades climb by the highest rate that any component has for them.
        (
            [differential({"a": "0.1", "b": "0.02"}, depth=0), differential({"b": "0.3"}, name="more")],
            {},
            40_00,
        ),
    ],
)
def test_the_example_finds_what_pays_most(components, match, total) -> None:
    made = plan(*components)
    found = example(made)
    assert (found.match, found.total_minor) == (match, total)
    assert worst_case(made).rate >= Fraction(total, 100_00)


def test_the_example_is_told_with_its_chain_and_amounts() -> None:
    made = plan(
        differential(overrides=[{"match": {"product_id": 7}, "rates": {"gold": "0.5"}}]),
        max_payout_rate="0.1",
    )
    worst, shown = warnings(made)
    assert worst.code == "worst-case-above-limit"
    assert shown.text("en") == (
        "For example a sale of 100.00 CNY (special terms: product_id 7; grades from the seller up: bronze, silver, gold) "
        "comes to 50.00, by component and level: grades 2: 50.00."
    )
    assert "product_id 7" in shown.text("zh")
    assert told(plan()) == told(closes.plan(pool())) == ()
    assert told(plan(unilevel(["0"]))) == ()


# Rules that never apply

RANK = {"field": "rank", "value": 5}
TAG = {"match": {"tag": "x"}}


@pytest.mark.parametrize(
    ("component", "codes"),
    [
        (unilevel(), []),
        (unilevel(["0", "0"]), ["pays-nothing"]),
        (pool("0"), ["pays-nothing"]),
        (binary("0"), ["pays-nothing"]),
        (unilevel(cap_per_order="0"), ["cap-zero"]),
        (unilevel(cap_per_entry="5", cap_per_order="5"), ["cap-never"]),
        (unilevel(cap_per_entry="5", cap_per_order="0.01"), ["cap-never"]),
        (unilevel(cap_per_entry="5", cap_per_order="5.01", cap_per_period="4"), ["cap-never"]),
        (unilevel(cap_per_entry="5", cap_per_order="6"), []),
        (unilevel(when={"all": [RANK, {"not": RANK}]}), ["condition-never"]),
        (unilevel(when={"any": [RANK, {"not": RANK}]}), ["condition-always"]),
        (pool(qualify={"field": "personal_sales", "value": "0"}), ["condition-always"]),
        (unilevel(when=RANK), []),
        (unilevel(overrides=[{**TAG, "levels": ["0.10", "0.05"]}]), ["override-idle"]),
        (unilevel(overrides=[TAG]), ["override-idle"]),
        (unilevel(overrides=[{**TAG, "levels": ["0.1"]}]), []),
        # It keeps the tag's terms away from the product, so it does something.
        (unilevel(overrides=[{"match": {"product_id": 7}}, {**TAG, "levels": ["0.5"]}]), []),
        (
            unilevel(
                overrides=[{"match": {"product_id": 7}}, {"match": {"category_id": 3}, "levels": ["0.5"]}]
            ),
            [],
        ),
        (
            unilevel(
                overrides=[{"match": {"product_id": 7}}, {"match": {"product_id": 8}, "levels": ["0.5"]}]
            ),
            ["override-idle"],
        ),
        (generation(depth=1), ["rates-beyond"]),
        (generation(depth=1, seller_boundary=True), []),
        (generation(depth=2), []),
        (breakaway(generation_rates=["0.1"], depth=0), ["rates-beyond"]),
        (differential(same_grade_rate="0.1", same_grade_depth=0), ["field-idle"]),
        (differential(same_grade_depth=2), ["field-idle"]),
        (differential(same_grade_depth=0), []),
        (differential(same_grade_rate="0.1"), []),
        (differential(), []),
        (stairstep(breakaway_at=None), ["field-idle"]),
        (stairstep([("1", "0.2"), ("2", "0.2"), ("3", "0.3")]), ["step-falls"]),
        (binary(None, pair_volume="1", amount_per_pair="1", max_pairs=0), ["cap-zero"]),
        (binary(beyond_max_pairs="carry"), ["field-idle"]),
        (binary(carry="none", carry_cap="5", carry_periods=2), ["field-idle", "field-idle"]),
        (binary(carry="none", carry_cap="5", unqualified="keep"), []),
    ],
)
def test_what_never_applies_is_told(component, codes) -> None:
    made = closes.plan(component, max_payout_rate_per_period="1")
    found = idle(made)
    assert [one.code for one in found] == codes
    assert list(found) == [one for one in warnings(made) if one.code in codes]
    # Stored with its defaults written out it is told nothing else.
    assert idle(parse_plan(made.document())) == found
    for one in found:
        assert one.params["component"] == component["name"]
        assert not any("{" in one.text(language) for language in ("en", "zh"))


def test_grades_that_nobody_has_are_told_where_the_grades_are_known() -> None:
    grades = {"bronze": 1, "silver": 2}
    made = plan(
        differential({"gold": "0.1", "silver": "0.01", "bronze": "0.02"}), generation(), infinity(when=RANK)
    )
    assert [(one.code, one.params["component"]) for one in idle(made, grades)] == [
        ("grade-unknown", "grades"),
        ("rate-falls", "grades"),
        ("rank-unreached", "generations"),
        ("rank-unreached", "endless"),
        ("rank-unreached", "endless"),
    ]
    assert idle(made) == ()
    assert idle(made, {"bronze": 1, "silver": 2, "gold": 5})[0].code == "rate-falls"
    # Where there is no grade at all every rank is out of reach, and equal rates do not fall.
    level = plan(differential({"gold": "0.1", "silver": "0.1"}), infinity(min_rank=1), unilevel())
    found = idle(level, {})
    assert [(one.code, *one.params.values()) for one in found] == [
        ("grade-unknown", "grades", "gold"),
        ("grade-unknown", "grades", "silver"),
        ("rank-unreached", "endless", 1, 0),
    ]
    assert idle(level, {"silver": 1, "gold": 2}) == ()


def test_a_rank_is_reached_by_the_highest_grade_and_asked_for_by_rank_alone() -> None:
    everything = {
        "all": [RANK, {"field": "rank", "op": "at_most", "value": 9}, {"field": "paid_orders", "value": 9}]
    }
    made = plan(infinity(min_rank=3, when=everything))
    reached = RANK["value"]
    assert idle(made, {"bronze": 1, "gold": max(3, reached)}) == ()
    found = idle(made, {"bronze": 1, "gold": reached - 1})
    assert reached in [one.params["rank"] for one in found]
    assert {one.params["highest"] for one in found} == {reached - 1}


def test_a_step_that_does_not_rise_is_told_by_its_place() -> None:
    (found,) = idle(
        closes.plan(stairstep([("1", "0.2"), ("2", "0.3"), ("3", "0.1")]), max_payout_rate_per_period="1")
    )
    assert (found.code, found.params["step"]) == ("step-falls", 3)


def test_names_of_nothing_that_is_there_are_told_wherever_a_plan_uses_them() -> None:
    reward = {"type": "sales_target", "name": "target", "tiers": [{"threshold": "1", "grade": "gold"}]}
    terms = [
        {"match": {"tag": "热销"}, "rates": {"gold": "0.1", "silver": "0.2"}},
        {"match": {"tag": "新品"}, "rates": {"gold": "0.3", "iron": "0.4"}},
        {"match": {"product_id": 7}, "same_grade_rate": "0.5"},
        {"match": {"category_id": 3}, "same_grade_rate": "0.5"},
    ]
    made = plan(differential({"bronze": "0.1"}, overrides=terms), unilevel(), rewards=[reward])
    assert named(made) == Named(product_ids=(7,), category_ids=(3,), tags=("新品", "热销"))
    # A product that is not there at all is refused, not warned of.
    found = list(unknown(made, Known(grades={"silver": 1}, tags=("新品",))))
    assert [(one.code, *one.params.values()) for one in found] == [
        ("tag-unknown", "grades", "热销"),
        ("grade-unknown", "grades", "gold"),
        ("grade-unknown", "grades", "iron"),
        ("grade-unknown", "target", "gold"),
    ]
    assert not any("{" in one.text(language) for one in found for language in ("en", "zh"))
    # The component's own rates are told by `idle`, once.
    assert [one.params["grade"] for one in idle(made, {"silver": 1})] == ["bronze"]
    everything = Known(
        grades={"bronze": 1, "silver": 2, "gold": 3, "iron": 4}, products={7: "GBP"}, tags=("新品", "热销")
    )
    (other,) = unknown(made, everything)
    values = {"component": "grades", "product_id": 7, "sold_in": "GBP", "currency": "CNY"}
    assert (other.code, other.params) == ("product-currency", values)
    assert list(unknown(made, replace(everything, products={7: "CNY"}))) == []


def test_a_currency_that_there_is_not_is_told() -> None:
    assert [list(unknown(plan(currency=one), Known())) for one in ("CNY", "JPY", "GBP")] == [[], [], []]
    (found,) = unknown(plan(currency="CNX"), Known())
    assert (found.code, found.text("zh")) == (
        "currency-unknown",
        "CNX 不是 ISO 4217 规定的货币；其金额按两位小数读取。",
    )


SALES, ORDERS = "personal_sales", "paid_orders"


def sold(value, days=None, op="at_least", field=SALES):
    window = {} if days is None else {"within_days": days}
    return {"field": field, "op": op, "value": value, **window}


@pytest.mark.parametrize(
    ("condition", "never", "always"),
    [
        ({"all": [sold("5"), sold("4.99", op="at_most")]}, True, False),
        ({"all": [sold("5"), sold("5", op="at_most")]}, False, False),
        ({"all": [sold("5", 7), sold("4.99", 30, op="at_most")]}, True, False),
        ({"all": [sold("5", 30), sold("4.99", 7, op="at_most")]}, False, False),
        ({"all": [sold("5", 7), sold("4.99", op="at_most")]}, True, False),
        ({"all": [sold(1, 7, field=ORDERS), sold("0", op="at_most")]}, False, False),
        ({"all": [{"field": "active", "within_days": 7}, sold(0, 7, "at_most", ORDERS)]}, True, False),
        ({"all": [sold("5", 7), sold("5", 30, op="at_most")]}, False, False),
        ({"all": [{"not": sold(5, field=ORDERS)}, sold(4, field=ORDERS)]}, False, False),
        (
            {"all": [{"not": sold(5, None, "at_most", ORDERS)}, sold(6, None, "at_most", ORDERS)]},
            False,
            False,
        ),
        ({"all": [{"field": "rank", "value": 1}, sold("5"), sold("4", op="at_most")]}, True, False),
        ({"any": [sold("5"), {"not": sold("6")}]}, False, True),
        ({"not": {"any": [sold("5"), sold("5", op="at_most")]}}, True, False),
        ({"not": {"all": [sold("5"), sold("4", op="at_most")]}}, False, True),
        ({"field": "days_registered", "value": 0}, False, True),
        ({"field": "rank", "op": "at_most", "value": 3}, False, False),
        (
            {"all": [{"any": [sold(str(n)), {"field": "rank", "value": n + 1}]} for n in range(1, 16)]},
            False,
            False,
        ),
    ],
)
def test_whether_anybody_can_meet_or_fail_a_condition(condition, never, always) -> None:
    (component,) = plan(unilevel(when=condition)).components
    assert component.when is not None
    assert (reach.never(component.when), reach.always(component.when)) == (never, always)


@pytest.mark.parametrize("seed", range(150))
def test_nobody_meets_what_is_said_to_be_out_of_reach(seed) -> None:
    chance = chances.seeded(seed)
    (component,) = plan(unilevel(when=chances.condition(chance))).components
    condition = component.when
    assert condition is not None
    people = [chances.facts(chances.order(chance, [chances.person(chance, 1)])).seller for _ in range(15)]
    # A shorter window has no more than a longer one.
    met = {condition.met(one) for one in people if sensible(one.facts)}
    assert not (reach.never(condition) and True in met)
    assert not (reach.always(condition) and False in met)


def sensible(facts):
    return all(facts[f"{name}/7"] <= facts[f"{name}/30"] <= facts[name] for name in (SALES, ORDERS))


def test_findings_change_nothing_of_what_is_paid() -> None:
    from worlds import order

    made = plan(unilevel(cap_per_entry="5", cap_per_order="5"))
    before = evaluate(made, order(), 0)
    warnings(made)
    assert evaluate(made, order(), 0) == before
