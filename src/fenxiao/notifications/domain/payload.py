"""An event as it leaves the house: CloudEvents 1.0, JSON format, structured mode."""

import json
from datetime import UTC
from typing import Any

from fenxiao.kernel.events import Envelope

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"
TEST = "webhook.test"
"""The type of what `POST /api/webhooks/{webhook_id}/test` sends; nobody subscribes to it."""


def cloud_event(envelope: Envelope) -> dict[str, Any]:
    """The attributes and the data; who acted stays inside."""
    return {
        "specversion": "1.0",
        "id": str(envelope.id),
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": envelope.data,
    }


def written(envelope: Envelope) -> str:
    """The text that is kept, signed and sent, the same for every attempt."""
    return json.dumps(cloud_event(envelope), ensure_ascii=False, separators=(",", ":"))
