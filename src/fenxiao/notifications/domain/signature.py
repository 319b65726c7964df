"""Signatures by Standard Webhooks 1.0: `v1,base64(HMAC-SHA256(secret, id.timestamp.payload))`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification asks for 24 to 64."""


def secret(random: bytes) -> str:
    """Random bytes as a secret in the form that receivers' libraries take."""
    return PREFIX + base64.b64encode(random).decode()


def headers(event_id: str, at: int, payload: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers; while keys change there is a signature by each secret. `at` in seconds since 1970."""
    signed = f"{event_id}.{at}.".encode() + payload
    signatures = [base64.b64encode(hmac.digest(_key(one), signed, "sha256")).decode() for one in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(text: str) -> bytes:
    return base64.b64decode(text.removeprefix(PREFIX), validate=True)
