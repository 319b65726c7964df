"""What may be asked of notifications from outside HTTP."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits to go out: deliveries of enabled webhooks, since when the oldest of them is due, and e-mails."""

    deliveries: int
    due_since: datetime | None
    mails: int


class NotificationsApi(Protocol):
    """通知."""

    async def backlog(self) -> Backlog:
        """How much has not gone out yet. What waits for a disabled webhook does not count."""
