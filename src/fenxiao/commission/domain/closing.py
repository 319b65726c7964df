"""Closing a period (关账): what one evaluation of it says is booked, and how far that is from what is.

A period is evaluated when it is closed, and again when the orders tell something new of it; each evaluation is a
step. What a step pays beyond what is booked, or less, is one entry per (component, level, distributor), as with
the refunds of an order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from fenxiao.commission.domain.booking import Book, Claim, Difference, Entry, Root
from fenxiao.commission.domain.comparison import Odd
from fenxiao.engine.ceilings import Correction
from fenxiao.engine.evaluate import AwardKey, Step
from fenxiao.engine.periods import Carry, Member, PeriodKind

Stage = Literal["idle", "gathering", "booking"]
Purpose = Literal["pay", "caps"]
"""What the components of the period pay; or what its caps take back of all that was earned in it."""

NO_ORDER = 0
"""Claims are of an order; one of a close has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """关账: a period of one currency, for what it pays or for its caps; `steps` are booked, the next is under way unless the stage is idle."""

    close_id: int
    rule_id: int
    currency: str
    kind: PeriodKind
    period: str
    purpose: Purpose
    since: datetime
    until: datetime
    release_at: datetime
    steps: int
    stage: Stage
    booked_minor: int
    position: int
    known_until: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One step: the time that its entries bear, what the orders had recorded by then, what was sold, whose carries count."""

    close_id: int
    step: int
    at: datetime
    known_until: datetime
    sales_minor: int
    carried_from: int | None
    carried_step: int | None


@dataclass(frozen=True, slots=True)
class CloseClaim(Claim):
    """What the steps of a close say is to be booked; `order_id` is that of no order."""

    close_id: int = 0
    period: str = ""


def claim(close: Close, steps: Sequence[Step]) -> CloseClaim:
    """The claim of these steps, the first of the close and those behind it."""
    return CloseClaim(
        order_id=NO_ORDER,
        rule_id=close.rule_id,
        currency=close.currency,
        steps=tuple(steps),
        refund_sequences=(None,) * len(steps),
        release_at=close.release_at,
        close_id=close.close_id,
        period=close.period,
    )


def next_claim(close: Close, evaluation: Evaluation, target: Mapping[AwardKey, int]) -> CloseClaim:
    """The claim of the step under way alone: of those before, which are booked, only the number counts."""
    booked = [Step(step, close.until, 0, {}) for step in range(evaluation.step)]
    return claim(close, [*booked, Step(evaluation.step, evaluation.at, 0, target)])


def lacking(made: CloseClaim, book: Book) -> list[Difference]:
    """Target − booked of the last step, in the order of the plan; what is booked of it already lacks nothing.

    The book stays as it is: who books some of them finds the others the next time.
    """
    step = made.steps[-1]
    keys = (*step.target, *sorted(key for key in book.amounts if key not in step.target))
    return [
        Difference(made, step.step, key, amount)
        for key in keys
        if (amount := step.target.get(key, 0) - book.amounts.get(key, 0))
    ]


def taken_back(
    found: Sequence[Difference], roots: dict[AwardKey, Root], ids: Iterator[int], now: datetime
) -> Iterator[Entry]:
    """The entries of caps: they stand on what is available at once, for what they correct may be released already.

    Booked on pending they would come back when they are released, and until then pending could lack what it holds.
    """
    for difference in found:
        commission_id, root = next(ids), roots.get(difference.key)
        corrects = None if root is None else root.commission_id
        if root is None:
            roots[difference.key] = Root(commission_id, released=True, release_at=difference.claim.release_at)
        yield Entry(commission_id, difference, "released", difference.claim.release_at, now, corrects)


def totals(found: Iterable[Correction]) -> dict[AwardKey, int]:
    """What caps take back by key, below 0; one key may be taken from by two of them."""
    sums: dict[AwardKey, int] = {}
    for one in found:
        sums[one.key] = sums.get(one.key, 0) + one.amount_minor
    return sums


def compare_members(subject: str, made: Mapping[int, Member], stored: Iterable[Member]) -> Iterator[Odd]:
    """What is kept of each member beside what orders and network say now of that time.

    Who is not kept was brought in later, with a date before the end; he is no member of what was closed before.
    """
    names = [one.name for one in fields(Member)]
    for member in stored:
        wanted = made.get(member.distributor_id)
        if wanted is None:
            yield Odd(f"{subject}, distributor {member.distributor_id}", "no such member", "a member")
            continue
        for name in names:
            expected, found = getattr(wanted, name), getattr(member, name)
            if expected != found:
                yield Odd(
                    f"{subject}, distributor {member.distributor_id}.{name}", _text(expected), _text(found)
                )


def compare_carries(subject: str, made: Iterable[Carry], stored: Iterable[Carry]) -> Iterator[Odd]:
    """What the evaluation keeps for the next period beside what is kept."""
    wanted, found = set(made), set(stored)
    for one in sorted(wanted ^ found, key=lambda one: (one.component, one.distributor_id, one.leg, one.age)):
        told = f"{one.amount_minor} of {one.component}, distributor {one.distributor_id}, leg {one.leg}, age {one.age}"
        yield Odd(
            subject, told if one in wanted else "no such carry", told if one in found else "no such carry"
        )


def _text(value: Any) -> str:
    return str(dict(sorted(value.items()))) if isinstance(value, Mapping) else str(value)
