"""Comparison: what an order's history says is to be booked, beside what is booked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fenxiao.commission.domain.booking import Book, Claim, Difference, differences
from fenxiao.engine.evaluate import AwardKey
from fenxiao.kernel.money import from_minor


@dataclass(frozen=True, slots=True)
class Booked:
    """What is looked at of a stored entry."""

    commission_id: int
    step: int
    key: AwardKey
    kind: str
    commission_amount_minor: int
    currency: str
    rule_id: int
    refund_sequence: int | None
    created_at: datetime
    release_at: datetime | None
    corrects: int | None


@dataclass(frozen=True, slots=True)
class Odd:
    """One row, or the lack of one, that is not as it should be."""

    subject: str
    expected: str
    found: str


def compare_entries(
    order_id: int, claim: Claim | None, stored: Sequence[Booked], about: str | None = None
) -> Iterator[Odd]:
    """Missing, extra and deviating entries of an order, or of what else it is `about`; None: nothing is to be booked."""
    about = about or f"order {order_id}"
    wanted = {} if claim is None else {(one.step, one.key): one for one in differences(claim, Book())}
    there = {(one.step, one.key): one for one in stored}
    for place, difference in wanted.items():
        if place not in there:
            component, level, distributor_id = difference.key
            where = (
                f"{about}, step {difference.step}, {component} level {level}, distributor {distributor_id}"
            )
            yield Odd(f"commission of {where}", _told(difference), "no such entry")
    first = {one.key: one.commission_id for one in reversed(stored) if one.corrects is None}
    for place, entry in there.items():
        if place in wanted:
            yield from _deviations(wanted[place], entry, first)
        else:
            amount = from_minor(entry.commission_amount_minor, entry.currency)
            yield Odd(
                f"commission {entry.commission_id}",
                "no such entry",
                f"{amount} {entry.currency} from {about}",
            )


def compare_books(order_id: int, claim: Claim | None, stored: Mapping[str, object] | None) -> Iterator[Odd]:
    """How far the order's book deviates."""
    subject = f"order_book {order_id}"
    if claim is None or stored is None:
        if claim is not None:
            yield Odd(subject, f"{len(claim.steps)} steps", "no such row")
        if stored is not None:
            yield Odd(subject, "no such row", f"{stored['steps']} steps")
        return
    wanted = {
        "rule_id": claim.rule_id,
        "currency": claim.currency,
        "steps": len(claim.steps),
        "release_at": claim.release_at,
    }
    yield from _unequal(subject, wanted, stored)


def _deviations(wanted: Difference, entry: Booked, first: Mapping[AwardKey, int]) -> Iterator[Odd]:
    of_key = first.get(entry.key)
    # Of each key, the first entry corrects nothing and all others correct that one.
    corrects = None if of_key == entry.commission_id else of_key
    expected = {
        "commission_amount_minor": wanted.amount_minor,
        "kind": wanted.kind,
        "rule_id": wanted.claim.rule_id,
        "currency": wanted.claim.currency,
        "refund_sequence": wanted.refund_sequence,
        "created_at": wanted.at,
        "release_at": wanted.claim.release_at,
        "corrects": corrects,
    }
    yield from _unequal(
        f"commission {entry.commission_id}", expected, {name: getattr(entry, name) for name in expected}
    )


def _unequal(subject: str, wanted: Mapping[str, object], found: Mapping[str, object]) -> Iterator[Odd]:
    for name, value in wanted.items():
        if found[name] != value:
            yield Odd(f"{subject}.{name}", str(value), str(found[name]))


def _told(difference: Difference) -> str:
    amount = from_minor(difference.amount_minor, difference.claim.currency)
    return f"{amount} {difference.claim.currency} ({difference.kind})"
