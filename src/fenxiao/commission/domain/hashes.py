"""Hashes of runs (运行哈希): what went in and what came out, page by page, in an order that the rows themselves give.

Each page has its SHA-256, and the run's hash is folded over them: h = SHA-256(h ‖ page). So it is the same however the
run was cut into transactions, in how many processes it was worked out, and how often it was killed on the way; and a
single changed row gives another.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def first(header: Mapping[str, Any]) -> bytes:
    """The hash that a run begins with: what is known before its first page, as canonical JSON."""
    return hashlib.sha256(canonical(header)).digest()


def canonical(document: Mapping[str, Any]) -> bytes:
    """A document as bytes that are the same for equal documents: sorted names, no blanks, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def page(*parts: bytes) -> bytes:
    """The hash of one page; the parts cannot run into each other."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()


def folded(before: bytes, pages: Iterable[bytes]) -> bytes:
    """The hash after these pages."""
    for one in pages:
        before = hashlib.sha256(before + one).digest()
    return before
