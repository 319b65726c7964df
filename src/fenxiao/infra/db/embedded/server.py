"""Makes, starts, greets and stops one PostgreSQL. Called only by the holder of the start lock."""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fenxiao.infra.db.embedded import memory
from fenxiao.infra.db.embedded.account import Account
from fenxiao.infra.db.embedded.errors import EmbeddedError
from fenxiao.infra.db.embedded.folders import Folders, locked

NAME = "fenxiao"  # of the superuser and of the database
PORT = 5432  # only part of the socket's name
_BUILTIN_LOCALES_SINCE = 17
_PATIENCE = 60.0

# Durability (fsync, synchronous_commit, full_page_writes) stays at PostgreSQL's safe defaults.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "min_wal_size": "1GB",  # old segments are used again instead of made anew under load
    "max_wal_size": "4GB",
    "jit": "off",  # it costs more than it gives on short statements
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "cluster_name": NAME,
}


def create(folders: Folders, account: Account) -> None:
    """Makes the data folder and the database in it; a cut off attempt leaves nothing that looks finished."""
    # initdb holds the server's lock too: should we be killed now, it goes on, and the next one must wait for it.
    lock = _take_server_lock(folders)
    try:
        _create(folders, account, lock)
    finally:
        os.close(lock)


def _create(folders: Folders, account: Account, lock: int) -> None:
    draft = folders.home / "data.new"
    if draft.exists():
        shutil.rmtree(draft)
    words = [
        "-D",
        str(draft),
        "-U",
        NAME,
        "-E",
        "UTF8",
        "-A",
        "trust",
        "--data-checksums",
        "--no-instructions",
    ]
    if account.binaries.major >= _BUILTIN_LOCALES_SINCE:
        words += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        words += ["--locale=C" if sys.platform == "darwin" else "--locale=C.UTF-8"]
    _finish(account, account.command("initdb", *words), "", lock)
    # A single-user session needs no socket and no password, and ends with a checkpoint. No file in the folder
    # tells its path, so it may be renamed afterwards.
    _finish(
        account,
        account.command("postgres", "--single", "-D", str(draft), "postgres"),
        f"CREATE DATABASE {NAME};\n",
        lock,
    )
    draft.rename(folders.data)


def check_version(folders: Folders, account: Account) -> None:
    made_by = (folders.data / "PG_VERSION").read_text().strip()
    ours = account.binaries.major
    if made_by != str(ours):
        message = (
            f"{folders.data} was made by PostgreSQL {made_by} and this is PostgreSQL {ours}: point FENXIAO_PG_BIN at a "
            f"PostgreSQL {made_by}, or dump with that version and load into a fresh FENXIAO_DATA_DIR."
        )
        raise EmbeddedError(message)


def start(folders: Folders, account: Account, options: Mapping[str, str]) -> None:
    """Starts PostgreSQL and waits until it answers. Nothing of an earlier one may be alive."""
    _drop_foreign_pid(folders)
    folders.make_socket(account.uid, account.gid)
    ours = {"unix_socket_directories": str(folders.socket), "shared_buffers": memory.shared_buffers()}
    settings = _SETTINGS | ours | dict(options)
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = account.command("postgres", "-D", str(folders.data), "-p", str(PORT), *words)
    if folders.log.exists():
        folders.log.replace(folders.log.with_name("server.log.1"))
    lock = _take_server_lock(folders)
    try:
        with folders.log.open("wb") as log:
            # The shell leaves at once, so PostgreSQL is nobody's child and outlives us; the new session keeps the
            # terminal's Ctrl-C from it. It inherits the lock and so holds it for as long as it lives.
            subprocess.run(  # type: ignore[call-overload]
                ["/bin/sh", "-c", '"$@" &', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                start_new_session=True,
                pass_fds=[lock],
                check=True,
                **account.popen_user(),
            )
    finally:
        os.close(lock)
    wait_until_ready(folders)


def wait_until_ready(folders: Folders) -> None:
    end = time.monotonic() + _PATIENCE
    while not answers(folders):
        if not folders.server_lives():
            message = f"PostgreSQL did not start: {_last_words(folders.log)} (all of it in {folders.log})."
            raise EmbeddedError(message)
        if time.monotonic() > end:
            message = (
                f"PostgreSQL in {folders.home} runs but has not answered for a minute: see {folders.log}."
            )
            raise EmbeddedError(message)
        time.sleep(0.02)


def answers(folders: Folders) -> bool:
    """Whether it takes our log-in. One that is starting up, shutting down or gone does not."""
    words = f"user\0{NAME}\0database\0{NAME}\0\0".encode()
    try:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(5)
            wire.connect(str(folders.socket / f".s.PGSQL.{PORT}"))
            wire.sendall(struct.pack("!ii", len(words) + 8, 3 << 16) + words)
            said_yes = wire.recv(1) == b"R"
            wire.sendall(b"X\0\0\0\4")
            return said_yes
    except OSError:
        return False


def stop(folders: Folders) -> bool:
    """A fast shutdown: open transactions are rolled back, what is committed is safe. False if it takes too long."""
    pid = _pid(folders)
    if pid is not None and _is_postgres(pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    end = time.monotonic() + _PATIENCE
    while folders.server_lives():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _take_server_lock(folders: Folders) -> int:
    lock = folders.open_lock("server.lock")
    if not locked(lock):
        os.close(lock)
        message = f"A PostgreSQL is still running in {folders.home}: try again in a moment."
        raise EmbeddedError(message)
    return lock


def _pid(folders: Folders) -> int | None:
    try:
        return int((folders.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _is_postgres(pid: int) -> bool:
    # Where another container shares the folder, its numbers mean nothing here.
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() in ("postgres", "postmaster")
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # macOS: trust the number


def _drop_foreign_pid(folders: Folders) -> None:
    """Drops a stale postmaster.pid whose number now belongs to somebody else; PostgreSQL would refuse to start.

    One whose process is gone stays: PostgreSQL reads from it which shared memory to clear away.
    """
    pid = _pid(folders)
    if pid is None:
        return
    with suppress(ProcessLookupError):
        with suppress(PermissionError):
            os.kill(pid, 0)
        (folders.data / "postmaster.pid").unlink()


def _environment() -> dict[str, str]:
    # Nothing of the caller's PG… and LC_… variables may reach the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _finish(account: Account, command: list[str], words: str, lock: int) -> None:
    done = subprocess.run(  # type: ignore[call-overload]
        command,
        cwd="/",
        env=_environment(),
        input=words,
        capture_output=True,
        text=True,
        pass_fds=[lock],
        check=False,
        **account.popen_user(),
    )
    if done.returncode != 0:
        message = f"PostgreSQL's data folder could not be made: {_telling(done.stdout + done.stderr)}"
        raise EmbeddedError(message)


def _last_words(log: Path) -> str:
    try:
        return _telling(log.read_text(errors="replace"))
    except OSError:
        return "it said nothing"


def _telling(words: str) -> str:
    """The line that tells the cause: of the disk, else the last one that speaks of an error, else the last one."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    for sign in (
        "No space left|quota exceeded|Read-only file system",
        "FATAL|PANIC|ERROR|error:|could not",
        "",
    ):
        telling = [line for line in lines if re.search(sign, line)]
        if telling:
            return telling[-1]
    return "it said nothing"
