"""The worst case by an example (最坏情况举例): one order, one chain, and what each would get, evaluated like any other.

Conditions and caps are left aside, everybody qualifies. The example is found by trying, so the worst case itself
(`bounds.worst_case`) is never lower, and can be higher where overrides of several kinds meet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from fenxiao.engine.components.params import Match, OrderParams
from fenxiao.engine.evaluate import AwardKey, evaluate
from fenxiao.engine.explain import explain
from fenxiao.engine.facts import LineFacts, OrderFacts, Party
from fenxiao.engine.findings import Finding
from fenxiao.engine.plan import Plan, parse_plan
from fenxiao.engine.texts import WORST_EXAMPLE
from fenxiao.kernel.money import exponent, from_minor

_MOST_LINES = 30
_LONGEST = 60
_AT = datetime(2026, 1, 1, tzinfo=UTC)  # any moment
_TOP = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Example:
    """An order of one unit (举例): what it has (`match`), the grades of its chain, the seller first, and who gets what.

    Amounts are minor units, rounded, before caps and the payout limit.
    """

    base_minor: int
    match: Mapping[str, Any]
    chain: tuple[str | None, ...]
    amounts: Mapping[AwardKey, int]

    @property
    def total_minor(self) -> int:
        """All of it."""
        return sum(self.amounts.values())


def example(plan: Plan) -> Example | None:
    """The order of 100 units of the currency that was found to pay most; None where no component pays per order."""
    bare = _bare(plan)
    if not bare.components:
        return None
    base = 100 * 10 ** exponent(plan.currency)
    tried = [(match, chain) for match in _matches(bare) for chain in _chains(bare)]
    # What is above the whole base is cut to it here, which only means that the first such is taken.
    match, chain = max(tried, key=lambda one: _paid(bare, _order(bare, one[0], one[1], base)))
    awards = explain(bare, _order(bare, match, chain, base), 0).awards()
    amounts = {
        (one.component, one.level, one.distributor_id): one.rounded_minor
        for one in awards
        if one.rounded_minor
    }
    last = max((number for _, _, number in amounts), default=1)
    return Example(base, match, tuple(grade for grade, _ in chain[:last]), amounts)


def told(plan: Plan) -> tuple[Finding, ...]:
    """The example as a finding; none where nothing is paid per order."""
    found = example(plan)
    if found is None or not found.amounts:
        return ()
    rows = (
        f"{name} {level}: {from_minor(amount, plan.currency)}"
        for (name, level, _), amount in found.amounts.items()
    )
    values = {
        "base": from_minor(found.base_minor, plan.currency),
        "currency": plan.currency,
        "what": ", ".join(f"{kind} {value}" for kind, value in found.match.items()) or "–",
        "chain": ", ".join(grade or "–" for grade in found.chain),
        "total": from_minor(found.total_minor, plan.currency),
        "rows": ", ".join(rows),
    }
    return (Finding("worst-case-example", WORST_EXAMPLE, values),)


def _bare(plan: Plan) -> Plan:
    """Those of its components that pay per order, without conditions and caps."""
    left_out = {*OrderParams.model_fields} - {"type", "name"}
    components = [
        {field: value for field, value in document.items() if field not in left_out}
        for component, document in zip(plan.components, plan.document()["components"], strict=True)
        if component.period is None
    ]
    return parse_plan({**plan.document(), "components": components, "rewards": []})


def _matches(plan: Plan) -> list[Mapping[str, Any]]:
    """What the line of an order may have: nothing, all tags, and each thing that an override is for, with all tags too."""
    matches: dict[Match, None] = dict.fromkeys(
        one.match for component in plan.components for one in component.params.override_list()
    )
    tags = tuple(one.tag for one in matches if one.tag is not None)
    found: list[Mapping[str, Any]] = [{}, *([{"tags": tags}] if tags else [])]
    for one in islice(matches, _MOST_LINES):
        alone = one.model_dump(exclude_none=True)
        found.append({"tags": (one.tag,)} if one.tag is not None else alone)
        if tags and one.tag is None:
            found.append({**alone, "tags": tags})
    return found


def _chains(plan: Plan) -> Iterator[tuple[tuple[str | None, int | None], ...]]:
    """Grades with ranks, the seller first: climbing step by step, each step once or often; all leaders, or those at the top."""
    rates: dict[str, Any] = {}
    for component in plan.components:
        for params in (component.params, *component.params.override_list()):
            table = getattr(params, "rates", None)
            for grade, rate in (table or {}).items() if isinstance(table, Mapping) else ():
                rates[grade] = max(rate, rates.get(grade, rate))
    climbing: list[str | None] = [*sorted(rates, key=lambda grade: (rates[grade], grade))] or [None]
    for often in (1, 2, 5):
        chain = [grade for grade in climbing for _ in range(often)]
        whole = (chain + [climbing[-1]] * _LONGEST)[:_LONGEST]
        for leaders in (0, len(chain) - 1):
            yield tuple((grade, _TOP if place >= leaders else None) for place, grade in enumerate(whole))


def _paid(plan: Plan, order: OrderFacts) -> int:
    return sum(award.amount_minor for award in evaluate(plan, order, 0).awards)


def _order(
    plan: Plan, match: Mapping[str, Any], chain: Sequence[tuple[str | None, int | None]], base: int
) -> OrderFacts:
    """One unit sold by the first of the chain."""
    people = [Party(number, *one, active=True) for number, one in enumerate(chain, 1)]
    category = match.get("category_id")
    line = LineFacts(
        line_id=1,
        product_id=match.get("product_id", 0),
        category_path=() if category is None else (category,),
        tags=match.get("tags", ()),
        quantity=1,
        paid_minor=base,
        unit_list_minor=base,
        unit_cost_minor=0,
    )
    return OrderFacts(1, plan.currency, people[0], tuple(people[1:]), (line,), (), _AT, _AT, _AT)
