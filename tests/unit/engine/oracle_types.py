"""What each component type pays on one line, for the second engine. It imports nothing of the system.

`terms` are the component's parameters on the line, `people` the seller and the upline, each with `able` (may he
earn at all), `measures` the line's base and units. Answers {(level, person): exact amount}, zeros allowed.
"""

from decimal import Decimal
from fractions import Fraction


def rate(text):
    return Fraction(Decimal(text))


def unilevel(terms, people, measures, *, roll_up):
    levels = [rate(text) for text in terms["levels"]]
    found = by_level(people, 0, levels, compress=terms["compress"], roll_up=roll_up)
    found += own(people, rate(terms["self_rate"]), roll_up=roll_up)
    return added((place, factor * measures["base"]) for place, factor in found)


def fixed(terms, people, measures, *, roll_up):
    found = by_level(people, 0, terms["amounts"], compress=terms["compress"], roll_up=roll_up)
    found += own(people, terms["self_amount"], roll_up=roll_up)
    return added((place, Fraction(factor) * measures["units"]) for place, factor in found)


def matching(component, people, matched, *, roll_up):
    levels = [rate(text) for text in component["levels"]]
    found = []
    for (_, _, earner), amount in matched.items():
        place = [person["id"] for person in people].index(earner)
        above = by_level(people, place, levels, compress=component["compress"], roll_up=roll_up)
        found += [(key, factor * amount) for key, factor in above]
    return added(found)


def own(people, factor, *, roll_up):
    """What the seller gets, or whoever it rolls up to."""
    candidates = people if roll_up else people[:1]
    able = [person for person in candidates if person["able"]]
    return [((0, able[0]["id"]), factor)] if able else []


def by_level(people, start, levels, *, compress, roll_up):
    """Who gets the factor of which level above the one at place `start`."""
    above = people[start + 1 :]
    if compress:
        able = [person for person in above if person["able"]]
        return [
            ((n, one["id"]), factor) for n, (one, factor) in enumerate(zip(able, levels, strict=False), 1)
        ]
    found = []
    for level, factor in enumerate(levels, 1):
        for place in range(level - 1, len(above)):
            if above[place]["able"]:
                found.append(((level, above[place]["id"]), factor))
                break
            if not roll_up:
                break
    return found


def differential(terms, people, measures, *, roll_up):
    found, paid, last, given = [], Fraction(0), None, 0
    for place, person in enumerate(people):
        if terms["depth"] is not None and place > terms["depth"]:
            break
        if not person["able"]:
            continue
        mine = rate(terms["rates"].get(person["grade"], "0"))
        if mine > paid:
            found.append(((place, person["id"]), (mine - paid) * measures["base"]))
            paid, last, given = mine, person["grade"], 0
        elif last is not None and person["grade"] == last and given < terms["same_grade_depth"]:
            found.append(((place, person["id"]), rate(terms["same_grade_rate"]) * measures["base"]))
            given += 1
    return added(found)


def generation(terms, people, measures, *, roll_up):
    rates, found = [rate(text) for text in terms["rates"]], []
    number, below, waiting = 1, 1, Fraction(0)
    for place, person in enumerate(people):
        if terms.get("depth") is not None and place > terms["depth"]:
            break
        leader = (person["rank"] or 0) >= terms["boundary_rank"]
        if place == 0 and not terms["seller_boundary"]:
            continue
        if not leader or (not person["able"] and not terms["ineligible_boundary"]):
            if place > 0 or leader:
                below += 1
            continue
        if below == 0 and not terms["empty_generations"]:
            continue
        worth = rates[number - 1] if number <= len(rates) else Fraction(0)
        number, below = number + 1, 0
        if person["able"]:
            found.append(((place, person["id"]), (worth + waiting) * measures["base"]))
            waiting = Fraction(0)
        elif roll_up:
            waiting += worth
    return added(found)


def breakaway(terms, people, measures, *, roll_up):
    rates, found = [rate(text) for text in terms["generation_rates"]], []
    paid, away, number, waiting = Fraction(0), False, 1, Fraction(0)
    for place, person in enumerate(people):
        if terms.get("depth") is not None and place > terms["depth"]:
            break
        leader = (person["rank"] or 0) >= terms["breakaway_rank"]
        mine = rate(terms["rates"].get(person["grade"], "0"))
        if person["able"] and (not away or terms["breakaway_volume"] == "included") and mine > paid:
            found.append(((place, person["id"]), (mine - paid) * measures["base"]))
            paid = mine
        if leader and away and (person["able"] or terms["ineligible_boundary"]):
            worth = rates[number - 1] if number <= len(rates) else Fraction(0)
            number += 1
            if person["able"]:
                found.append(((place, person["id"]), (worth + waiting) * measures["base"]))
                waiting = Fraction(0)
            elif roll_up:
                waiting += worth
        if leader and person["able"]:
            away = True
    return added(found)


def infinity(terms, people, measures, *, roll_up):
    able = [
        (place, person)
        for place, person in enumerate(people)
        if place > terms["beyond"] and person["able"] and (person["rank"] or 0) >= terms["min_rank"]
    ]
    if not able:
        return {}
    amount, first = rate(terms["rate"]) * measures["base"], able[0]
    second = [one for one in able[1:] if one[1]["rank"] >= first[1]["rank"]][:1]
    if terms["next_leader"] == "shared" and second:
        return added(((place, person["id"]), amount / 2) for place, person in [first, *second])
    return added([((first[0], first[1]["id"]), amount)])


def added(found):
    total = {}
    for place, amount in found:
        total[place] = total.get(place, Fraction(0)) + amount
    return total
