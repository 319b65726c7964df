"""Use cases of notifications; `Notifications` is its near api."""

from collections.abc import Collection

from fenxiao.infra import telemetry
from fenxiao.infra.crypto import Cipher
from fenxiao.infra.db.database import Database
from fenxiao.infra.settings import Settings
from fenxiao.notifications.api import Backlog
from fenxiao.notifications.queries import checking
from fenxiao.notifications.service.calling import Caller, Resolve, look_up
from fenxiao.notifications.service.deliveries import Deliveries
from fenxiao.notifications.service.mail import Mail
from fenxiao.notifications.service.notices import Notices
from fenxiao.notifications.service.outgoing import Outgoing
from fenxiao.notifications.service.proof import Proof
from fenxiao.notifications.service.sending import Sending
from fenxiao.notifications.service.trimming import Trimming
from fenxiao.notifications.service.webhooks import Webhooks

_backlog = telemetry.gauge("fenxiao_webhook_backlog", "Deliveries that wait for enabled webhooks.")
_behind = telemetry.gauge("fenxiao_webhook_backlog_seconds", "How long the oldest of them has been due.")
_mails = telemetry.gauge("fenxiao_mail_backlog", "E-mails that wait.")


class Notifications:
    """通知: webhooks, notices and e-mail of this process."""

    def __init__(
        self,
        db: Database,
        cipher: Cipher,
        settings: Settings,
        types: Collection[str],
        *,
        resolve: Resolve = look_up,
    ) -> None:
        self._db = db
        caller = Caller(settings.private_networks, db.clock, resolve=resolve)
        self.webhooks = Webhooks(db, cipher, caller, types)
        self.sending = Sending(db, cipher, caller)
        self.deliveries = Deliveries(db, self.sending, self.webhooks.types)
        self.outgoing = Outgoing(db)
        self.notices = Notices(db)
        self.mail = Mail(db, settings.smtp, address=settings.issuer)
        self.trimming = Trimming(
            db, deliveries_days=settings.keep_deliveries_days, notices_days=settings.keep_notices_days
        )
        self.proof = Proof(db, cipher)

    async def backlog(self) -> Backlog:
        """See `NotificationsApi`."""
        found = await checking.waiting(self._db)
        return Backlog(deliveries=found.deliveries, due_since=found.due_since, mails=found.mails)

    async def measure(self) -> None:
        """Tell Prometheus what waits."""
        found = await checking.waiting(self._db)
        _backlog.set(found.deliveries)
        late = 0.0 if found.due_since is None else (self._db.clock() - found.due_since).total_seconds()
        _behind.set(max(late, 0.0))
        _mails.set(found.mails)
