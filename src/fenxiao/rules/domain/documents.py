"""The canonical document of a plan and its hash."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest(document: Mapping[str, Any]) -> bytes:
    """SHA-256 of a canonical document, whatever the order in which its fields are kept.

    Canonical documents hold texts, whole numbers, truth values, lists and objects only, so one JSON text stands
    for each.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()
