"""The envelope of an event (CloudEvents 1.0) and the base of every event's data.

A context publishes frozen dataclasses that derive from `Event`; `type` is the CloudEvents type.
An event carries ids, status, version and amounts, never personal data.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from fenxiao.kernel.values import value


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What has happened, in the past tense."""

    type: ClassVar[str]

    def subject(self) -> str:
        """What it happened to, such as "orders/1001"; events of one subject keep their order in normal running."""
        raise NotImplementedError(type(self))


@value(kw_only=True)
class Envelope:
    """One published event: `id` is for deduplication, `time` that of the fact, `data` the event's fields."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    actor: str
