"""The system under load: `./run` as a user starts it, everything on, on a port of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0


def environment(folder: Path, port: int, password: str) -> dict[str, str]:
    """What `./run` is started with: our folder and port, all else as a fresh installation has it."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FENXIAO_", "DATABASE_")) or name == "FENXIAO_PG_BIN"
    }
    ours = {"FENXIAO_DATA_DIR": str(folder), "FENXIAO_PORT": str(port), "FENXIAO_ADMIN_PASSWORD": password}
    return plain | ours


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and its administrator."""

    process: subprocess.Popen[bytes]
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def token(self) -> str:
        """A fresh access token of the administrator; they last a quarter of an hour, so each turn takes a new one."""
        form = {
            "grant_type": "password",
            "username": "admin",
            "password": self.password,
            "client_id": "fenxiao-console",
        }
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            answer = await client.post("/oauth2/token", data=form)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    async def post(self, path: str, body: Any, *, token: str, key: str) -> httpx.Response:
        """One request by hand, to see that a route is there and answers as expected."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            return await client.post(path, json=body, headers=headers)


def verified(folder: Path) -> bool:
    """Whether `./run verify` finds no difference in what was written; it prints what it checks."""
    words = [str(ROOT / "run"), "verify"]
    return subprocess.run(words, env=environment(folder, free_port(), ""), check=False).returncode == 0


@asynccontextmanager
async def serving(
    folder: Path, port: int, password: str, *, two_processes: bool = False
) -> AsyncIterator[Server]:
    """`./run` on a data folder until the end of the block; its log with the access lines lies beside the folder.

    With `two_processes`, requests are answered by one and everything else is done by the other.
    """
    log = folder.parent / "server.log"
    surroundings = environment(folder, port, password)
    async with _started("serve" if two_processes else "up", surroundings, log) as process:
        server = Server(process, port, password)
        await _ready(server, log)
        async with _started("work", surroundings, log) if two_processes else nullcontext():
            yield server


@asynccontextmanager
async def _started(
    command: str, surroundings: dict[str, str], log: Path
) -> AsyncIterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - it only starts here, and must be known by its number
            [ROOT / "run", command],
            env=surroundings,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, 60)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


async def _ready(server: Server, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    async with httpx.AsyncClient(base_url=server.url, timeout=2) as client:
        while time.monotonic() < deadline and server.process.poll() is None:
            try:
                if (await client.get("/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    last = (await asyncio.to_thread(log.read_text, encoding="utf-8", errors="replace"))[-2000:]
    message = f"the server did not become ready; its last words:\n{last}"
    raise RuntimeError(message)
