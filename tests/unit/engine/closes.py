"""Periods to try the engine on, built by hand."""

from datetime import UTC, datetime

from fenxiao.engine.periods import Carry, Member, PeriodFacts, period_of
from fenxiao.engine.plan import parse_plan

MARCH = period_of(datetime(2026, 3, 5, tzinfo=UTC), "month", UTC)
# Reasons that only a period knows.
REASONS = {
    *("not-a-member", "suspended-at-close", "no-sales", "period-capped-away"),
    *("no-share", "nothing-matched", "no-volume", "below-step", "nobody-earned"),
}


def plan(*components, **settings):
    return parse_plan({"name": "plan", "currency": "CNY", "components": components, **settings})


def pool(rate="0.02", name="pool", **params):
    return {"type": "pool", "name": name, "rate": rate, **params}


def binary(rate="0.10", name="pairs", **params):
    return {"type": "binary", "name": name, **({"rate": rate} if rate else {}), **params}


def matrix(levels=("0.05", "0.03"), name="matrix", **params):
    return {"type": "matrix", "name": name, "width": 2, "levels": list(levels), **params}


def stairstep(steps=(), name="group", **params):
    steps = steps or [("1000", "0.05"), ("5000", "0.10"), ("10000", "0.15")]
    return {
        "type": "stairstep",
        "name": name,
        "steps": [{"volume": volume, "rate": rate} for volume, rate in steps],
        "breakaway_at": "10000",
        "generation_rates": ["0.04"],
        **params,
    }


def matched(levels=("0.10", "0.05"), of="pool", name="match", **params):
    return {"type": "periodmatch", "name": name, "of": of, "levels": list(levels), **params}


def member(number, personal=0, *, team=0, rank=None, active=True, facts=None, **place):
    """Sales in whole units of the currency."""
    return Member(number, None, rank, active, facts, 100 * personal, 100 * team, **place)


def placed(number, personal=0, under=None, position=1, **more):
    """Somebody in the placement tree."""
    place = {} if under is None else {"placement_parent_id": under, "position": position}
    return member(number, personal, **place, **more)


def facts(*members, sales=None, carries=(), period=MARCH):
    sold = sum(one.personal_minor for one in members) if sales is None else 100 * sales
    return PeriodFacts(period, "CNY", sold, members, tuple(Carry(*one) for one in carries))


def amounts(outcome):
    """In units of the currency, as they are written."""
    return {award.key: f"{award.amount_minor / 100:.2f}" for award in outcome.awards}


def carries(outcome):
    return [(one.distributor_id, one.leg, one.age, one.amount_minor // 100) for one in outcome.carries]


def unpaid(outcome):
    return [(one.component, one.level, one.why, one.amount_minor) for one in outcome.unpaid]
