"""Plans and worlds of periods by plain seeded chance, written out the way `oracle_periods` reads them.

It imports nothing of the system until `facts` is called, so that faults can be seeded into the engine first.
"""

from datetime import UTC, datetime

import chances

KINDS = ("day", "week", "month", "quarter")
VOLUMES = ("0.00", "0.01", "0.07", "1.00", "5.55", "20.00", "300.00")


def some(way):
    """Often nothing."""
    return lambda chance: way(chance) if chance.random() < 0.5 else None


def one_of(*values):
    return lambda chance: chance.choice(values)


def volume(chance):
    return chance.choice(VOLUMES)


def rate(chance):
    return chance.choice(chances.RATES)


def steps(chance):
    from_ = sorted(chance.sample(VOLUMES, chance.randint(0, 4)), key=float)
    return [{"volume": one, "rate": rate(chance)} for one in from_]


PARAMETERS = {
    "pool": {"rate": rate, "share_by": one_of("equal", "personal_sales", "team_sales")},
    "binary": {
        "ratio": one_of("1:1", "2:1"),
        "carry": one_of("both", "both", "stronger", "none"),
        "carry_cap": some(volume),
        "carry_periods": some(lambda chance: chance.randint(1, 3)),
        "unqualified": one_of("flush", "keep"),
        "beyond_max_pairs": one_of("flush", "carry"),
    },
    "matrix": {
        "width": lambda chance: chance.randint(1, 3),
        "levels": chances.rates,
        "compress": chances.flag,
    },
    "stairstep": {
        "steps": steps,
        "breakaway_at": some(volume),
        "generation_rates": chances.rates,
        "breakaway_volume": one_of("excluded", "included"),
    },
}


def sold(chance):
    field, op = (
        chance.choice(["period_personal_sales", "period_team_sales"]),
        chance.choice(["at_least", "at_most"]),
    )
    return {"any": [chances.condition(chance), {"field": field, "op": op, "value": volume(chance)}]}


def component(chance, kind, name):
    found = {"type": kind, "name": name, "period": chance.choice([*["month"] * 6, *KINDS])}
    found |= {field: way(chance) for field, way in PARAMETERS.get(kind, {}).items()}
    if kind == "binary" and chances.flag(chance):
        found["rate"] = rate(chance)
    elif kind == "binary":
        found |= {"pair_volume": chance.choice(VOLUMES[1:5]), "amount_per_pair": volume(chance)}
        found["max_pairs"] = chance.choice([None, 0, 1, 3])
    found["qualify"] = chance.choice([None, None, chances.condition(chance), sold(chance)])
    found["cap_per_entry"] = chance.choice([None, None, "0.05", "2.00"])
    found["cap_per_period"] = chance.choice([None, None, "0.07", "3.00"])
    return chances.without_nothing(found)


def document(chance, kinds=tuple(PARAMETERS)):
    names = chance.sample(["a", "z", "分红"], chance.randint(1, 3))
    found = [component(chance, chance.choice(kinds), name) for name in names]
    for number in range(chance.choice([0, 0, 1, 2])):
        found.append(matching(chance, chance.choice(found), f"match {number}"))
    return {**chances.document(chance), "components": found}


def matching(chance, of, name):
    """One that pays on what another pays for the same period, which may be a matching one itself."""
    levels = {"levels": chances.rates(chance), "compress": chances.flag(chance)}
    made = component(chance, None, name)
    return {**made, "type": "periodmatch", "period": of["period"], "of": of["name"], **levels}


def members(chance, size, shape):
    """Everyone of a sponsor tree, placed so that some spill over and some stand beyond a second leg."""
    sponsors = chances.tree(chance, size, shape)
    numbers = list(sponsors)
    ids = dict(zip(numbers, chance.sample(range(1, 13 * size), size), strict=True))
    free = {}
    found = {}
    for number in numbers:
        person = chances.person(chance, ids[number])
        places = list(free.items())
        parent, position = None, None
        if places and chance.random() < 0.97:
            parent, position = places[0][0] if shape == "wide" else chance.choice(places)[0]
            del free[parent, position]
        free |= {(ids[number], leg): True for leg in range(1, chance.choice([3, 4]))}
        personal = chance.choice([0, 0, 1, chance.randint(0, 50), chance.randint(0, 100_000)])
        found[ids[number]] = {
            **{field: person[field] for field in ("rank", "active", "facts")},
            "personal": personal,
            "team": personal + chance.choice([0, 7, 100]),
            "sponsor": ids.get(sponsors[number]),
            "parent": parent,
            "position": position,
        }
    return found


def world(chance, document, size, shape="any"):
    everyone = members(chance, size, shape)
    carries = [
        (one["name"], number, leg, age, chance.choice([1, 7, chance.randint(1, 5000)]))
        for one in document["components"]
        for number in chance.sample(sorted(everyone), min(size, 3))
        for leg in (1, 2)
        for age in chance.sample([1, 2, 3], chance.choice([0, 1, 2]))
    ]
    sales = sum(one["personal"] for one in everyone.values()) + chance.choice([0, 0, 333])
    return {"kind": "month", "sales": sales, "members": everyone, "carries": carries}


def facts(world):
    """The world as the engine wants it."""
    from fenxiao.engine.periods import Carry, Member, PeriodFacts, period_of

    people = tuple(
        Member(
            number,
            None,
            one["rank"],
            one["active"],
            one["facts"],
            one["personal"],
            one["team"],
            one["sponsor"],
            one["parent"],
            one["position"],
        )
        for number, one in world["members"].items()
    )
    period = period_of(datetime(2026, 3, 5, tzinfo=UTC), world["kind"], UTC)
    carries = tuple(Carry(*one) for one in world["carries"])
    return PeriodFacts(period, "CNY", world["sales"], people, carries)


def capped(chance):
    """A plan with caps of a period, most of it paid per order."""
    found = chances.document(chance)
    found["components"] += [component(chance, "pool", "分红")]
    for one in found["components"]:
        one["cap_per_period"] = chance.choice(["0.00", "0.55", "3.33", "9.00"])
        if chance.random() < 0.3:
            del one["cap_per_period"]
    if chance.random() < 0.7:
        found["max_payout_rate_per_period"] = chance.choice(["0.00", "0.055", "0.3333", "1.00"])
    return found


def accrued(chance, document):
    """What a period accrued, by key."""
    names = [one["name"] for one in document["components"]]
    return {
        (chance.choice(names), chance.randint(0, 3), chance.choice([1, 11, 111, 2])): chance.randint(0, 900)
        for _ in range(chance.randint(0, 9))
    }
