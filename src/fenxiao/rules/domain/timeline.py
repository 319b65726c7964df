"""The timeline (生效时间线): per currency, which version is in effect from when to when.

At any moment at most one version is in effect. A publication begins inside the interval of the one that is in
effect then, which it cuts; it lasts until the next one that was already announced begins.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fenxiao.kernel.ids import RuleId


@dataclass(frozen=True, slots=True)
class Interval:
    """A published version's time in effect: from inclusive, to exclusive, None without an end."""

    rule_id: RuleId
    effective_from: datetime
    effective_to: datetime | None

    def empty(self) -> bool:
        """Whether it was replaced before it began."""
        return self.effective_to == self.effective_from

    def holds(self, moment: datetime) -> bool:
        """Whether it is in effect at the moment."""
        return self.effective_from <= moment and (self.effective_to is None or moment < self.effective_to)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a publication stands: `cut` is the interval that now ends where this one begins."""

    effective_to: datetime | None
    cut: Interval | None


def place(timeline: Iterable[Interval], start: datetime) -> Placement:
    """The place of a version that begins at `start` on a timeline without overlaps.

    One that begins at the same moment is cut to nothing: it is replaced before it took effect.
    """
    standing = [interval for interval in timeline if not interval.empty()]
    for interval in standing:
        if interval.holds(start):
            return Placement(interval.effective_to, interval)
    return Placement(
        min((i.effective_from for i in standing if i.effective_from > start), default=None), None
    )


def earliest_start(announced_at: datetime, min_notice_days: int) -> datetime:
    """The first moment that the notice allows: `announced_at` + `min_notice_days` × 24 h."""
    return announced_at + timedelta(days=min_notice_days)
