"""What must always hold of payments: a status rests on a channel's word, and no number is paid twice."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from fenxiao.infra.wiring import Check, Finding
from fenxiao.payments.service import Payments

CHUNK = 5000
LATE = timedelta(minutes=10)
"""So long after its time a transfer that nobody has dealt with is worth a line."""

MOST = 100
TRANSFERS = "payments.transfers"
PAID_ONCE = "payments.paid_once"
ON_TIME = "payments.on_time"


def checks(service: Payments) -> Sequence[Check]:
    """The checks of this context."""

    async def transfers() -> AsyncIterator[Finding]:
        cursor: int | None = 0
        while cursor is not None:
            cursor, wrong = await service.proof.contradictions_after(cursor, CHUNK)
            for one in wrong:
                nothing = one.status in {"queued", "cancelled"}
                yield Finding(
                    check=TRANSFERS,
                    subject=f"payouts/{one.payout_number}, which is {one.status}",
                    expected="no word that ends it"
                    if nothing
                    else f"the word {one.status}, and no other end",
                    found=", ".join(one.words) or "no word",
                )

    async def paid_once() -> AsyncIterator[Finding]:
        cursor: int | None = 0
        while cursor is not None:
            cursor, wrong = await service.proof.paid_twice_after(cursor, CHUNK)
            for number, references in wrong:
                yield Finding(
                    check=PAID_ONCE,
                    subject=f"payouts/{number}",
                    expected="one payment",
                    found=f"payments {', '.join(references)}",
                )

    async def on_time() -> AsyncIterator[Finding]:
        for number, due_at in await service.proof.overdue(LATE, MOST):
            yield Finding(
                check=ON_TIME,
                subject=f"payouts/{number}",
                expected=f"a call soon after {due_at.isoformat()}",
                found="none",
                # Nobody calls while the server stands still; the next start sees to it.
                in_flight=True,
            )

    return (Check(TRANSFERS, transfers), Check(PAID_ONCE, paid_once), Check(ON_TIME, on_time))
