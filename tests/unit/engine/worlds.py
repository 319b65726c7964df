"""Plans and orders to try the engine on: built by hand for golden cases, at random for the laws."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import strategies as st

from fenxiao.engine.facts import LineFacts, OrderFacts, Party, RefundFacts, RefundLine
from fenxiao.engine.plan import parse_plan

A, B, C, D = 1, 2, 3, 4
CREATED = datetime(2026, 3, 1, 9, tzinfo=UTC)
PAID = CREATED + timedelta(hours=1)
COMPLETED = CREATED + timedelta(days=5)
LATER = COMPLETED + timedelta(days=3)


def plan(*components, **settings):
    return parse_plan({"name": "plan", "currency": "CNY", "components": components, **settings})


def unilevel(levels=("0.10", "0.05"), name="direct", **params):
    return {"type": "unilevel", "name": name, "levels": list(levels), **params}


def fixed(amounts, name="unit", **params):
    return {"type": "fixed", "name": name, "amounts": list(amounts), **params}


def differential(rates=None, name="grades", **params):
    rates = {"bronze": "0.02", "silver": "0.05", "gold": "0.09"} if rates is None else rates
    return {"type": "differential", "name": name, "rates": rates, **params}


def matching(levels=("0.10",), of="direct", name="match", **params):
    return {"type": "matching", "name": name, "of": of, "levels": list(levels), **params}


def generation(rates=("0.05", "0.03"), name="generations", **params):
    return {"type": "generation", "name": name, "rates": list(rates), "boundary_rank": 3, **params}


def breakaway(rates=None, name="stairs", **params):
    rates = {"bronze": "0.02", "silver": "0.05", "gold": "0.09"} if rates is None else rates
    return {"type": "breakaway", "name": name, "rates": rates, "breakaway_rank": 3, **params}


def infinity(rate="0.01", name="endless", **params):
    return {"type": "infinity", "name": name, "rate": rate, "min_rank": 3, **params}


RANKS = {None: None, "bronze": 1, "silver": 2, "gold": 3, "diamond": 4}


def party(distributor_id, active=True, grade=None, facts=None):
    return Party(distributor_id, grade, RANKS[grade], active, facts)


def graded(*grades, suspended=(), facts=None, refunds=(), lines=()):
    """An order of 500.00 in a chain of these grades, the seller first; ids count from 1 at the seller."""
    chain = [
        party(number, number not in suspended, grade, (facts or {}).get(number))
        for number, grade in enumerate(grades, 1)
    ]
    return order(*lines, refunds=refunds, people=chain)


def line(
    paid_minor=50000,
    *,
    line_id=1,
    product_id=7,
    quantity=10,
    category_path=(),
    tags=(),
    unit_list=None,
    unit_cost=None,
):
    return LineFacts(line_id, product_id, category_path, tags, quantity, paid_minor, unit_list, unit_cost)


def order(*lines, seller=D, upline=(C, B, A), people=None, suspended=(), refunds=(), **changes):
    """D's order of 500.00 with C, B, A above, unless told otherwise; completed."""
    if people:
        seller, *upline = people
    facts = OrderFacts(
        order_id=1001,
        currency="CNY",
        seller=_someone(seller, suspended),
        upline=tuple(_someone(one, suspended) for one in upline),
        lines=lines or (line(),),
        refunds=tuple(refunds),
        created_at=CREATED,
        paid_at=PAID,
        completed_at=COMPLETED,
    )
    return replace(facts, **changes)


def _someone(who, suspended):
    return who if isinstance(who, Party) else party(who, who not in suspended)


def refund(*taken, seq=1, at=LATER):
    """A refund of (line id, quantity, amount) each."""
    return RefundFacts(seq, at, tuple(RefundLine(*one) for one in taken))


def amounts(evaluation):
    return {award.key: award.amount_minor for award in evaluation.awards}


def plain(facts):
    """The order as the oracle wants it."""
    return {
        "seller": _plain_party(facts.seller),
        "upline": [_plain_party(one) for one in facts.upline],
        "lines": [
            {
                "id": one.line_id,
                "product": one.product_id,
                "categories": one.category_path,
                "tags": one.tags,
                "quantity": one.quantity,
                "paid": one.paid_minor,
                "list": one.unit_list_minor,
                "cost": one.unit_cost_minor,
            }
            for one in facts.lines
        ],
        "refunds": [
            [(one.line_id, one.quantity, one.amount_minor) for one in each.lines] for each in facts.refunds
        ],
    }


def _plain_party(one):
    return {
        "id": one.distributor_id,
        "grade": one.grade,
        "rank": one.rank,
        "active": one.active,
        "facts": one.facts,
    }


# At random. Numbers are small and names few, so that overrides, ties and caps meet often; ids contain each other.

IDS = (1, 11, 111, 12, 112, 21, 2, 1112)
PRODUCTS = (1, 11, 111)
CATEGORIES = (1, 11, 12)
TAGS = ("热", "热销", "食品")
rates = st.sampled_from(["0", "0.01", "0.055", "0.10", "0.3333", "0.5", "1", "0.000000000001"])
some_amounts = st.sampled_from(["0", "0.01", "0.55", "1.00", "3.33"])
matches = st.one_of(
    st.sampled_from(PRODUCTS).map(lambda value: {"product_id": value}),
    st.sampled_from(CATEGORIES).map(lambda value: {"category_id": value}),
    st.sampled_from(TAGS).map(lambda value: {"tag": value}),
)


places = st.integers(0, 4)
ranks = st.integers(1, 5)
rate_lists = st.lists(rates, max_size=4)
rate_tables = st.dictionaries(st.sampled_from([*RANKS][1:]), rates, max_size=4)

# What an override may name, what it may not, and what a component must have.
NAMED = {
    "unilevel": {"levels": rate_lists, "self_rate": rates, "compress": st.booleans()},
    "fixed": {
        "amounts": st.lists(some_amounts, max_size=4),
        "self_amount": some_amounts,
        "compress": st.booleans(),
    },
    "differential": {
        "rates": rate_tables,
        "same_grade_rate": rates,
        "same_grade_depth": st.integers(0, 3),
        "depth": places,
    },
    "matching": {},
    "generation": {"rates": rate_lists},
    "breakaway": {"rates": rate_tables, "generation_rates": rate_lists},
    "infinity": {"rate": rates},
}
OWN = {
    "matching": {"levels": rate_lists, "compress": st.booleans()},
    "generation": {
        "boundary_rank": ranks,
        "empty_generations": st.booleans(),
        "ineligible_boundary": st.booleans(),
        "seller_boundary": st.booleans(),
        "depth": places,
    },
    "breakaway": {
        "breakaway_rank": ranks,
        "ineligible_boundary": st.booleans(),
        "breakaway_volume": st.sampled_from(["excluded", "included"]),
        "depth": places,
    },
    "infinity": {
        "min_rank": ranks,
        "beyond": places,
        "next_leader": st.sampled_from(["blocked", "shared"]),
    },
}
REQUIRED = {
    "levels", "amounts", "rate", "boundary_rank", "breakaway_rank", "min_rank"
}  # fmt: skip
WINDOWS = (7, 30)
comparisons = st.one_of(
    st.fixed_dictionaries(
        {"field": st.just("rank"), "op": st.sampled_from(["at_least", "at_most"]), "value": ranks}
    ),
    st.fixed_dictionaries({"field": st.just("active"), "within_days": st.sampled_from(WINDOWS)}),
    st.fixed_dictionaries(
        {"field": st.just("paid_orders"), "value": st.integers(0, 2)},
        optional={"within_days": st.sampled_from(WINDOWS), "op": st.sampled_from(["at_least", "at_most"])},
    ),
    st.fixed_dictionaries(
        {"field": st.just("personal_sales"), "value": st.sampled_from(["0", "0.55", "10.00"])},
        optional={"within_days": st.sampled_from(WINDOWS)},
    ),
    st.fixed_dictionaries({"field": st.just("days_registered"), "value": st.sampled_from([0, 30])}),
)
conditions = st.recursive(
    comparisons,
    lambda below: st.one_of(
        st.lists(below, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(below, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        below.map(lambda part: {"not": part}),
    ),
    max_leaves=4,
)
facts_of_one = st.fixed_dictionaries(
    {
        **{
            f"{field}/{days}": st.sampled_from([0, 1, 55, 1000])
            for field in ("personal_sales",)
            for days in WINDOWS
        },
        **{f"paid_orders/{days}": st.integers(0, 2) for days in WINDOWS},
        "paid_orders": st.integers(0, 2),
        "personal_sales": st.sampled_from([0, 54, 55, 1000]),
        "days_registered": st.sampled_from([0, 29, 30]),
    }
)


@st.composite
def components(draw, name, earlier):
    kinds = [kind for kind in NAMED if kind != "matching" or earlier]
    kind = draw(st.sampled_from(kinds))
    named, own = NAMED[kind], OWN.get(kind, {})
    must = {field for field in (*named, *own) if field in REQUIRED}
    must |= {"rates"} & set(named)
    component = draw(
        st.fixed_dictionaries(
            {field: way for field, way in {**named, **own}.items() if field in must},
            optional={field: way for field, way in {**named, **own}.items() if field not in must},
        )
    )
    if kind == "matching":
        component["of"] = draw(st.sampled_from(earlier))
    component |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "cap_per_order": st.sampled_from(["0", "0.07", "1.00", "20.00"]),
                "cap_per_entry": st.sampled_from(["0", "0.05", "0.50", "10.00"]),
                "when": conditions,
            },
        )
    )
    if named:
        overrides = draw(st.lists(matches, max_size=4, unique_by=str))
        component["overrides"] = [
            {"match": match, **draw(st.fixed_dictionaries({}, optional=named))} for match in overrides
        ]
    return {"type": kind, "name": name, **component}


@st.composite
def documents(draw):
    names = draw(st.lists(st.sampled_from(["z", "a", "直推", "m"]), max_size=3, unique=True))
    return {
        "name": "random",
        "currency": "CNY",
        "accrue_on": draw(st.sampled_from(["paid", "completed"])),
        "rounding": draw(st.sampled_from(["half_up", "down"])),
        "base": draw(st.sampled_from(["paid_amount", "profit", "list_price"])),
        "max_payout_rate": draw(st.sampled_from(["1", "0.5", "0.12", "0.033", "0"])),
        "cut": draw(st.sampled_from(["pro_rata", "pro_rata", "priority", "hard_stop"])),
        "unclaimed": draw(st.sampled_from(["breakage", "roll_up"])),
        "components": [draw(components(name, names[:place])) for place, name in enumerate(names)],
    }


lines = st.builds(
    LineFacts,
    line_id=st.just(0),
    product_id=st.sampled_from(PRODUCTS),
    category_path=st.lists(st.sampled_from(CATEGORIES), max_size=3, unique=True).map(tuple),
    tags=st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(tuple),
    quantity=st.integers(1, 5),
    paid_minor=st.one_of(st.integers(0, 40), st.integers(0, 100_000)),
    unit_list_minor=st.one_of(st.none(), st.integers(0, 3000)),
    unit_cost_minor=st.one_of(st.none(), st.integers(0, 3000)),
)


@st.composite
def orders(draw, whole_refund=False):
    """An order with up to four refunds by quantity or by amount; with `whole_refund` they add up to all of it."""
    found = draw(st.lists(lines, min_size=1, max_size=5))
    found = [replace(one, line_id=number) for number, one in enumerate(found, 1)]
    people = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=6, unique=True))
    grades, facts = st.sampled_from([*RANKS]), draw(st.lists(facts_of_one, min_size=1, max_size=2))
    parties = [
        party(one, draw(st.integers(0, 3)) > 0, draw(grades), draw(st.sampled_from(facts))) for one in people
    ]
    left = {one.line_id: (one.quantity, one.paid_minor) for one in found}
    refunds = []
    for seq in range(1, draw(st.integers(0, 4)) + 1):
        taken = draw(st.sampled_from([_by_quantity, _by_amount]))(draw, left)
        refunds.append((seq, taken))
    if whole_refund:
        refunds.append(
            (len(refunds) + 1, _take(left, {line_id: both for line_id, both in left.items() if any(both)}))
        )
    start = draw(st.sampled_from([PAID, COMPLETED - timedelta(hours=2)]))
    return OrderFacts(
        order_id=1,
        currency="CNY",
        seller=parties[0],
        upline=tuple(parties[1:]),
        lines=tuple(found),
        refunds=tuple(refund(*taken, seq=seq, at=start + timedelta(hours=seq)) for seq, taken in refunds),
        created_at=CREATED,
        paid_at=PAID,
        completed_at=COMPLETED,
    )


def _take(left, taken):
    for line_id, (quantity, amount) in taken.items():
        units, paid = left[line_id]
        left[line_id] = (units - quantity, paid - amount)
    return [(line_id, quantity, amount) for line_id, (quantity, amount) in taken.items()]


def _by_quantity(draw, left):
    """A refund of q of n units left takes paid-left × q ÷ n, half up."""
    line_id = draw(st.sampled_from(sorted(left)))
    units, paid = left[line_id]
    quantity = draw(st.integers(0, units))
    amount = int((Decimal(paid) * quantity / units).quantize(Decimal(1), ROUND_HALF_UP)) if units else 0
    return _take(left, {line_id: (quantity, amount)})


def _by_amount(draw, left):
    return _take(left, {line_id: (0, draw(st.integers(0, paid))) for line_id, (_, paid) in left.items()})
