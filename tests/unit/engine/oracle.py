"""A second engine, slow and plain: the rules of the domain page read aloud, one line of an order at a time.

It imports nothing of the system, knows no grouping, no caching and no minor-unit tricks, and works on
plain dicts: the plan's document and an order as `worlds.plain` lays it out.
"""

from decimal import Decimal
from fractions import Fraction

DECIMALS = {"CNY": 2, "JPY": 0, "KWD": 3}


def awards(plan, order, refunds):
    """{(component, level, distributor id): minor units} on what is left after so many refunds."""
    lines = left(order, refunds)
    rounded = {}
    for component in plan["components"]:
        exact = {}
        for line in lines:
            for (level, person), amount in of_line(plan, component, order, line).items():
                exact[level, person] = exact.get((level, person), Fraction(0)) + amount
        amounts = {
            (component["name"], *key): to_integer(exact[key], plan["rounding"]) for key in sorted(exact)
        }
        if component.get("cap_per_order") is not None:
            amounts = cut(amounts, minor(plan, component["cap_per_order"]))
        rounded.update(amounts)
    base = sum(base_of(plan, line) for line in lines)
    final = cut(rounded, int(Fraction(Decimal(plan["max_payout_rate"])) * base))
    return {key: amount for key, amount in final.items() if amount != 0}


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


def of_line(plan, component, order, line):
    """Exact amounts of one component on one line."""
    terms = parameters(component, line)
    if component["type"] == "unilevel":
        measure, own, levels = base_of(plan, line), terms["self_rate"], terms["levels"]
        worth = lambda text: Fraction(Decimal(text))  # noqa: E731
    else:
        measure = line["quantity"] if line["paid"] else 0
        own, levels = terms["self_amount"], terms["amounts"]
        worth = lambda text: Fraction(minor(plan, text))  # noqa: E731
    found = {}
    seller = order["seller"]
    if seller["active"]:
        found[0, seller["id"]] = worth(own) * measure
    upline = order["upline"]
    if terms["compress"]:
        upline = [person for person in upline if person["active"]]
    for level in range(1, len(levels) + 1):
        if level <= len(upline) and upline[level - 1]["active"]:
            found[level, upline[level - 1]["id"]] = worth(levels[level - 1]) * measure
    return found


def parameters(component, line):
    names = (
        ("levels", "self_rate", "compress")
        if component["type"] == "unilevel"
        else ("amounts", "self_amount", "compress")
    )
    terms = {name: component[name] for name in names}
    for override in component["overrides"]:
        if override["match"].get("product_id") == line["product"]:
            return {name: override.get(name, terms[name]) for name in names}
    for category in line["categories"]:
        for override in component["overrides"]:
            if override["match"].get("category_id") == category:
                return {name: override.get(name, terms[name]) for name in names}
    by_tag = [override for override in component["overrides"] if override["match"].get("tag") in line["tags"]]
    for name in names:
        named = [override[name] for override in by_tag if name in override]
        if not named:
            continue
        if name in {"levels", "amounts"}:
            longest = max(len(levels) for levels in named)
            terms[name] = [
                max((levels[i] for levels in named if i < len(levels)), key=Decimal) for i in range(longest)
            ]
        elif name == "compress":
            terms[name] = True in named
        else:
            terms[name] = max(named, key=Decimal)
    return terms


def cut(amounts, limit):
    """The amounts in canonical order, or cut to the limit."""
    total = sum(amounts.values())
    if total <= limit:
        return amounts
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


def to_integer(amount, rounding):
    floor = amount.numerator // amount.denominator
    return floor + 1 if rounding == "half_up" and amount - floor >= Fraction(1, 2) else floor


def minor(plan, text):
    return int(Decimal(text) * 10 ** DECIMALS[plan["currency"]])
