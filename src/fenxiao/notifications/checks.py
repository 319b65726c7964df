"""What must always hold of notifications: states and attempts agree, every webhook can sign, and nothing lies about."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from fenxiao.infra.wiring import Check, Finding
from fenxiao.notifications.service import Notifications

CHUNK = 5000
LATE = timedelta(minutes=10)
"""So long after its time a delivery that nobody has tried is worth a line."""

MOST = 100
DELIVERIES = "notifications.deliveries"
SECRETS = "notifications.secrets"
ON_TIME = "notifications.on_time"


def checks(service: Notifications) -> Sequence[Check]:
    """The checks of this context."""

    async def deliveries() -> AsyncIterator[Finding]:
        cursor: int | None = 0
        while cursor is not None:
            cursor, wrong = await service.proof.contradictions_after(cursor, CHUNK)
            for one in wrong:
                expected = "a successful attempt" if one.state == "delivered" else "an attempt"
                yield Finding(
                    check=DELIVERIES,
                    subject=f"deliveries/{one.delivery_id}, which is {one.state}",
                    expected=expected,
                    found=f"{one.attempts} attempts, {one.successes} of them successful",
                )

    async def secrets() -> AsyncIterator[Finding]:
        for webhook_id, found in await service.proof.unusable_secrets():
            yield Finding(
                check=SECRETS, subject=f"webhooks/{webhook_id}", expected="a secret that opens", found=found
            )

    async def on_time() -> AsyncIterator[Finding]:
        for delivery_id, due_at in await service.proof.overdue(LATE, MOST):
            yield Finding(
                check=ON_TIME,
                subject=f"deliveries/{delivery_id}",
                expected=f"an attempt soon after {due_at.isoformat()}",
                found="none",
                # Nobody delivers while the server stands still; the next start sees to it.
                in_flight=True,
            )

    return (Check(DELIVERIES, deliveries), Check(SECRETS, secrets), Check(ON_TIME, on_time))
