"""As whom PostgreSQL runs. It refuses root, so root hands it to somebody else, without changing the machine."""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fenxiao.infra.db.embedded.binaries import Binaries
from fenxiao.infra.db.embedded.errors import EmbeddedError

_OVERFLOW = 65534
_OTHERS_READ_AND_PASS = 0o005
_READ_SEARCH = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")


@dataclass(frozen=True)
class Account:
    """How to start a program of PostgreSQL, and which user (seen from here) its files belong to."""

    binaries: Binaries
    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    switch: bool = False  # the child changes its user by itself, where there is no program to do it

    def popen_user(self) -> dict[str, object]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.binaries.program(program)), *arguments]

    def own(self, folder: Path) -> None:
        """Gives the folder and all in it to this account, where root finds it owned by another."""
        if os.geteuid() != 0 or not folder.exists() or folder.stat().st_uid == self.uid:
            return
        for parent, folders, files in os.walk(folder):
            for name in [*folders, *files]:
                os.chown(Path(parent, name), self.uid, self.gid, follow_symlinks=False)
        # Last: it is the mark that all below is done, should this be cut short.
        os.chown(folder, self.uid, self.gid)


def choose(binaries: Binaries, home: Path) -> Account:
    """The account that can run the programs and write to `home`; leaves `home` owned by it."""
    if os.geteuid() != 0:
        return Account(binaries, os.geteuid(), os.getegid())
    for account in _for_root(binaries, home):
        account.own(home)
        if _works(account, home):
            return account
    message = (
        f"PostgreSQL does not run as root and no other user can reach {home}: "
        "start Fenxiao as an ordinary user or put FENXIAO_DATA_DIR where everybody may pass, such as /var/lib/fenxiao."
    )
    raise EmbeddedError(message)


def _for_root(binaries: Binaries, home: Path) -> Iterator[Account]:
    owner = home.stat()
    nobody = _nobody()
    if owner.st_uid in (0, nobody[0]):
        # A user namespace needs no rights on the files at all: outside it PostgreSQL still is root, without its powers.
        inside = ("unshare", "--user", f"--map-user={nobody[0]}", f"--map-group={nobody[1]}")
        yield Account(binaries, 0, 0, inside)
        uid, gid = nobody
    else:
        uid, gid = owner.st_uid, owner.st_gid  # an ordinary user's folder stays his
    switch = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    # PostgreSQL looks at its own programs by access(2), which no capability helps.
    readable = binaries if _open_to_all(binaries) else _readable_copy(binaries)
    # The capability passes closed parent folders, as under /root. A container may lack it, macOS has neither.
    yield Account(readable, uid, gid, (*switch, *_READ_SEARCH))
    yield Account(readable, uid, gid, switch=True)


def _open_to_all(binaries: Binaries) -> bool:
    postgres = binaries.program("postgres").resolve()
    return all(
        path.stat().st_mode & _OTHERS_READ_AND_PASS == _OTHERS_READ_AND_PASS
        for path in [postgres, *postgres.parents]
    )


def _nobody() -> tuple[int, int]:
    # initdb wants a user that has a name.
    try:
        entry = pwd.getpwuid(_OVERFLOW)
    except KeyError:
        try:
            entry = pwd.getpwnam("nobody")
        except KeyError:
            return _OVERFLOW, _OVERFLOW
    return entry.pw_uid, entry.pw_gid


def _works(account: Account, home: Path) -> bool:
    probe = 'test "$("$1" --version)" && cd "$2" && : >.probe && rm .probe'
    words = [
        *account.prefix,
        "/bin/sh",
        "-c",
        probe,
        "sh",
        str(account.binaries.program("postgres")),
        str(home),
    ]
    try:
        done = subprocess.run(words, cwd="/", capture_output=True, check=False, **account.popen_user())  # type: ignore[call-overload]
    except OSError:
        return False  # unshare or setpriv is missing
    return bool(done.returncode == 0)


def _readable_copy(binaries: Binaries) -> Binaries:
    """A copy in the temporary folder, for programs that lie where only root can read."""
    stamp = f"{binaries.bin_dir}:{binaries.program('postgres').stat().st_mtime_ns}"
    folder = temporary() / f"fenxiao-postgresql-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"
    if folder.is_symlink() or folder.exists():
        if folder.is_symlink() or folder.stat().st_uid != 0:
            message = f"{folder} belongs to somebody else: remove it."
            raise EmbeddedError(message)
        return binaries.within(folder)
    draft = Path(tempfile.mkdtemp(dir=temporary()))
    try:
        binaries.copied_to(draft)
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError:
        # Another start may have made the same copy meanwhile; then this one is not needed.
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return binaries.within(folder)


def temporary() -> Path:
    """The same for every command on the machine, whatever TMPDIR says in one shell and not in the other."""
    # What is made in it is private, and its owner is checked.
    fixed = Path("/tmp")  # noqa: S108  # nosec B108
    return fixed if os.access(fixed, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
