"""The hash chain of the audit log: each line's hash covers the line and the hash before it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

START = bytes(32)
"""What stands before the first line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """审计记录: who did what to which thing, and how it was before and after (masked)."""

    audit_id: int
    event_id: UUID
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any


def hashed(previous: bytes, line: Line) -> bytes:
    """SHA-256 of the previous hash and the line in its canonical form (names sorted, no spaces, UTC, UTF-8)."""
    members = {
        "audit_id": line.audit_id,
        "event_id": str(line.event_id),
        "at": line.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
        "before": line.before,
        "after": line.after,
    }
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous + text.encode()).digest()
