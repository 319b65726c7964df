"""A system whose channels are played on loopback sockets, and short words for what the tests do over and over."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from tests.conftest import ADMIN_PASSWORD, Server, TestedSystem, place
from tests.fakes.alipay import Alipay
from tests.fakes.paypal import PayPal
from tests.fakes.stripe import Stripe
from tests.fakes.wechat import WeChat
from tests.fakes.wires import Played, playing

from fenxiao.entrypoints.compose import composed
from fenxiao.payments.api import TransferRequest, TransferState
from fenxiao.payments.channels import line

Call = Callable[..., Awaitable[Any]]
Login = Callable[[str, str], Awaitable[dict[str, str]]]
HOLDER = "王小明"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that does not answer is given up soon."""
    monkeypatch.setattr(line, "DEADLINE", 1.0)


@pytest_asyncio.fixture
async def played() -> AsyncIterator[dict[str, Played]]:
    channels: list[Played] = [WeChat(), Alipay(), Stripe(), PayPal()]
    async with playing(channels):
        yield {one.name: one for one in channels}


@pytest_asyncio.fixture
async def system(
    server: Server, dsn: str, played: dict[str, Played], tmp_path: Path
) -> AsyncIterator[TestedSystem]:
    """All contexts, with every channel configured."""
    file = tmp_path / "channels.toml"
    file.write_text("".join(one.section() for one in played.values()))
    file.chmod(0o600)
    async with composed(place(server, dsn, payout_channels=file)) as whole:
        whole.__class__ = TestedSystem
        for one in played.values():
            one.clock = whole.clock
        await whole.start()
        yield whole


class Scene:
    """Payments with their channels, and who looks at them."""

    def __init__(
        self, system: TestedSystem, client: httpx.AsyncClient, login: Login, played: dict[str, Played]
    ) -> None:
        self.system, self.client, self.played = system, client, played
        self._login = login
        self._signed_in: dict[datetime, dict[str, str]] = {}
        self.api = system.apis.payments
        (self._send,) = [
            job.work
            for offer in system.offers
            if offer.name == "payments"
            for job in offer.jobs
            if job.name == "payments send"
        ]

    async def ask(self, method: str, path: str, *, status: int | None = None, **how: Any) -> Any:
        """Ask as the administrator, get the decoded answer."""
        if (now := self.system.clock.now) not in self._signed_in:
            self._signed_in[now] = await self._login("admin", ADMIN_PASSWORD)
        headers = self._signed_in[now] | how.pop("headers", {})
        answer = await self.client.request(method, path, headers=headers, **how)
        if status is None:
            assert answer.is_success, (method, path, answer.text)
        else:
            assert answer.status_code == status, (method, path, answer.text)
        kind = answer.headers.get("content-type", "")
        return answer.json() if "json" in kind else answer.content

    def order(self, channel: str, amount_minor: int = 12_345, **changes: Any) -> TransferRequest:
        """A transfer with a number of its own."""
        payee = "6222021234567890123" if channel == "bank" else self.played[channel].payee
        named = {"payout_number": uuid4().hex, "currency": "CNY", "holder": HOLDER, "number": payee}
        return TransferRequest(**{**named, "channel": channel, "amount_minor": amount_minor, **changes})

    async def taken(self, channel: str, *fares: str, **changes: Any) -> str:
        """A transfer that was taken in; its number."""
        if fares:
            self.played[channel].plan += fares
        asked = self.order(channel, **changes)
        (answer,) = await self.api.transfer(requests=[asked])
        assert isinstance(answer, TransferState), answer
        return asked.payout_number

    async def send(self, after: timedelta = timedelta(0)) -> None:
        """The job, `after` so long."""
        self.system.clock.advance(after)
        await self._send()

    async def state(self, number: str) -> TransferState:
        (found,) = await self.api.transfers(numbers=[number])
        return found

    async def words(self, number: str) -> list[str]:
        found = await self.ask("GET", f"/api/payouts/{number}")
        return [f"{one['kind']}:{one['word']}" for one in found["attempts"]]

    async def told(self, number: str) -> list[tuple[str, str | None]]:
        """The events of a number: status, and what it contradicts."""
        rows = await self.system.databases["payments"].fetch(
            "select data from outbox where type = 'payout.status_changed' and data->>'payout_number' = $1 order by seq",
            number,
        )
        return [(row["data"]["status"], row["data"]["contradicts"]) for row in rows]

    async def call_back(self, channel: str, number: str, *, forged: bool = False) -> httpx.Response:
        headers, body = self.played[channel].callback(number, forged=forged)
        path = f"/api/payments/callbacks/{channel}"
        return await self.client.post(path, headers=headers, content=body)

    async def findings(self) -> list[str]:
        """What the checks of payments find."""
        (offer,) = [offer for offer in self.system.offers if offer.name == "payments"]
        return [
            f"{finding.check}: {finding.found}"
            for check in offer.checks
            async for finding in check.findings()
            if not finding.in_flight
        ]


@pytest_asyncio.fixture
async def scene(
    system: TestedSystem, client: httpx.AsyncClient, login: Login, played: dict[str, Played]
) -> Scene:
    return Scene(system, client, login, played)
