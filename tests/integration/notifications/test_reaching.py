"""What a webhook can never reach, whatever its name says today and says tomorrow; and TLS, which keeps the name."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.conftest import Server, TestedSystem, place
from tests.integration.notifications.receiver import Receiver, Reply, listening

from fenxiao.entrypoints.compose import composed
from fenxiao.kernel.errors import Invalid
from fenxiao.notifications.domain import urls
from fenxiao.notifications.domain.attempts import Fault
from fenxiao.notifications.service.calling import Caller

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def clock() -> datetime:
    return datetime(2026, 3, 15, 12, tzinfo=UTC)


class Names:
    """A resolver that says what it is told, one answer after another, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def post(caller: Caller, url: str) -> Any:
    async with caller.line() as line:
        return await line.post(urls.parse(url), {"content-type": "text/plain"}, b"{}")


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%lo"],
        ["100.64.1.1"],
        ["0.0.0.0"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
    ],
)
async def test_nothing_private_is_called_or_saved(answer: list[str]) -> None:
    async with listening() as receiver:
        for scheme in ("https", "http"):
            url = f"{scheme}://hooks.example.com:{receiver.port}/"
            caller = Caller((), clock, resolve=Names(answer))
            with pytest.raises(Invalid) as refused:
                await caller.examine(urls.parse(url))
            assert refused.value.errors[0].field == "url"
            assert (await post(caller, url)).fault is Fault.ADDRESS_REFUSED
        assert receiver.connections == 0


async def test_a_name_that_changes_after_it_was_saved_gains_nothing() -> None:
    async with listening() as receiver:
        names = Names(["8.8.8.8"], ["127.0.0.1"])
        caller = Caller((), clock, resolve=names)
        url = f"https://rebind.example.com:{receiver.port}/"
        await caller.examine(urls.parse(url))
        assert (await post(caller, url)).fault is Fault.ADDRESS_REFUSED
        assert receiver.connections == 0


async def test_the_checked_address_is_the_one_that_is_called() -> None:
    """A resolver that answers differently the second time is not asked a second time."""
    async with listening() as receiver:
        names = Names(["127.0.0.1"], ["192.0.2.1"])
        caller = Caller(LOOPBACK, clock, resolve=names)
        outcome = await post(caller, f"http://hooks.test:{receiver.port}/a?b=c")
        assert (outcome.fault, outcome.status) == (None, 204)
        assert names.asked == [("hooks.test", receiver.port)]
        assert receiver.received[0].headers["host"] == f"hooks.test:{receiver.port}"
        assert receiver.received[0].path == "/a?b=c"


async def test_plain_http_reaches_the_allowed_networks_only() -> None:
    caller = Caller(LOOPBACK, clock, resolve=Names(["8.8.8.8"]))
    with pytest.raises(Invalid):
        await caller.examine(urls.parse("http://hooks.example.com/"))
    assert (await post(caller, "http://hooks.example.com/")).fault is Fault.ADDRESS_REFUSED
    await caller.examine(urls.parse("https://hooks.example.com/"))


@pytest.mark.parametrize("answer", [OSError("no such name"), []])
async def test_a_name_that_nobody_knows(answer: Any) -> None:
    async def unknown(_: str, __: int) -> Sequence[str]:
        if isinstance(answer, OSError):
            raise answer
        return []

    caller = Caller((), clock, resolve=unknown)
    with pytest.raises(Invalid) as refused:
        await caller.examine(urls.parse("https://hooks.example.com/"))
    assert refused.value.errors[0].params == {"host": "hooks.example.com"}
    assert (await post(caller, "https://hooks.example.com/")).fault is Fault.NAME_UNKNOWN


@pytest.mark.parametrize(
    "host", ["0", "127.1", "0x7f.1", "2130706433", "017700000001", "localhost", "127.0.0.1."]
)
async def test_other_ways_to_write_this_machine(host: str) -> None:
    caller = Caller((), clock)
    with pytest.raises(Invalid):
        await caller.examine(urls.parse(f"https://{host}/"))
    assert (await post(caller, f"https://{host}/")).fault in {Fault.ADDRESS_REFUSED, Fault.NAME_UNKNOWN}


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as receiver, listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        outcome = await post(Caller(LOOPBACK, clock), receiver.url)
        assert (outcome.status, len(receiver.received), proxy.connections) == (204, 1, 0)


async def test_of_an_answer_no_more_is_read_than_is_kept() -> None:
    async with listening() as receiver:
        receiver.always = Reply(200, b"x" * 5_000_000)
        outcome = await post(Caller(LOOPBACK, clock), receiver.url)
        assert (outcome.status, outcome.answer) == (200, "x" * 1024)


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of hooks.test and localhost that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("hooks.test"), x509.DNSName("localhost")]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "hooks.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest_asyncio.fixture
async def safe(certificate: Path) -> AsyncIterator[tuple[Receiver, list[str]]]:
    """A receiver behind TLS, and the names that callers have asked it for (SNI)."""
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _, name, __: names.append(name)
    async with listening(context) as receiver:
        yield receiver, names


async def test_tls_keeps_the_name_although_the_address_is_called(
    safe: tuple[Receiver, list[str]], certificate: Path
) -> None:
    receiver, names = safe
    trusting = ssl.create_default_context(cafile=str(certificate))
    caller = Caller(LOOPBACK, clock, resolve=Names(["127.0.0.1"]), tls=trusting)
    outcome = await post(caller, f"https://hooks.test:{receiver.port}/")
    assert (outcome.status, names) == (204, ["hooks.test"])
    assert receiver.received[0].headers["host"] == f"hooks.test:{receiver.port}"


async def test_a_certificate_of_somebody_else_or_of_nobody_is_not_believed(
    safe: tuple[Receiver, list[str]], certificate: Path
) -> None:
    receiver, _ = safe
    trusting = ssl.create_default_context(cafile=str(certificate))
    other = Caller(LOOPBACK, clock, resolve=Names(["127.0.0.1"]), tls=trusting)
    assert (await post(other, f"https://other.test:{receiver.port}/")).fault is Fault.TLS_FAILED
    strict = Caller(LOOPBACK, clock, resolve=Names(["127.0.0.1"]))
    assert (await post(strict, f"https://hooks.test:{receiver.port}/")).fault is Fault.TLS_FAILED
    assert receiver.received == []


# The whole system


async def test_a_server_whose_owner_allows_nothing_takes_no_private_address(
    server: Server, dsn: str, owner: asyncpg.Connection
) -> None:
    async with composed(place(server, dsn)) as system:
        await system.start()
        webhooks = system.apis.notifications.webhooks
        for url in ("http://127.0.0.1:8080/", "https://127.0.0.1/", "https://localhost/", "http://8.8.8.8/"):
            with pytest.raises(Invalid):
                await webhooks.create(url=url, event_types=["*"], description="", once=None)
    assert await owner.fetchval("select count(*) from notifications.webhook") == 0


async def test_an_address_that_became_private_is_not_called(
    *, server: Server, dsn: str, system: TestedSystem, hook: Any, happen: Any, receiver: Receiver
) -> None:
    """Saved while the network was allowed; the server then started again without the permission."""
    assert hook["url"] == receiver.url
    await happen(1)
    strict = place(server, dsn)
    async with composed(strict) as narrow:
        narrow.place.clock.now = system.clock.now
        assert await narrow.apis.notifications.sending.sweep() == 1
    assert receiver.connections == 0
    row = await system.databases["notifications"].fetchrow("select * from attempt")
    assert (row["fault"], row["status"], row["answer"]) == ("address-refused", None, None)
