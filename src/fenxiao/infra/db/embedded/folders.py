"""The folders and locks of one embedded PostgreSQL.

`<data folder>/postgres/` holds `data` (PostgreSQL's own), `socket`, `server.log` and three files that are only locked:
`start.lock` while somebody starts or stops it, `users.lock` by every process that uses it, `server.lock` by PostgreSQL
itself: postmaster and backends inherit the descriptor, so the lock tells whether any of them lives, where a process
number in a file may long belong to another.
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fenxiao.infra.db.embedded.account import temporary
from fenxiao.infra.db.embedded.errors import EmbeddedError

_PLAIN = re.compile(r"[A-Za-z0-9_./+@-]+")
_SOCKET_NAME = len("/.s.PGSQL.5432")
_LONGEST = 100  # macOS gives 103 bytes to the whole name, Linux 107
_PATIENCE = 120.0


@dataclass(frozen=True)
class Folders:
    """The places of one data folder; `of` makes them."""

    home: Path

    @staticmethod
    def of(data_dir: Path) -> "Folders":
        folders = Folders(data_dir.expanduser().absolute().resolve() / "postgres")
        folders.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folders

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def socket(self) -> Path:
        """Beside the data, or a private folder in the temporary one where the path is too long or has special letters.

        Commas, colons and spaces are lawful in a path but mean something in a list of hosts.
        """
        beside = self.home / "socket"
        name = str(beside)
        if _PLAIN.fullmatch(name) and len(os.fsencode(name)) + _SOCKET_NAME < _LONGEST:
            return beside
        return temporary() / f"fenxiao-{hashlib.sha256(os.fsencode(self.home)).hexdigest()[:20]}"

    def make_socket(self, uid: int, gid: int) -> None:
        """Makes the socket's folder for that user alone. One that somebody else prepared is refused."""
        if os.geteuid() == 0 and self.socket.is_dir() and not self.socket.is_symlink():
            shutil.rmtree(self.socket)  # it may belong to the account of an earlier start
        with suppress(FileExistsError):
            self.socket.mkdir(mode=0o700)
        found = self.socket.lstat()
        if self.socket.is_symlink() or found.st_uid != os.geteuid():
            message = f"{self.socket} belongs to somebody else: remove it or choose another FENXIAO_DATA_DIR."
            raise EmbeddedError(message)
        self.socket.chmod(0o700)
        if found.st_uid != uid:
            os.chown(self.socket, uid, gid)

    def drop_socket(self) -> None:
        """Leaves nothing in the temporary folder."""
        if not self.socket.is_relative_to(self.home):
            shutil.rmtree(self.socket, ignore_errors=True)

    def open_lock(self, name: str) -> int:
        """An open descriptor of the lock file, not yet locked; not inherited by children unless asked for."""
        descriptor = os.open(self.home / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:
            # Root may be a guest in an ordinary user's folder, who must be able to lock it too.
            owner = self.home.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Nobody else starts or stops PostgreSQL meanwhile."""
        descriptor = self.open_lock("start.lock")
        try:
            end = time.monotonic() + _PATIENCE
            while not locked(descriptor):
                if time.monotonic() > end:
                    message = f"Another process has been starting or stopping PostgreSQL in {self.home} for two minutes: look at it."
                    raise EmbeddedError(message)
                time.sleep(0.02)
            yield
        finally:
            os.close(descriptor)

    def server_lives(self) -> bool:
        """Whether any process of this PostgreSQL is left."""
        descriptor = self.open_lock("server.lock")
        try:
            return not locked(descriptor)
        finally:
            os.close(descriptor)


def locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Takes the lock if it is free."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
