"""The embedded PostgreSQL (内嵌数据库): one server per data folder, shared by all processes that use the folder.

The first process to join starts it, the last one to leave stops it. It runs in a session of its own, so it outlives
a starter that is killed; the next process takes it over. It listens on a socket in a folder closed to others (0700).
Synchronous, because it comes before any event loop.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from fenxiao.infra.db.embedded import account, binaries, server
from fenxiao.infra.db.embedded.errors import EmbeddedError
from fenxiao.infra.db.embedded.folders import Folders, locked

__all__ = ["EmbeddedError", "Handle", "join", "running"]

_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


class Handle:
    """One process's share in the running PostgreSQL. Leaving twice does no harm; a process that dies has left."""

    def __init__(self, folders: Folders, options: Mapping[str, str]) -> None:
        self._folders = folders
        self._options = dict(options)
        self._binaries = binaries.find()
        with _plainly(folders), folders.starting():
            users = folders.open_lock("users.lock")
            try:
                # Shared. Whoever has it alone is the last one of before, just closing it.
                fcntl.flock(users, fcntl.LOCK_SH)
                self._start()
            except BaseException:
                os.close(users)
                raise
            self._users: int | None = users

    @property
    def dsn(self) -> str:
        # The port is said, or a PGPORT in the environment would be believed.
        return f"postgresql://{server.NAME}@/{server.NAME}?host={quote(str(self._folders.socket), safe='/')}&port={server.PORT}"

    @property
    def bin_dir(self) -> Path:
        """The folder of PostgreSQL's programs in use."""
        return self._binaries.bin_dir

    def psql_path(self) -> Path:
        return binaries.psql(self._binaries)

    def ensure(self) -> None:
        """Starts PostgreSQL again if it has died, as after a kill of the postmaster; else does nothing."""
        with _plainly(self._folders), self._folders.starting():
            self._start()

    def leave(self) -> None:
        """Gives up the share; the last one out stops PostgreSQL and waits for it."""
        users, self._users = self._users, None
        if users is None:
            return
        try:
            with self._folders.starting():
                if locked(users) and server.stop(self._folders):
                    self._folders.drop_socket()
        finally:
            os.close(users)

    def _start(self) -> None:
        folders = self._folders
        if folders.server_lives():
            # Ready, still starting after its starter was killed, or on its way out.
            try:
                server.wait_until_ready(folders)
            except EmbeddedError:
                if folders.server_lives():
                    raise
            else:
                return
        chosen = account.choose(self._binaries, folders.home)
        if not folders.data.exists():
            server.create(folders, chosen)
        server.check_version(folders, chosen)
        server.start(folders, chosen, self._options)


def join(data_dir: Path, *, options: Mapping[str, str] = _NO_OPTIONS) -> Handle:
    """Joins the PostgreSQL of the data folder and starts it if need be.

    `options` are further server settings (fsync=off for a test), used only if this process starts it.
    Raises EmbeddedError.
    """
    with _plainly(Folders(data_dir)):
        folders = Folders.of(data_dir)
    return Handle(folders, options)


@contextmanager
def running(data_dir: Path, *, options: Mapping[str, str] = _NO_OPTIONS) -> Iterator[str]:
    """The address (DSN) of the data folder's PostgreSQL, which runs at least until the block ends."""
    handle = join(data_dir, options=options)
    try:
        yield handle.dsn
    finally:
        handle.leave()


@contextmanager
def _plainly(folders: Folders) -> Iterator[None]:
    """Trouble with the disk or with rights, said as one sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or folders.home
        message = (
            f"The data folder cannot be used ({where}: {error.strerror or error}): free or mount the disk, "
            "give this user write permission, or point FENXIAO_DATA_DIR at another folder."
        )
        raise EmbeddedError(message) from error
