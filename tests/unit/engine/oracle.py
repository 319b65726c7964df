"""A second engine, slow and plain: the rules of the domain page read aloud, one line of an order at a time.

It imports nothing of the system, knows no grouping, no caching and no minor-unit tricks, and works on
plain dicts: the plan's document and an order as `worlds.plain` lays it out. What each component type pays on
a line stands in `oracle_types`.
"""

from decimal import Decimal
from fractions import Fraction

import oracle_types

DECIMALS = {"CNY": 2, "JPY": 0, "KWD": 3}


def awards(plan, order, refunds):
    """{(component, level, distributor id): minor units} on what is left after so many refunds."""
    lines = left(order, refunds)
    rounded, before_caps = {}, {}
    for component in plan["components"]:
        exact = {}
        for found in paid_by(plan, component, order, lines, before_caps):
            for key, amount in found.items():
                exact[key] = exact.get(key, Fraction(0)) + amount
        amounts = {
            (component["name"], *key): to_integer(exact[key], plan["rounding"]) for key in sorted(exact)
        }
        before_caps[component["name"]] = amounts
        if component.get("cap_per_entry") is not None:
            most = minor(plan, component["cap_per_entry"])
            amounts = {key: min(amount, most) for key, amount in amounts.items()}
        if component.get("cap_per_order") is not None:
            amounts = cut(amounts, minor(plan, component["cap_per_order"]), plan["cut"])
        rounded.update(amounts)
    base = sum(base_of(plan, line) for line in lines)
    final = cut(rounded, int(Fraction(Decimal(plan["max_payout_rate"])) * base), plan["cut"])
    return {key: amount for key, amount in final.items() if amount != 0}


def paid_by(plan, component, order, lines, before_caps):
    """Exact amounts {(level, person): amount} of one component: for each line, or for each one matched."""
    people = [order["seller"], *order["upline"]]
    for person in people:
        person["able"] = person["active"] and (
            component.get("when") is None or meets(plan, component["when"], person)
        )
    roll_up = plan["unclaimed"] == "roll_up"
    if component["type"] == "matching":
        yield oracle_types.matching(component, people, before_caps[component["of"]], roll_up=roll_up)
        return
    for line in lines:
        terms = {**component, **parameters(component, line)}
        rates = {"base": base_of(plan, line), "units": line["quantity"] if line["paid"] else 0}
        if component["type"] == "fixed":
            terms["amounts"] = [minor(plan, text) for text in terms["amounts"]]
            terms["self_amount"] = minor(plan, terms["self_amount"])
        yield getattr(oracle_types, component["type"])(terms, people, rates, roll_up=roll_up)


def meets(plan, condition, person):
    if "all" in condition:
        return all(meets(plan, one, person) for one in condition["all"])
    if "any" in condition:
        return any(meets(plan, one, person) for one in condition["any"])
    if "not" in condition:
        return not meets(plan, condition["not"], person)
    field, days = condition["field"], condition.get("within_days")
    if field == "active":
        return person["facts"][f"paid_orders/{days}"] > 0
    value = condition["value"]
    if field.endswith("personal_sales") or field == "period_team_sales":
        value = minor(plan, value)
    if field == "rank":
        figure = -1 if person["rank"] is None else person["rank"]
    else:
        figure = person["facts"][field if days is None else f"{field}/{days}"]
    return figure >= value if condition["op"] == "at_least" else figure <= value


def left(order, refunds):
    lines = [dict(line) for line in order["lines"]]
    for refund in order["refunds"][:refunds]:
        for line_id, quantity, amount in refund:
            for line in lines:
                if line["id"] == line_id:
                    line["quantity"] -= quantity
                    line["paid"] -= amount
    return lines


def base_of(plan, line):
    if line["paid"] == 0:
        return 0
    if plan["base"] == "paid_amount":
        return line["paid"]
    if plan["base"] == "profit":
        return 0 if line["cost"] is None else max(0, line["paid"] - line["cost"] * line["quantity"])
    return 0 if line["list"] is None else line["list"] * line["quantity"]


# What an override may name, and how two tags that name it are joined.
JOINED = {
    "unilevel": {"levels": "list", "self_rate": "number", "compress": "flag"},
    "fixed": {"amounts": "list", "self_amount": "number", "compress": "flag"},
    "differential": {
        "rates": "table",
        "same_grade_rate": "number",
        "same_grade_depth": "number",
        "depth": "number",
    },
    "generation": {"rates": "list"},
    "breakaway": {"rates": "table", "generation_rates": "list"},
    "infinity": {"rate": "number"},
}


def parameters(component, line):
    """The parameters that an override can name, as they are on this line."""
    ways = JOINED[component["type"]]
    terms = {name: component.get(name) for name in ways}
    for override in component["overrides"]:
        if override["match"].get("product_id") == line["product"]:
            return {name: override.get(name, terms[name]) for name in ways}
    for category in line["categories"]:
        for override in component["overrides"]:
            if override["match"].get("category_id") == category:
                return {name: override.get(name, terms[name]) for name in ways}
    by_tag = [override for override in component["overrides"] if override["match"].get("tag") in line["tags"]]
    for name, way in ways.items():
        named = [override[name] for override in by_tag if name in override]
        if named:
            terms[name] = joined(way, named)
    return terms


def joined(way, named):
    if way == "list":
        longest = max(len(levels) for levels in named)
        return [max((levels[i] for levels in named if i < len(levels)), key=Decimal) for i in range(longest)]
    if way == "table":
        grades = {grade for table in named for grade in table}
        return {grade: max((t[grade] for t in named if grade in t), key=Decimal) for grade in grades}
    if way == "flag":
        return True in named
    return max(named, key=Decimal)


def cut(amounts, limit, how):
    """The amounts in canonical order, or cut to the limit."""
    total = sum(amounts.values())
    if total <= limit:
        return amounts
    if how != "pro_rata":
        return cut_in_order(amounts, limit, partly=how == "priority")
    shares = {key: amount * limit // total for key, amount in amounts.items()}
    remainders = {key: Fraction(amount * limit, total) - shares[key] for key, amount in amounts.items()}
    while sum(shares.values()) < limit:
        lucky = None
        for key in amounts:
            if lucky is None or remainders[key] > remainders[lucky]:
                lucky = key
        shares[lucky] += 1
        remainders[lucky] = Fraction(-1)
    return shares


def cut_in_order(amounts, limit, *, partly):
    shares, spent, stopped = {}, 0, False
    for key, amount in amounts.items():
        if not stopped and spent + amount <= limit:
            shares[key] = amount
        else:
            shares[key] = limit - spent if partly and not stopped else 0
            stopped = True
        spent += shares[key]
    return shares


def to_integer(amount, rounding):
    floor = amount.numerator // amount.denominator
    return floor + 1 if rounding == "half_up" and amount - floor >= Fraction(1, 2) else floor


def minor(plan, text):
    return int(Decimal(text) * 10 ** DECIMALS[plan["currency"]])
