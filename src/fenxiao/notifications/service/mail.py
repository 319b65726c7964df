"""E-mail to the administrators, where the server's owner has named a mail server: one mail for all that gathered.

The queue is rows: notices are gathered into a mail, a mail is tried until the mail server takes it. Nothing waits
for it, and a mail server that is down for hours loses nothing.
"""

import asyncio
import random
import smtplib
import ssl
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from fenxiao.infra import i18n, telemetry
from fenxiao.infra.db.database import Database
from fenxiao.infra.settings import Smtp
from fenxiao.kernel.i18n import Language
from fenxiao.notifications.domain import notices as kinds
from fenxiao.notifications.domain import patience
from fenxiao.notifications.queries import notices as queries
from fenxiao.notifications.queries.notices import Notice

QUIET = timedelta(minutes=5)
"""After a mail, what comes up meanwhile is gathered for so long: a thousand low products are not a thousand mails."""

FRESH = timedelta(days=1)
"""Older notices are not mailed any more; whoever names a mail server today does not get last year's."""

MOST = 200
"""Notices in one mail."""

LEASE = timedelta(minutes=2)
SMTP_SECONDS = 20.0
"""For each wait on the mail server."""

_LANGUAGES: tuple[Language, ...] = ("zh", "en")
_mails = telemetry.counter("fenxiao_mails_total", "Attempts to send an e-mail.", ("outcome",))
_log = telemetry.logger(__name__)


class Mail:
    """The queue of e-mails. Without a mail server it does nothing."""

    def __init__(self, db: Database, server: Smtp | None, *, address: str) -> None:
        self._db = db
        self._server = server
        self._address = address

    async def sweep(self) -> int:
        """Gather new notices into a mail and send every mail that is due; how many were tried."""
        if self._server is None:
            return 0
        await self._gather()
        tried = 0
        while (claimed := await self._claim()) is not None:
            tried += 1
            await self._try(self._server, *claimed)
        return tried

    async def _gather(self) -> None:
        now = self._db.clock()
        async with self._db.begin() as tx:
            rows = await tx.fetch(
                "select notice_id from notice where mail_id is null and created_at > $1"
                " and not exists (select from mail where created_at > $2)"
                " order by notice_id limit $3 for update skip locked",
                now - FRESH,
                now - QUIET,
                MOST,
            )
            if not rows:
                return
            mail_id = await tx.fetchval(
                "insert into mail (state, due_at, created_at) values ('pending', $1, $1) returning mail_id",
                now,
            )
            await tx.execute(
                "update notice set mail_id = $2 where notice_id = any($1::bigint[])",
                [row["notice_id"] for row in rows],
                mail_id,
            )

    async def _claim(self) -> tuple[int, int, int] | None:
        """The next mail that is due, its claim, and how often it has failed."""
        now = self._db.clock()
        async with self._db.begin() as tx:
            row = await tx.fetchrow(
                "update mail set claim = claim + 1, due_at = $2 where mail_id = (select mail_id from mail"
                " where state = 'pending' and due_at <= $1 order by due_at limit 1 for update skip locked)"
                " returning mail_id, claim, failed",
                now,
                now + LEASE,
            )
        return None if row is None else (row["mail_id"], row["claim"], row["failed"])

    async def _try(self, server: Smtp, mail_id: int, claim: int, failed: int) -> None:
        message = self._written(server, mail_id, await queries.of_mail(self._db, mail_id))
        fault = None
        try:
            refused = await asyncio.to_thread(_send, server, message)
            if refused:
                _log.warning("mail recipients refused", refused=refused)
        except (OSError, smtplib.SMTPException) as error:
            # The server's words may hold addresses; its number and the kind of fault are enough to look further.
            fault = f"{type(error).__name__} {getattr(error, 'smtp_code', '')}".strip()
            _log.warning("mail waits", mail_id=mail_id, reason=fault)
        _mails.labels("failed" if fault else "sent").inc()
        await self._record(mail_id, claim, failed, fault)

    async def _record(self, mail_id: int, claim: int, failed: int, fault: str | None) -> None:
        now = self._db.clock()
        delay = patience.next_delay(failed + 1, random.random()) if fault else None  # noqa: S311  # nosec B311
        state = "sent" if fault is None else "dead" if delay is None else "pending"
        async with self._db.begin() as tx:
            await tx.execute(
                "update mail set state = $3, failed = failed + $4, error = $5, due_at = $6, finished_at = $7"
                " where mail_id = $1 and state = 'pending' and (claim = $2 or $3 = 'sent')",
                mail_id,
                claim,
                state,
                int(fault is not None),
                fault,
                None if delay is None else now + delay,
                now if state != "pending" else None,
            )

    def _written(self, server: Smtp, mail_id: int, told: Sequence[Notice]) -> EmailMessage:
        message = EmailMessage()
        titles = [kinds.TITLES[kind] for kind in dict.fromkeys(one.kind for one in told)]
        subject = " / ".join(i18n.translate(title, language) for title in titles for language in _LANGUAGES)
        message["Subject"] = f"[Fenxiao] {subject}" + (f" ({len(told)})" if len(told) > 1 else "")
        message["From"] = server.sender
        message["To"] = ", ".join(server.recipients)
        message["Date"] = format_datetime(self._db.clock())
        # The same for every attempt: a mail that was taken although we did not hear of it is known again by it.
        message["Message-ID"] = f"<notice-mail-{mail_id}@{server.sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"
        lines = [_lines(one) for one in told]
        message.set_content("\n\n".join([*lines, self._address]) + "\n")
        return message


def _lines(one: Notice) -> str:
    text = kinds.template(one.kind, one.params)
    told = [i18n.render(text, one.params, language) for language in _LANGUAGES]
    return "\n".join([one.created_at.strftime("%Y-%m-%d %H:%M UTC"), *told])


def _send(server: Smtp, message: EmailMessage) -> int:
    """Hand the message to the mail server; how many recipients it refused. Blocks: call it in a thread."""
    tls = ssl.create_default_context()
    if server.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=SMTP_SECONDS, context=tls
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=SMTP_SECONDS)
    with connection:
        if server.security == "starttls":
            connection.starttls(context=tls)
        if server.username is not None:
            connection.login(server.username, server.password or "")
        return len(connection.send_message(message, server.sender, server.recipients))
