"""Typed identifiers of this context."""

from typing import NewType

WebhookId = NewType("WebhookId", int)
DeliveryId = NewType("DeliveryId", int)
NoticeId = NewType("NoticeId", int)
MailId = NewType("MailId", int)
