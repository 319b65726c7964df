"""Booking (入账): the entries that bring what is booked of an order to what its history says.

Every step of a history has a target per (component, level, distributor); the difference to what is booked
is one entry. So an order's entries depend on its history alone: steps that are booked already are passed
over, and whoever comes second has nothing to do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from fenxiao.engine.evaluate import AwardKey, Step

Kind = Literal["accrual", "clawback"]
Status = Literal["pending", "released"]


@dataclass(frozen=True, slots=True)
class Root:
    """The first entry of its key; later entries of the key correct it, and stand where it stands."""

    commission_id: int
    released: bool
    release_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """What an order's history says: its steps, and since which refund each is due.

    `refund_sequences` has the refund that caused each step, None for the accrual. `release_at` is None until
    the order is completed.
    """

    order_id: int
    rule_id: int
    currency: str
    steps: tuple[Step, ...]
    refund_sequences: tuple[int | None, ...]
    release_at: datetime | None


@dataclass(slots=True)
class Book:
    """What is booked of one order (订单账): how many steps, and per key the sum and the first entry."""

    steps: int = 0
    amounts: dict[AwardKey, int] = field(default_factory=dict)
    roots: dict[AwardKey, Root] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry to come: what the key lacks (or has too much) at a step."""

    claim: Claim
    step: int
    key: AwardKey
    amount_minor: int

    @property
    def at(self) -> datetime:
        """The time of the fact."""
        return self.claim.steps[self.step].at

    @property
    def refund_sequence(self) -> int | None:
        """The refund that caused it, None for the accrual."""
        return self.claim.refund_sequences[self.step]

    @property
    def kind(self) -> Kind:
        """The sign as a word."""
        return kind_of(self.amount_minor)


@dataclass(frozen=True, slots=True)
class Entry:
    """A commission entry (佣金明细) as it is written; amounts are signed minor units, never 0."""

    commission_id: int
    difference: Difference
    status: Status
    release_at: datetime | None
    released_at: datetime | None
    corrects: int | None


def kind_of(amount_minor: int) -> Kind:
    """An entry that gives is an accrual, one that takes a clawback."""
    return "accrual" if amount_minor > 0 else "clawback"


def differences(claim: Claim, book: Book) -> list[Difference]:
    """Target − booked for every step that is not booked yet, in the order of steps, then of the plan.

    The book is brought up to date on the way, so that each step builds on the one before.
    """
    found: list[Difference] = []
    booked = book.amounts
    for step in claim.steps[book.steps :]:
        for key in (*step.target, *(key for key in booked if key not in step.target)):
            lacking = step.target.get(key, 0) - booked.get(key, 0)
            if lacking:
                found.append(Difference(claim, step.step, key, lacking))
                booked[key] = booked.get(key, 0) + lacking
    book.steps = max(book.steps, len(claim.steps))
    return found


def entries(
    found: Sequence[Difference], roots: dict[AwardKey, Root], ids: Iterator[int], now: datetime
) -> Iterator[Entry]:
    """The entries for the differences of one order, numbered by `ids`.

    A correction names the first entry of its key and stands where that one stands: with a released one it is
    released at once, `now`. The first entry of a key waits for the order's own release.
    """
    for difference in found:
        commission_id = next(ids)
        root = roots.get(difference.key)
        if root is None:
            release_at = difference.claim.release_at
            roots[difference.key] = Root(commission_id, released=False, release_at=release_at)
            yield Entry(commission_id, difference, "pending", release_at, None, None)
        elif root.released:
            yield Entry(commission_id, difference, "released", root.release_at, now, root.commission_id)
        else:
            yield Entry(commission_id, difference, "pending", root.release_at, None, root.commission_id)
