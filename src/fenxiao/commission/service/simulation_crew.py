"""The crew of a simulation: child processes that evaluate, each given one page after the other."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from fenxiao.commission.service.simulation_child import (
    Asked,
    Begin,
    Failed,
    HandOver,
    Page,
    Sums,
    Told,
    Worked,
    framed,
)

_MODULE = "fenxiao.commission.service.simulation_child"
_MOST = 4
_BUFFER = 4 * 1024 * 1024
_told: msgspec.msgpack.Decoder[Told] = msgspec.msgpack.Decoder(Told)


class NotEvaluatedError(RuntimeError):
    """The evaluation of a page did not come to its end; the message says why."""


class Child:
    """One process; it is asked by one task at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def begin(self, document: dict[str, Any]) -> None:
        """Tell the plan."""
        await self._send(Begin(document))

    async def page(self, page: Page) -> Worked:
        """Have a page evaluated."""
        told = await self._ask(page)
        assert isinstance(told, Worked)  # noqa: S101 - each question has its one answer
        return told

    async def sums(self) -> Sums:
        """What its pages came to."""
        told = await self._ask(HandOver())
        assert isinstance(told, Sums)  # noqa: S101 - as above
        return told

    async def end(self) -> None:
        """Its input ends, and so does it; where somebody is impatient, at once."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _ask(self, asked: Asked) -> Told:
        await self._send(asked)
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - it was asked for
        try:
            length = int.from_bytes(await stream.readexactly(4), "big")
            told = _told.decode(await stream.readexactly(length))
        except asyncio.IncompleteReadError:
            raise NotEvaluatedError("the process that evaluates has ended") from None
        if isinstance(told, Failed):
            raise NotEvaluatedError(told.message)
        return told

    async def _send(self, asked: Asked) -> None:
        stream = self._process.stdin
        assert stream is not None  # noqa: S101 - as above
        try:
            stream.write(framed(asked))
            await stream.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise NotEvaluatedError("the process that evaluates has ended") from None


def cores() -> int:
    """How many processes evaluate: one for each processor that this one may use, four at most."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST)
    return min(os.cpu_count() or 1, _MOST)


@asynccontextmanager
async def crew(document: dict[str, Any], size: int) -> AsyncIterator[list[Child]]:
    """So many processes that know the plan; they end with the block, whatever way that ends."""
    children: list[Child] = []
    try:
        for _ in range(size):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", _MODULE, stdin=PIPE, stdout=PIPE, limit=_BUFFER
            )
            children.append(Child(process))
        for child in children:
            await child.begin(document)
        yield children
    finally:
        for child in children:
            await child.end()
