"""The after-sale state of an order (售后状态): whether its history has gone on behind what is booked of it."""

from collections.abc import Sequence
from datetime import datetime


def steps_told(refunds: Sequence[datetime], accrued_at: datetime, *, on_payment: bool) -> int:
    """How many steps a history with refunds at these times has: the accrual, and every refund from then on.

    A refund presupposes payment, so where accrual is at payment every refund follows it; and what stands behind a
    refund that follows does so too. As in `engine.evaluate.steps`.
    """
    if on_payment:
        return 1 + len(refunds)
    before = next((n for n, at in enumerate(refunds) if at >= accrued_at), len(refunds))
    return 1 + len(refunds) - before
