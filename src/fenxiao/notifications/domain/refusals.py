"""What notifications declines to do."""

from fenxiao.kernel.errors import Conflict


class TooManyWebhooks(Conflict):
    """There may be at most {limit} webhooks; delete one that is not needed any more."""

    code = "too-many-webhooks"


class WebhookDisabled(Conflict):
    """The webhook is disabled; enable it first."""

    code = "webhook-disabled"
