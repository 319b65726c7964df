"""What has happened to plans."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.kernel.events import Event
from fenxiao.kernel.ids import RuleId


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePublished(Event):
    """A rule version was announced and will be, or is, in effect."""

    type = "rule.published"
    rule_id: RuleId
    name: str
    version: int
    currency: str
    effective_from: datetime

    def subject(self) -> str:
        """The rule version."""
        return f"rules/{self.rule_id}"
