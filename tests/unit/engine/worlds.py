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


def party(distributor_id, active=True):
    return Party(distributor_id, None, None, active)


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


def order(*lines, seller=D, upline=(C, B, A), suspended=(), refunds=(), **changes):
    """D's order of 500.00 with C, B, A above, unless told otherwise; completed."""
    facts = OrderFacts(
        order_id=1001,
        currency="CNY",
        seller=party(seller, seller not in suspended),
        upline=tuple(party(one, one not in suspended) for one in upline),
        lines=lines or (line(),),
        refunds=tuple(refunds),
        created_at=CREATED,
        paid_at=PAID,
        completed_at=COMPLETED,
    )
    return replace(facts, **changes)


def refund(*taken, seq=1, at=LATER):
    """A refund of (line id, quantity, amount) each."""
    return RefundFacts(seq, at, tuple(RefundLine(*one) for one in taken))


def amounts(evaluation):
    return {award.key: award.amount_minor for award in evaluation.awards}


def plain(facts):
    """The order as the oracle wants it."""
    return {
        "seller": {"id": facts.seller.distributor_id, "active": facts.seller.active},
        "upline": [{"id": one.distributor_id, "active": one.active} for one in facts.upline],
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


def _parameters(kind):
    if kind == "unilevel":
        return {"levels": st.lists(rates, max_size=4), "self_rate": rates, "compress": st.booleans()}
    return {
        "amounts": st.lists(some_amounts, max_size=4),
        "self_amount": some_amounts,
        "compress": st.booleans(),
    }


@st.composite
def components(draw, name):
    kind = draw(st.sampled_from(["unilevel", "fixed"]))
    parameters = _parameters(kind)
    component = draw(
        st.fixed_dictionaries(
            {field: parameters[field] for field in ("levels", "amounts") if field in parameters}
        )
    )
    component |= draw(st.fixed_dictionaries({}, optional=parameters))
    component |= draw(
        st.fixed_dictionaries({}, optional={"cap_per_order": st.sampled_from(["0", "0.07", "1.00", "20.00"])})
    )
    overrides = draw(st.lists(matches, max_size=4, unique_by=str))
    component["overrides"] = [
        {"match": match, **draw(st.fixed_dictionaries({}, optional=parameters))} for match in overrides
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
        "components": [draw(components(name)) for name in names],
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
    parties = [party(one, draw(st.integers(0, 3)) > 0) for one in people]
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
