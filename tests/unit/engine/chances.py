"""Plans and orders by plain seeded chance, as many as one likes: written out in full, the way the oracle reads them.

It imports nothing of the system until `facts` is called, so that faults can be seeded into the engine first.
"""

from datetime import UTC, datetime, timedelta
from random import Random

PAID = datetime(2026, 3, 1, 10, tzinfo=UTC)
COMPLETED = PAID + timedelta(days=5)
GRADES = {None: None, "铜": 1, "银": 2, "金": 3, "金钻": 4}
NAMED = [grade for grade in GRADES if grade]
RATES = ("0.00", "0.01", "0.055", "0.10", "0.3333", "0.50", "0.000000000001", "0.499999999999")
AMOUNTS = ("0.00", "0.01", "0.55", "1.00", "3.33")
WINDOWS = (7, 30, None)
FACTS = ("paid_orders", "personal_sales")
TAGS = ("热", "热销", "食品")
MATCHES = [("product_id", 1), ("product_id", 11), ("category_id", 1), ("category_id", 12)]
MATCHES += [("tag", tag) for tag in TAGS]


def rates(chance, most=4):
    return [chance.choice(RATES) for _ in range(chance.randint(0, most))]


def table(chance):
    return {grade: chance.choice(RATES) for grade in NAMED if chance.random() < 0.8}


def flag(chance):
    return chance.random() < 0.5


def rank(chance):
    return chance.randint(1, 4)


def depth(chance):
    return chance.choice([None, None, 0, 1, 2, 5])


def amounts(chance):
    return [chance.choice(AMOUNTS) for _ in range(chance.randint(0, 4))]


PARAMETERS = {
    "unilevel": {"levels": rates, "self_rate": lambda c: c.choice(RATES), "compress": flag},
    "fixed": {"amounts": amounts, "self_amount": lambda c: c.choice(AMOUNTS), "compress": flag},
    "differential": {
        "rates": table,
        "same_grade_rate": lambda c: c.choice(RATES),
        "same_grade_depth": lambda c: c.randint(0, 3),
        "depth": depth,
    },
    "matching": {"levels": rates, "compress": flag},
    "generation": {
        "rates": rates,
        "boundary_rank": rank,
        "empty_generations": flag,
        "ineligible_boundary": flag,
        "seller_boundary": flag,
        "depth": depth,
    },
    "breakaway": {
        "rates": table,
        "breakaway_rank": rank,
        "generation_rates": rates,
        "ineligible_boundary": flag,
        "breakaway_volume": lambda c: c.choice(["excluded", "included"]),
        "depth": depth,
    },
    "infinity": {
        "rate": lambda c: c.choice(RATES),
        "min_rank": rank,
        "beyond": lambda c: c.randint(0, 3),
        "next_leader": lambda c: c.choice(["blocked", "shared"]),
    },
}
OVERRIDABLE = {
    "unilevel": ("levels", "self_rate", "compress"),
    "fixed": ("amounts", "self_amount", "compress"),
    "differential": ("rates", "same_grade_rate", "same_grade_depth", "depth"),
    "generation": ("rates",),
    "breakaway": ("rates", "generation_rates"),
    "infinity": ("rate",),
}


def condition(chance, nested=2):
    word = chance.choice(["all", "any", "not", "rank", "rank", "active", *FACTS, "days_registered"])
    op = chance.choice(["at_least", "at_most"])
    if word in {"all", "any"} and nested:
        return {word: [condition(chance, nested - 1) for _ in range(chance.randint(1, 3))]}
    if word == "not" and nested:
        return {"not": condition(chance, nested - 1)}
    if word == "active":
        return {"field": "active", "within_days": chance.choice([7, 30])}
    if word in FACTS:
        value = chance.randint(0, 2) if word == "paid_orders" else chance.choice(["0.00", "0.55", "10.00"])
        windowed = {"field": word, "within_days": chance.choice(WINDOWS), "op": op, "value": value}
        return {key: found for key, found in windowed.items() if found is not None}
    if word == "days_registered":
        return {"field": word, "op": op, "value": chance.choice([0, 30])}
    return {"field": "rank", "op": op, "value": rank(chance)}


def without_nothing(parameters):
    return {name: value for name, value in parameters.items() if value is not None}


def matched(chance):
    """What overrides are for; sometimes tags alone, so that they meet on a line."""
    if chance.random() < 0.3:
        return [("tag", tag) for tag in chance.sample(TAGS, 2)]
    return chance.sample(MATCHES, chance.choice([0, 0, 1, 3]))


def component(chance, kind, name, earlier):
    ways = PARAMETERS[kind]
    found = {"type": kind, "name": name, **{field: way(chance) for field, way in ways.items()}}
    if kind == "matching":
        found["of"] = chance.choice(earlier)
    else:
        found["overrides"] = [
            {
                "match": {what: which},
                **without_nothing(
                    {field: ways[field](chance) for field in OVERRIDABLE[kind] if chance.random() < 0.6}
                ),
            }
            for what, which in matched(chance)
        ]
    if chance.random() < 0.15:
        found["cap_per_order"] = chance.choice(["0.00", "0.07", "1.00", "20.00"])
    if chance.random() < 0.15:
        found["cap_per_entry"] = chance.choice(["0.05", "0.50", "10.00"])
    if chance.random() < 0.35:
        found["when"] = condition(chance)
    return without_nothing(found)


def document(chance, kinds=tuple(PARAMETERS)):
    parts = []
    for name in chance.sample(["z", "a", "直推", "m"], chance.choice([1, 1, 2, 3])):
        usable = [kind for kind in kinds if kind != "matching" or parts]
        parts.append(component(chance, chance.choice(usable), name, [part["name"] for part in parts]))
    return {
        "name": "random",
        "currency": "CNY",
        "accrue_on": chance.choice(["paid", "completed"]),
        "hold_days": 0,
        "rounding": chance.choice(["half_up", "down"]),
        "base": chance.choice(["paid_amount", "paid_amount", "profit", "list_price"]),
        "max_payout_rate": chance.choice(["1.00", "1.00", "0.50", "0.12", "0.033", "0.00"]),
        "cut": chance.choice(["pro_rata", "priority", "hard_stop"]),
        "unclaimed": chance.choice(["breakage", "roll_up"]),
        "components": parts,
        "rewards": [],
    }


def person(chance, number, grades=tuple(GRADES)):
    grade = chance.choice(grades)
    facts = {field if days is None else f"{field}/{days}": 0 for field in FACTS for days in WINDOWS}
    for name in facts:
        facts[name] = chance.choice([0, 54, 55, 1000]) if "sales" in name else chance.randint(0, 2)
    facts["days_registered"] = chance.choice([0, 29, 30])
    return {
        "id": number,
        "grade": grade,
        "rank": GRADES[grade],
        "active": chance.random() < 0.8,
        "facts": facts,
    }


def line(chance, number):
    return {
        "id": number,
        "product": chance.choice([1, 11, 111]),
        "categories": tuple(chance.sample([1, 11, 12], chance.randint(0, 2))),
        "tags": tuple(chance.sample(TAGS, chance.choice([0, 1, 3]))),
        "quantity": chance.randint(1, 5),
        "paid": chance.choice([0, 1, chance.randint(0, 40), chance.randint(0, 100_000)]),
        "list": chance.choice([None, chance.randint(0, 3000)]),
        "cost": chance.choice([None, chance.randint(0, 3000)]),
    }


def refunds(chance, lines):
    """Up to three refunds: of units with their share of the amount, or of an amount."""
    left = {one["id"]: [one["quantity"], one["paid"]] for one in lines}
    found = []
    for _ in range(chance.choice([0, 0, 1, 3])):
        taken = []
        for number in chance.sample(sorted(left), chance.randint(1, len(left))):
            units, paid = left[number]
            quantity = chance.randint(0, units) if flag(chance) else 0
            amount = (2 * paid * quantity + units) // (2 * units) if quantity else chance.randint(0, paid)
            left[number] = [units - quantity, paid - amount]
            taken.append((number, quantity, amount))
        found.append(taken)
    return found


def order(chance, chain):
    """An order of the first of the chain."""
    lines = [line(chance, number) for number in range(1, chance.randint(1, 4) + 1)]
    return {"seller": chain[0], "upline": chain[1:], "lines": lines, "refunds": refunds(chance, lines)}


def people(chance, most=7):
    """A chain of people whose ids contain each other; sometimes of few grades, so that the same meet."""
    ids = chance.sample([1, 11, 111, 12, 112, 21, 2, 1112], chance.randint(1, most))
    grades = chance.choice([(*GRADES,), (*GRADES,), ("银", "金"), ("金", "金", "金钻", None)])
    return [person(chance, number, grades) for number in ids]


def tree(chance, size, shape):
    """{id: sponsor's id or None}: `deep` is nearly one chain, `wide` mostly first generation, else in between."""
    sponsors = {1: None}
    for number in range(2, size + 1):
        nearest = {"deep": number - 1, "wide": 1, "any": chance.randint(1, number - 1)}[shape]
        sponsors[number] = nearest if chance.random() < 0.97 else chance.randint(1, number - 1)
    return sponsors


def upline(sponsors, number):
    """The ids from someone to the top."""
    found = [number]
    while sponsors[found[-1]] is not None:
        found.append(sponsors[found[-1]])
    return found


def seeded(seed):
    return Random(seed)


def facts(plain):
    """The order as the engine wants it."""
    from fenxiao.engine.facts import LineFacts, OrderFacts, Party, RefundFacts, RefundLine

    def party(one):
        return Party(one["id"], one["grade"], one["rank"], one["active"], one["facts"])

    return OrderFacts(
        order_id=1,
        currency="CNY",
        seller=party(plain["seller"]),
        upline=tuple(map(party, plain["upline"])),
        lines=tuple(
            LineFacts(
                one["id"],
                one["product"],
                one["categories"],
                one["tags"],
                one["quantity"],
                one["paid"],
                one["list"],
                one["cost"],
            )
            for one in plain["lines"]
        ),
        refunds=tuple(
            RefundFacts(seq, COMPLETED + timedelta(hours=seq), tuple(RefundLine(*one) for one in taken))
            for seq, taken in enumerate(plain["refunds"], 1)
        ),
        created_at=PAID,
        paid_at=PAID,
        completed_at=COMPLETED,
    )
