"""Reconciliation (对账): a channel's statement beside what is known here; every difference, one line each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DifferenceKind = Literal["missing-here", "missing-there", "amount-differs", "status-differs", "paid-twice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One transfer as the channel's statement has it; `line` counts from 1, the heading."""

    line: int
    payout_number: str
    amount_minor: int
    currency: str
    status: Literal["paid", "failed", "processing"]
    reference: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One transfer as it is known here."""

    payout_number: str
    amount_minor: int
    currency: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """差异: where statement and book do not say the same; what is not there is None."""

    kind: DifferenceKind
    payout_number: str
    line: int | None = None
    reference: str | None = None
    here_amount_minor: int | None = None
    here_currency: str | None = None
    here_status: str | None = None
    there_amount_minor: int | None = None
    there_currency: str | None = None
    there_status: str | None = None


def compare(
    lines: Sequence[StatementLine], known: Mapping[str, Known], expected: Iterable[Known]
) -> list[Difference]:
    """Every difference: the lines in their order, then what the statement lacks.

    `known` are the transfers that the lines name, whenever they were; `expected` those paid here in the statement's span.
    A transfer that is still open here and failed there, or the other way round, differs in its status too.
    """
    found: list[Difference] = []
    for one in lines:
        here = known.get(one.payout_number)
        if here is None:
            found.append(_difference("missing-here", one, None))
            continue
        if (here.amount_minor, here.currency) != (one.amount_minor, one.currency):
            found.append(_difference("amount-differs", one, here))
        if here.status != one.status:
            found.append(_difference("status-differs", one, here))
    paid = Counter(one.payout_number for one in lines if one.status == "paid")
    seen: set[str] = set()
    for one in lines:
        if one.status == "paid" and paid[one.payout_number] > 1 and one.payout_number in seen:
            found.append(_difference("paid-twice", one, known.get(one.payout_number)))
        seen.add(one.payout_number)
    there = {one.payout_number for one in lines}
    found += [_lacking(one) for one in expected if one.payout_number not in there]
    return found


def _difference(kind: DifferenceKind, there: StatementLine, here: Known | None) -> Difference:
    return Difference(
        kind=kind,
        payout_number=there.payout_number,
        line=there.line,
        reference=there.reference,
        here_amount_minor=None if here is None else here.amount_minor,
        here_currency=None if here is None else here.currency,
        here_status=None if here is None else here.status,
        there_amount_minor=there.amount_minor,
        there_currency=there.currency,
        there_status=there.status,
    )


def _lacking(here: Known) -> Difference:
    return Difference(
        kind="missing-there",
        payout_number=here.payout_number,
        here_amount_minor=here.amount_minor,
        here_currency=here.currency,
        here_status=here.status,
    )
