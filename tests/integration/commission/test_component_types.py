"""Every component type from the plan to the settlement over HTTP, by the worked examples of docs/plans.md.

D sells 500.00; above D stand C, B, A, Z and Y, so D is place 0 and Y place 5. After the sale 200.00 are refunded, which
leaves three fifths of every amount.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.conftest import LAWLESS
from tests.integration.commission.test_cases import DONE, UNILEVEL, Shop

from fenxiao.engine.components import KINDS

Login = Callable[[str, str], Awaitable[dict[str, str]]]
RANKS = {"bronze": 1, "silver": 2, "gold": 3}
RATES = {"bronze": "0.02", "silver": "0.05", "gold": "0.09"}


@pytest.fixture
def settings() -> Mapping[str, object]:
    return LAWLESS


@pytest_asyncio.fixture
async def shop(
    system: Any, client: httpx.AsyncClient, login: Login, admin: dict[str, str]
) -> AsyncIterator[Shop]:
    shop = Shop(system, client, login, admin, people="YZABCD")
    await shop.open()
    for grade, rank in RANKS.items():
        await shop.call("POST", "/api/grades", {"grade": grade, "rank": rank}, want=201)
    yield shop
    await shop.verified()


@dataclass(frozen=True)
class Example:
    """A plan, the grades from the seller up, what the sale earns and what the refund takes back.

    `told` stands in one of the explanations, in English and in Chinese.
    """

    name: str
    components: tuple[dict[str, Any], ...]
    earned: Mapping[str, list[str]]
    returned: Mapping[str, list[str]]
    told: tuple[str, str]
    grades: tuple[str, ...] = ()
    suspended: str = ""
    units: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


LEADERS = ("bronze", "silver", "gold", "bronze", "gold", "gold")
GENERATION = {"type": "generation", "name": "leaders", "rates": ["0.05", "0.03"], "boundary_rank": 3}
INFINITY = {"type": "infinity", "name": "endless", "rate": "0.01", "min_rank": 3}
EXAMPLES = [
    Example(
        "unilevel",
        (UNILEVEL,),
        {"C": ["50.00"], "B": ["25.00"]},
        {"C": ["-20.00"], "B": ["-10.00"]},
        ("500.00 × 10 % = 50.00", "500.00 × 10% = 50.00"),
    ),
    Example(
        "fixed",
        ({"type": "fixed", "name": "bonus", "amounts": ["1.50", "0.25"]},),
        {"C": ["15.00"], "B": ["2.50"]},
        {"C": ["-4.50"], "B": ["-0.75"]},
        ("10 units × 1.50 = 15.00", "10 件 × 1.50 = 15.00"),
        units=3,
    ),
    Example(  # worked case 3
        "differential",
        ({"type": "differential", "name": "grades", "rates": RATES, "same_grade_rate": "0.01"},),
        {"D": ["10.00"], "C": ["5.00"], "B": ["15.00"], "A": ["20.00"]},
        {"D": ["-4.00"], "C": ["-2.00"], "B": ["-6.00"], "A": ["-8.00"]},
        ("500.00 × 2 % = 10.00", "500.00 × 2% = 10.00"),
        grades=("bronze", "bronze", "silver", "gold"),
    ),
    Example(
        "differential, one suspended",
        ({"type": "differential", "name": "grades", "rates": RATES, "same_grade_rate": "0.01"},),
        {"D": ["10.00"], "B": ["35.00"]},
        {"D": ["-4.00"], "B": ["-14.00"]},
        ("500.00 × 2 % = 10.00", "500.00 × 2% = 10.00"),
        grades=("bronze", "silver", "gold"),
        suspended="C",
    ),
    Example(  # worked case 7
        "matching",
        (UNILEVEL, {"type": "matching", "name": "match", "of": "direct", "levels": ["0.10"]}),
        {"C": ["50.00"], "B": ["25.00", "5.00"], "A": ["2.50"]},
        {"C": ["-20.00"], "B": ["-10.00", "-2.00"], "A": ["-1.00"]},
        ("earned by component direct = 2.50", "由组件 direct 所得 25.00 的 10% = 2.50"),
    ),
    Example(
        "generation",
        (GENERATION,),
        {"B": ["25.00"], "Z": ["15.00"]},
        {"B": ["-10.00"], "Z": ["-6.00"]},
        ("Generation 1: 500.00 × 5 % = 25.00", "第 1 代：500.00 × 5% = 25.00"),
        grades=LEADERS,
    ),
    Example(
        "generation, what a suspended leader does not earn rolls up",
        ({**GENERATION, "ineligible_boundary": True},),
        {"A": ["40.00"]},
        {"A": ["-16.00"]},
        ("Generation 2: 500.00 × 3 % = 15.00", "第 2 代：500.00 × 3% = 15.00"),
        grades=("bronze", "gold", "silver", "gold"),
        suspended="C",
        settings={"unclaimed": "roll_up"},
    ),
    Example(
        "breakaway",
        (
            {
                "type": "breakaway",
                "name": "stairs",
                "rates": RATES,
                "breakaway_rank": 3,
                "generation_rates": ["0.04", "0.02"],
            },
        ),
        {"D": ["10.00"], "C": ["15.00"], "B": ["20.00"], "Z": ["20.00"], "Y": ["10.00"]},
        {"D": ["-4.00"], "C": ["-6.00"], "B": ["-8.00"], "Z": ["-8.00"], "Y": ["-4.00"]},
        ("500.00 × 2 % = 10.00", "500.00 × 2% = 10.00"),
        grades=LEADERS,
    ),
    Example(
        "infinity",
        (INFINITY,),
        {"C": ["5.00"]},
        {"C": ["-2.00"]},
        ("500.00 × 1 % = 5.00", "500.00 × 1% = 5.00"),
        grades=("bronze", "gold", "silver", "gold"),
    ),
    Example(
        "infinity, shared",
        ({**INFINITY, "next_leader": "shared"},),
        {"C": ["2.50"], "A": ["2.50"]},
        {"C": ["-1.00"], "A": ["-1.00"]},
        ("Shared between two: 500.00 × 0.5 % = 2.50", "两人平分：500.00 × 0.5% = 2.50"),
        grades=("bronze", "gold", "silver", "gold"),
    ),
    Example(  # C 50.00, B 25.00 become 30.00 and 25.00 by the cap, and of 40.00 only C's fit whole
        "a condition on rank, a cap per entry and a hard stop",
        ({**UNILEVEL, "when": {"field": "rank", "value": 2}, "cap_per_entry": "30.00"},),
        {"C": ["30.00"]},
        # Of 300.00 they are 30.00 and 15.00, and at most 24.00: not even C's fit.
        {"C": ["-30.00"]},
        ("the rank of the grade at least 2", "等级序号不低于 2"),
        grades=("bronze", "silver", "gold"),
        settings={"cut": "hard_stop", "max_payout_rate": "0.08"},
    ),
]


def test_every_type_has_an_example() -> None:
    used = {component["type"] for example in EXAMPLES for component in example.components}
    # What pays by period has its scenes in test_periods.py.
    assert used == {name for name, kind in KINDS.items() if kind.scope == "order"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
async def test_from_the_plan_to_the_settlement(shop: Shop, example: Example) -> None:
    everyone = shop.people[::-1]
    for name, grade in zip(everyone, example.grades, strict=False):
        await shop.call("PUT", f"/api/distributors/{shop.chain[name]}/grade", {"grade": grade})
    for name in example.suspended:
        await shop.call("POST", f"/api/distributors/{shop.chain[name]}/suspend", {})
    await shop.system.drain()
    rule_id = await shop.publish(*example.components, **example.settings)

    order = await shop.sell(*DONE)
    nothing: dict[str, list[str]] = {name: [] for name in everyone}
    assert await shop.amounts() == nothing | example.earned
    await explained(shop, order, example)

    line = {"line_id": order["lines"][0]["line_id"], "quantity": example.units}
    await shop.refund(order, {"lines": [line]} if example.units else {"amount": 200})
    both = {name: [*amounts, *example.returned[name]] for name, amounts in example.earned.items()}
    assert await shop.amounts() == nothing | both
    await explained(shop, order, example)

    await shop.later(days=1)
    run = await shop.call("POST", "/api/settlements", {}, want=202)
    await shop.system.drain()
    assert (await shop.call("GET", f"/api/settlements/{run['settlement_id']}"))["status"] == "done"
    for name, amounts in both.items():
        account = await shop.account(name)
        assert (minor(account["pending"]), minor(account["available"])) == (0, sum(map(minor, amounts)))
        assert {entry["status"] for entry in account["items"]} <= {"released"}
    await explained(shop, order, example)
    await simulated(shop, rule_id, {name: sum(map(minor, amounts)) for name, amounts in both.items()})


async def simulated(shop: Shop, rule_id: int, book: Mapping[str, int]) -> None:
    """The plan in effect, tried on what was sold, gives everybody what he has."""
    span = {"from": "2026-01-01T00:00:00Z", "to": shop.system.clock.now.isoformat()}
    made = await shop.call("POST", "/api/simulations", {"rule_id": rule_id, **span}, want=202)
    await shop.system.drain()
    path = f"/api/simulations/{made['simulation_id']}"
    found = await shop.call("GET", path)
    assert found["status"] == "done"
    totals = found["outcome"]["totals"]
    assert minor(totals["would"]) == minor(totals["was"]) == sum(book.values())
    people = (await shop.call("GET", f"{path}/distributors"))["items"]
    would = {one["distributor_id"]: minor(one["would"]) for one in people if minor(one["would"])}
    assert would == {shop.chain[name]: amount for name, amount in book.items() if amount}
    assert {one["difference"] for one in people} == {"0.00"}


async def explained(shop: Shop, order: dict[str, Any], example: Example) -> None:
    """Every explanation arrives at what is booked, and everybody hears what he got from the order or why nothing."""
    texts: dict[str, list[str]] = {"en": [], "zh": []}
    for name, distributor_id in shop.chain.items():
        entries = (await shop.account(name))["items"]
        why = f"/api/commission/{distributor_id}/explanation?order_id={order['order_id']}"
        for language, told in texts.items():
            reader = {"Accept-Language": language}
            booked: Counter[tuple[str, int]] = Counter()
            for entry in reversed(entries):
                booked[entry["component"], entry["level"]] += minor(entry["commission_amount"])
                path = f"/api/commission/entries/{entry['commission_id']}/explanation"
                one = await shop.call("GET", path, **reader)
                assert minor(one["after"]) - minor(one["before"]) == minor(entry["commission_amount"])
                assert minor(one["after"]) == booked[entry["component"], entry["level"]]
                assert one["commission_amount"] == entry["commission_amount"]
                assert (one["component"], one["level"]) == (entry["component"], entry["level"])
                told.append(one["text"])
            answer = await shop.call("GET", why, **reader)
            assert minor(answer["amount"]) == sum(minor(entry["commission_amount"]) for entry in entries)
            assert bool(answer["reasons"]) == (not minor(answer["amount"]))
            assert answer["text"]
    for sentence, told in zip(example.told, texts.values(), strict=True):
        assert any(sentence in text for text in told), (sentence, told)
    assert [text for text in texts["zh"] if "You " in text or " % " in text] == []


def minor(amount: str) -> int:
    return int(amount.replace(".", ""))
