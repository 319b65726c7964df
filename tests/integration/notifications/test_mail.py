"""E-mail to the administrators, through a real mail server on this machine."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from tests.conftest import Server, TestedSystem, place
from tests.integration.notifications.postbox import Postbox, open_postbox
from tests.integration.notifications.test_notices import low
from tests.integration.notifications.test_reaching import certificate  # noqa: F401 - a fixture

from fenxiao.entrypoints.compose import composed
from fenxiao.infra.settings import Smtp
from fenxiao.notifications.domain import patience

TO = ("chen@example.com", "wang@example.com")


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Postbox]:
    async with open_postbox() as one:
        yield one


def smtp(box: Postbox, **changes: Any) -> Smtp:
    plain = Smtp(
        host="127.0.0.1", port=box.port, security="none", username=None, password=None,
        sender="shop@example.com", recipients=TO,
    )  # fmt: skip
    return replace(plain, **changes)


@asynccontextmanager
async def mailing(server: Server, dsn: str, settings: Smtp | None) -> AsyncIterator[TestedSystem]:
    async with composed(place(server, dsn, smtp=settings)) as whole:
        whole.__class__ = TestedSystem
        await whole.start()
        yield whole


@pytest_asyncio.fixture
async def system(server: Server, dsn: str, box: Postbox) -> AsyncIterator[TestedSystem]:
    async with mailing(server, dsn, smtp(box)) as whole:
        yield whole


async def sweep(system: TestedSystem) -> int:
    return await system.apis.notifications.mail.sweep()


async def test_a_notice_is_mailed_once_in_both_languages(system: TestedSystem, box: Postbox) -> None:
    await low(system, 7)
    assert await sweep(system) == 1
    await system.redeliver()
    system.clock.advance(timedelta(days=1))
    assert await sweep(system) == 0
    (mail,) = box.mails
    assert box.recipients == [list(TO)]
    assert mail["Subject"] == "[Fenxiao] 库存预警 / Stock is low"
    assert (mail["From"], mail["To"]) == ("shop@example.com", "chen@example.com, wang@example.com")
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "Only 3 of product 7 can still be sold; the alert threshold is 10." in text
    assert "商品 7 的可售库存仅剩 3" in text
    assert "2026-03-15 12:00 UTC" in text


async def test_what_comes_up_at_once_comes_in_one_mail(system: TestedSystem, box: Postbox) -> None:
    await low(system, 1, 2, 3)
    await sweep(system)
    await low(system, 4)
    assert await sweep(system) == 0, "after a mail it is quiet for a while"
    system.clock.advance(timedelta(minutes=5))
    await low(system, 5)
    await sweep(system)
    first, second = box.mails
    assert first["Subject"].endswith("(3)")
    assert [f"product {n} " in second.get_content() for n in range(1, 6)] == [False, False, False, True, True]


async def test_a_mail_server_that_is_down_loses_nothing(
    system: TestedSystem, box: Postbox, owner: asyncpg.Connection
) -> None:
    box.down = True
    await low(system, 7)
    for delay in patience.DELAYS[:3]:
        assert await sweep(system) == 1
        assert await sweep(system) == 0
        row = await owner.fetchrow("select * from notifications.mail")
        assert (row["state"], row["error"]) == ("pending", "SMTPConnectError 421")
        assert delay <= row["due_at"] - system.clock.now <= delay * 1.2
        system.clock.now = row["due_at"]
    box.down = False
    assert (await system.apis.notifications.backlog()).mails == 1
    assert await sweep(system) == 1
    assert len(box.mails) == 1
    assert (await owner.fetchrow("select * from notifications.mail"))["state"] == "sent"
    assert (await system.apis.notifications.backlog()).mails == 0


async def test_in_the_end_it_is_given_up(
    system: TestedSystem, box: Postbox, owner: asyncpg.Connection
) -> None:
    box.refuses = set(TO)
    await low(system, 7)
    tried = 0
    while await sweep(system):
        tried += 1
        system.clock.advance(timedelta(hours=15))
    row = await owner.fetchrow("select * from notifications.mail")
    assert (tried, row["state"], row["failed"]) == (patience.ATTEMPTS, "dead", patience.ATTEMPTS)
    assert "example.com" not in row["error"], "no address is kept"
    assert box.mails == []


async def test_one_recipient_refused_keeps_the_others(
    system: TestedSystem, box: Postbox, capfd: pytest.CaptureFixture[str]
) -> None:
    box.refuses = {TO[0]}
    await low(system, 7)
    await sweep(system)
    assert box.recipients == [[TO[1]]]
    out, err = capfd.readouterr()
    assert "mail recipients refused" in out + err
    assert TO[0] not in out + err


async def test_nobody_at_the_port(server: Server, dsn: str, owner: asyncpg.Connection, box: Postbox) -> None:
    async with mailing(server, dsn, smtp(box, port=1)) as system:
        await low(system, 7)
        assert await sweep(system) == 1
    assert (await owner.fetchrow("select * from notifications.mail"))["error"] == "ConnectionRefusedError"


async def test_without_a_mail_server_nothing_is_queued(
    server: Server, dsn: str, owner: asyncpg.Connection, box: Postbox
) -> None:
    async with mailing(server, dsn, None) as system:
        await low(system, 7)
        assert await sweep(system) == 0
    assert await owner.fetchval("select count(*) from notifications.mail") == 0
    # Named a month later, the mail server does not get what is old by then.
    async with mailing(server, dsn, smtp(box)) as system:
        system.clock.advance(timedelta(days=30))
        assert await sweep(system) == 0
    assert box.mails == []


async def test_a_password_travels_under_tls_and_only_to_whom_the_certificate_names(
    server: Server,
    dsn: str,
    certificate: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with open_postbox(context) as box:
        # The certificate is that of localhost, not of 127.0.0.1.
        wanted = smtp(box, security="starttls", username="user", password="pass word")
        async with mailing(server, dsn, wanted) as system:
            await low(system, 7)
            assert await sweep(system) == 1
            assert (box.mails, box.logins) == ([], [])
            later = system.clock.now + timedelta(hours=1)
        async with mailing(server, dsn, replace(wanted, host="localhost")) as system:
            system.clock.now = later
            assert await sweep(system) == 1
    assert (box.logins, box.encrypted) == ([("user", "pass word")], [True])


async def test_a_server_that_speaks_tls_from_the_first_byte(
    server: Server,
    dsn: str,
    certificate: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with open_postbox(context, at_once=True) as box:
        there = smtp(box, security="tls", host="localhost")
        async with mailing(server, dsn, there) as system:
            await low(system, 7)
            assert await sweep(system) == 1
        assert len(box.mails) == 1
