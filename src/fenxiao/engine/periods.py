"""Periods (计佣周期) and their facts: what everything rests on that is paid when a period closes.

A period is a day, an ISO week, a month or a quarter in one time zone: from its first midnight to before the
next one's. The facts of a period are for one plan version, the one in effect at the last moment of the period,
and for its currency. An order belongs to the period in which it reached that plan's `accrue_on` state, whatever
version it was stamped with; amounts are the plan's `base` of the orders, net of the refunds known at the close.

`close.evaluate_period` answers what is paid, `ceilings.corrections` what the caps of the period take back,
`close_trace.explain_period` how it came about; `plan.needed_periods` and `plan.needed_period_facts` say what a
plan asks for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, get_args

from fenxiao.engine.facts import Party

PeriodKind = Literal["day", "week", "month", "quarter"]
PERIOD_KINDS: tuple[PeriodKind, ...] = get_args(PeriodKind)
"""The shortest first: in this order those are closed that end together."""


@dataclass(frozen=True, slots=True)
class Period:
    """A period (周期): `key` is "2026-03-05", "2026-W10" (ISO), "2026-03" or "2026-Q1"; `end` is not in it. Both are UTC."""

    kind: PeriodKind
    key: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Member(Party):
    """A distributor (成员) as he is at the end of the period, suspended ones included; amounts are minor units, 0 or more.

    `active` is False for who is suspended then: he earns nothing, his volume still counts above. `facts` is as of
    the end, by the names of `plan.needed_period_facts`. `personal_minor` is the base of his own orders of the
    period; `team_minor` that of his and of the orders that have him in their frozen upline. `sponsor_id` is the
    sponsor tree's, `placement_parent_id` and `position` (1 the first leg) the placement tree's, None for whoever
    has none; a parent is among the members.
    """

    personal_minor: int = 0
    team_minor: int = 0
    sponsor_id: int | None = None
    placement_parent_id: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Carry:
    """Volume that was not paid on and counts on in the next period (结转): of one component, for one person and leg.

    `age` counts the closes it has outlived, 1 or more; together they are a key. `amount_minor` is above 0.
    """

    component: str
    distributor_id: int
    leg: int
    age: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PeriodFacts:
    """What a close rests on (周期事实). `sales_minor` is the base of all orders of the period, also of sellers who are
    no longer there; `carries` are what the close of the period before kept, of every component of the plan.

    The order of members and carries has no meaning.
    """

    period: Period
    currency: str
    sales_minor: int
    members: tuple[Member, ...]
    carries: tuple[Carry, ...] = ()


def period_of(moment: datetime, kind: PeriodKind, zone: tzinfo) -> Period:
    """The period of a kind that a moment lies in; the moment knows its own zone."""
    return _from_day(_FIRST_DAY[kind](moment.astimezone(zone).date()), kind, zone)


def period_before(period: Period, zone: tzinfo) -> Period:
    """The one before, of the same kind: whose carries count."""
    return period_of(period.start - timedelta(hours=1), period.kind, zone)


def period_after(period: Period, zone: tzinfo) -> Period:
    """The one after, of the same kind."""
    return period_of(period.end, period.kind, zone)


def read_period(key: str, zone: tzinfo) -> Period:
    """The period of a key; ValueError if there is none such."""
    for kind, first in _READ.items():
        try:
            found = _from_day(first(key), kind, zone)
        except (ValueError, OverflowError):
            continue
        if found.key == key:
            return found
    message = f'no period "{key}"; write "2026-03-05", "2026-W10", "2026-03" or "2026-Q1"'
    raise ValueError(message)


def _from_day(first: date, kind: PeriodKind, zone: tzinfo) -> Period:
    after = _FIRST_DAY[kind](first + timedelta(days=_DAYS[kind]))
    start, end = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (first, after))
    return Period(kind, _KEY[kind](first), start, end)


def _quarter(day: date) -> int:
    return (day.month + 2) // 3


def _read_quarter(key: str) -> date:
    year, _, number = key.partition("-Q")
    return date(int(year), 3 * int(number) - 2, 1)


# A day that surely lies in the next period, counted from the first day of one.
_DAYS: Mapping[PeriodKind, int] = {"day": 1, "week": 7, "month": 31, "quarter": 92}
_FIRST_DAY: Mapping[PeriodKind, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: date(day.year, 3 * _quarter(day) - 2, 1),
}
_KEY: Mapping[PeriodKind, Callable[[date], str]] = {
    "day": date.isoformat,
    "week": lambda day: "{}-W{:02}".format(*day.isocalendar()),
    "month": lambda day: f"{day.year:04}-{day.month:02}",
    "quarter": lambda day: f"{day.year:04}-Q{_quarter(day)}",
}
_READ: Mapping[PeriodKind, Callable[[str], date]] = {
    "day": date.fromisoformat,
    "week": lambda key: date.fromisoformat(f"{key}-1"),
    "month": lambda key: date.fromisoformat(f"{key}-01"),
    "quarter": _read_quarter,
}
