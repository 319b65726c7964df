"""Sessions that were revoked: asked of their keeper every second by each process, so a stolen token stops soon."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fenxiao.infra import telemetry
from fenxiao.infra.http.auth import CLAIM_SESSION
from fenxiao.kernel.clock import Clock
from fenxiao.kernel.errors import Unavailable

LOOK_BACK = timedelta(minutes=20)
"""Longer than an access token lives: what was revoked before that needs no remembering."""

PAUSE = 1.0
"""Seconds between questions."""

_log = telemetry.logger(__name__)


class Revocations:
    """The verifier's hook: whether a token's session has been revoked, as of the last answer."""

    def __init__(self, ask: Callable[[datetime], Awaitable[list[str]]], clock: Clock) -> None:
        self._ask, self._clock = ask, clock
        self._revoked: frozenset[str] = frozenset()

    def __call__(self, claims: Mapping[str, Any]) -> bool:
        """True for the claims of a token whose session is known to be revoked."""
        return claims.get(CLAIM_SESSION) in self._revoked

    async def look(self) -> None:
        """Ask once."""
        self._revoked = frozenset(await self._ask(self._clock() - LOOK_BACK))

    async def run(self) -> None:
        """Ask every second until cancelled; while nobody answers, what is known stays known."""
        while True:
            try:
                await self.look()
            except Unavailable:
                _log.warning("no answer about revoked sessions")
            await asyncio.sleep(PAUSE)
