"""The second engine for periods, slow and plain: each sale climbs on its own, each leg is counted by looking at everyone.

Like `oracle` it imports nothing of the system. A world is a dict: `kind`, `sales`, `members` (by id: `rank`, `active`,
`facts`, `personal`, `team`, `sponsor`, `parent`, `position`) and `carries`, a list of (component, id, leg, age, volume).
"""

from decimal import Decimal
from fractions import Fraction

import oracle


def close(plan, world):
    """({(component, level, id): minor units}, carries as a sorted list, {component: flushed volume})."""
    paid, carries, flushed, earned = {}, [], {}, {}
    for component in plan["components"]:
        if component.get("period") != world["kind"]:
            continue
        able = {number: one for number, one in world["members"].items() if qualifies(plan, component, one)}
        case = {"plan": plan, "terms": component, "world": world, "able": able, "carries": [], "flushed": 0}
        case["earned"] = earned
        exact = TYPES[component["type"]](case)
        amounts = {key: oracle.to_integer(exact[key], plan["rounding"]) for key in sorted(exact)}
        earned[component["name"]] = amounts
        for (level, number), amount in capped(plan, component, amounts).items():
            if amount:
                paid[component["name"], level, number] = amount
        carries += case["carries"]
        flushed[component["name"]] = case["flushed"]
    return paid, sorted(carries), flushed


def qualifies(plan, component, member):
    condition = component.get("qualify")
    figures = {"period_personal_sales": member["personal"], "period_team_sales": member["team"]}
    person = {**member, "facts": {**member["facts"], **figures}}
    return member["active"] and (condition is None or oracle.meets(plan, condition, person))


def capped(plan, component, amounts):
    if component.get("cap_per_entry") is not None:
        most = oracle.minor(plan, component["cap_per_entry"])
        amounts = {key: min(amount, most) for key, amount in amounts.items()}
    if component.get("cap_per_period") is not None:
        amounts = per_earner(amounts, oracle.minor(plan, component["cap_per_period"]), plan["cut"])
    return amounts


def per_earner(amounts, most, how):
    """Each earner's amounts cut to what one may have; the last of a key is the earner."""
    found = dict(amounts)
    for earner in {key[-1] for key in amounts}:
        found.update(oracle.cut({key: one for key, one in amounts.items() if key[-1] == earner}, most, how))
    return found


def taken_back(plan, accrued, sales):
    """{key: amount below 0} that the caps of a period take back."""
    names = [component["name"] for component in plan["components"]]
    ordered = dict(sorted(accrued.items(), key=lambda one: (names.index(one[0][0]), *one[0][1:])))
    left = dict(ordered)
    for component in plan["components"]:
        if component.get("cap_per_period") is not None and "period" not in component:
            own = {key: amount for key, amount in ordered.items() if key[0] == component["name"]}
            left.update(per_earner(own, oracle.minor(plan, component["cap_per_period"]), plan["cut"]))
    if plan.get("max_payout_rate_per_period") is not None:
        limit = Fraction(Decimal(plan["max_payout_rate_per_period"])) * sales
        left = oracle.cut(left, limit.numerator // limit.denominator, plan["cut"])
    return {key: left[key] - amount for key, amount in accrued.items() if left[key] != amount}


def add(exact, key, amount):
    if amount:
        exact[key] = exact.get(key, Fraction(0)) + amount


# What each type pays


def pool(case):
    terms, members = case["terms"], case["able"]
    whole = oracle.to_integer(
        Fraction(Decimal(terms["rate"])) * case["world"]["sales"], case["plan"]["rounding"]
    )
    weigh = {
        "equal": lambda _: 1,
        "personal_sales": lambda m: m["personal"],
        "team_sales": lambda m: m["team"],
    }
    weights = {(0, number): weigh[terms["share_by"]](one) for number, one in sorted(members.items())}
    if not any(weights.values()):
        return {}
    # Weights far above the pool, in their proportions, cut to it.
    shares = oracle.cut({key: one * (whole + 1) for key, one in weights.items()}, whole, "pro_rata")
    return {key: Fraction(share) for key, share in shares.items() if share}


def above(members, number, tree):
    """Everyone above somebody, nearest first, each with the position that leads up to him."""
    found = []
    while members[number][tree] is not None:
        position = members[number]["position"]
        number = members[number][tree]
        found.append((number, position))
    return found


def binary(case):
    terms, world, exact = case["terms"], case["world"], {}
    for number in sorted(world["members"]):
        legs = {leg: lots(case, number, leg) for leg in (1, 2)}
        whole = {leg: sum(volume for _, volume in legs[leg]) for leg in (1, 2)}
        paid_volume, stay = 0, legs
        if number in case["able"]:
            paid_volume, stay = matched(case, number, legs, exact)
        elif terms["unqualified"] == "flush":
            stay = {1: [], 2: []}
        stayed = 0
        for leg in (1, 2):
            for age, volume in aged(case, stay[leg]):
                case["carries"].append((terms["name"], number, leg, age, volume))
                stayed += volume
        both = 3 if terms["ratio"] == "2:1" else 2
        case["flushed"] += whole[1] + whole[2] - paid_volume * both - stayed
    return exact


def lots(case, number, leg):
    """[(age, volume)] of a leg, the oldest first; the volume of the period by asking everyone whether he is in it."""
    world = case["world"]
    members = world["members"]
    found = [
        (age, volume)
        for name, who, side, age, volume in world["carries"]
        if (name, who, side) == (case["terms"]["name"], number, leg)
    ]
    new = 0
    for seller, one in members.items():
        upward = above(members, seller, "parent")
        for place, (who, position) in enumerate(upward):
            # A break anywhere below cuts it off.
            sound = all(side in {1, 2} for _, side in upward[: place + 1])
            if who == number and position == leg and sound:
                new += one["personal"]
    return sorted(found, reverse=True) + ([(0, new)] if new else [])


def matched(case, number, legs, exact):
    """What is paid on (of the weaker leg), and what stays of both legs."""
    terms, plan = case["terms"], case["plan"]
    left, right = (sum(volume for _, volume in legs[leg]) for leg in (1, 2))
    strong, weak = (1, 2) if left >= right else (2, 1)
    many = 2 if terms["ratio"] == "2:1" else 1
    matching = 0
    most, least = max(left, right), min(left, right)
    matching = least if least * many <= most else most // many
    paid = used = matching
    if terms.get("rate") is not None:
        add(exact, (0, number), Fraction(Decimal(terms["rate"])) * matching)
    else:
        each = oracle.minor(plan, terms["pair_volume"])
        pairs = 0
        while (pairs + 1) * each <= matching:
            pairs += 1
        allowed = pairs if terms.get("max_pairs") is None else min(pairs, terms["max_pairs"])
        add(exact, (0, number), Fraction(allowed * oracle.minor(plan, terms["amount_per_pair"])))
        paid = allowed * each
        used = pairs * each if terms["beyond_max_pairs"] == "flush" else paid
    stay = {strong: less(legs[strong], used * many), weak: less(legs[weak], used)}
    if terms["carry"] == "none":
        stay = {1: [], 2: []}
    elif terms["carry"] == "stronger":
        stay[weak] = []
    return paid, stay


def less(lots_, volume):
    left = [list(one) for one in lots_]
    while volume:
        if left[0][1] <= volume:
            volume -= left.pop(0)[1]
        else:
            left[0][1] -= volume
            volume = 0
    return [tuple(one) for one in left]


def aged(case, lots_):
    terms = case["terms"]
    older = [(age + 1, volume) for age, volume in lots_]
    if terms.get("carry_periods") is not None:
        older = [one for one in older if one[0] <= terms["carry_periods"]]
    if terms.get("carry_cap") is not None:
        excess = sum(volume for _, volume in older) - oracle.minor(case["plan"], terms["carry_cap"])
        older = less(older, max(excess, 0))
    return older


def matrix(case):
    """Each sale climbs the matrix."""
    terms, members, exact = case["terms"], case["world"]["members"], {}
    rates = [Fraction(Decimal(rate)) for rate in terms["levels"]]
    for seller, one in members.items():
        level = 0
        chain = climbing(members, seller, terms["width"])
        for place, number in enumerate(chain):
            if terms["compress"] and number not in case["able"]:
                continue
            level += 1
            if level > len(rates):
                break
            earner = number
            if number not in case["able"]:
                heirs = [who for who in chain[place:] if who in case["able"]]
                earner = heirs[0] if heirs and case["plan"]["unclaimed"] == "roll_up" else None
            if earner is not None:
                add(exact, (level, earner), rates[level - 1] * one["personal"])
    return exact


def climbing(members, number, width):
    found = []
    while members[number]["parent"] is not None and members[number]["position"] <= width:
        number = members[number]["parent"]
        found.append(number)
    return found


def periodmatch(case):
    """Each amount that the matched component pays climbs the sponsor tree on its own, before any cap."""
    terms, members, exact = case["terms"], case["world"]["members"], {}
    rates = [Fraction(Decimal(rate)) for rate in terms["levels"]]
    for (_, earner), amount in case["earned"][terms["of"]].items():
        chain = [who for who, _ in above(members, earner, "sponsor")]
        places = [who for who in chain if who in case["able"]] if terms["compress"] else chain
        for level, (rate, holder) in enumerate(zip(rates, places, strict=False), 1):
            heirs = [who for who in chain[chain.index(holder) :] if who in case["able"]]
            if holder in case["able"] or (heirs and case["plan"]["unclaimed"] == "roll_up"):
                add(exact, (level, heirs[0]), rate * amount)
    return exact


def stairstep(case):
    terms, members, exact = case["terms"], case["world"]["members"], {}
    groups, leaders = classify(case)
    rates = {number: step(case, groups[number]) for number in members}
    generations = [Fraction(Decimal(rate)) for rate in terms["generation_rates"]]
    for seller, one in members.items():
        paid, generation = Fraction(0), None
        for number in [seller, *(who for who, _ in above(members, seller, "sponsor"))]:
            if number not in case["able"]:
                continue
            open_ = generation is None or terms["breakaway_volume"] == "included"
            if open_ and rates[number] > paid:
                add(exact, (0, number), (rates[number] - paid) * one["personal"])
                paid = rates[number]
            if number in leaders and generation is None:
                generation = 0
            elif number in leaders and generation < len(generations):
                add(exact, (generation + 1, number), generations[generation] * one["personal"])
                generation += 1
    return exact


def classify(case):
    """The volume of everybody's group, and who leads; from the bottom up, by asking again and again."""
    terms, members = case["terms"], case["world"]["members"]
    height = dict.fromkeys(members, 0)
    for number in members:
        for distance, (who, _) in enumerate(above(members, number, "sponsor"), 1):
            height[who] = max(height[who], distance)
    groups, leaders = {}, set()
    for number in sorted(members, key=lambda one: height[one]):
        groups[number] = members[number]["personal"]
        for child in members:
            if members[child]["sponsor"] == number and (
                child not in leaders or terms["breakaway_volume"] == "included"
            ):
                groups[number] += groups[child]
        at = terms.get("breakaway_at")
        if number in case["able"] and at is not None and groups[number] >= oracle.minor(case["plan"], at):
            leaders.add(number)
    return groups, leaders


def step(case, volume):
    reached = [
        Fraction(Decimal(one["rate"]))
        for one in case["terms"]["steps"]
        if volume >= oracle.minor(case["plan"], one["volume"])
    ]
    return reached[-1] if reached else Fraction(0)


TYPES = {
    "pool": pool,
    "binary": binary,
    "matrix": matrix,
    "stairstep": stairstep,
    "periodmatch": periodmatch,
}
