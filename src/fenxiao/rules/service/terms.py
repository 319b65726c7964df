"""What the server's settings say about publishing."""

from dataclasses import dataclass
from typing import Literal

from fenxiao.engine import law

Approval = Literal["none", "second-person"]
"""Who must have looked at a version before it is published: nobody but its authors, or one who is none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the server's settings say about publishing: the legal limits, days of notice, and who must approve."""

    limits: law.LawProfile
    min_notice_days: int
    approval: Approval = "none"
