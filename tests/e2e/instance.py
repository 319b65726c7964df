"""The system as a user runs it: `./run` as a process of its own, on a data folder of its own, over a real socket."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
CUT = ROOT / "tests" / "data" / "online_retail_cut.parquet"
SPONSORS = ROOT / "tests" / "data" / "distributors_cut.csv"
PASSWORD = "a-password-for-this-test-alone"


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Instance:
    """One data folder and the processes that were started on it."""

    folder: Path
    port: int = field(default_factory=free_port)
    server: subprocess.Popen[str] | None = None
    extra: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    """Whatever runs beside the test, the server among it."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FENXIAO_", "DATABASE_"))
        }
        binaries = {name: os.environ[name] for name in ("FENXIAO_PG_BIN",) if name in os.environ}
        return (
            plain
            | binaries
            | {
                "FENXIAO_DATA_DIR": str(self.folder),
                "FENXIAO_PORT": str(self.port),
                "FENXIAO_ADMIN_PASSWORD": PASSWORD,
            }
            | self.extra
        )

    def program(self) -> list[str]:
        """What is started."""
        return [str(ROOT / "run")]

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """`./run ARGUMENTS`, in a session of its own so that a kill hits it alone."""
        log = (self.folder.parent / "output.log").open("a")
        with log:
            process = subprocess.Popen(
                [*self.program(), *arguments],
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str, timeout: float = 110) -> subprocess.CompletedProcess[str]:
        """`./run ARGUMENTS` to its end."""
        return subprocess.run(
            [ROOT / "run", *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )

    def start(self, command: str = "up", *, timeout: float = 60) -> None:
        """Serve, and wait until it is ready."""
        self.server = self.popen(command)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            assert self.server.poll() is None, self.output()
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(self.output())

    def output(self) -> str:
        return (self.folder.parent / "output.log").read_text()[-4000:]

    def stop(self) -> int:
        """SIGTERM, as a service manager does; the exit code."""
        assert self.server is not None
        self.server.send_signal(signal.SIGTERM)
        code = self.server.wait(timeout=40)
        self.server = None
        return code

    def kill_server(self) -> None:
        """Kill -9 of the serving process."""
        if self.server is not None:
            kill(self.server)
            self.server = None

    def postmaster(self) -> int | None:
        """The process id of this folder's PostgreSQL, None if none runs."""
        for file in self.folder.rglob("postmaster.pid"):
            with suppress(OSError, ValueError, IndexError):
                pid = int(file.read_text().splitlines()[0])
                os.kill(pid, 0)
                return pid
        return None

    def kill_postgresql(self) -> None:
        """Kill -9 of this folder's PostgreSQL."""
        pid = self.postmaster()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def token(self, username: str = "admin", password: str = PASSWORD) -> dict[str, str]:
        """Headers of a real token."""
        form = {
            "grant_type": "password",
            "username": username,
            "password": password,
            "client_id": "fenxiao-console",
        }
        answer = httpx.post(f"{self.url}/oauth2/token", data=form, timeout=20)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def kill(process: subprocess.Popen[str]) -> None:
    """Kill -9, and see it gone."""
    with suppress(ProcessLookupError):
        process.kill()
    process.wait(timeout=20)
