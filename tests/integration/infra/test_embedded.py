"""The embedded PostgreSQL, with real servers, real kills and real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from fenxiao.entrypoints.ground import Ground
from fenxiao.infra.db.embedded import EmbeddedError, Handle, join, running, server
from fenxiao.infra.db.embedded import account as accounts
from fenxiao.infra.db.embedded import binaries as programs
from fenxiao.infra.db.embedded.folders import Folders
from fenxiao.infra.settings import Settings

# A child that joins, says the address, and leaves when its input ends.
_CHILD = """
import sys
from pathlib import Path
from fenxiao.infra.db.embedded import running
with running(Path(sys.argv[1])) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""

type_of_child = subprocess.Popen[str]
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="is about how root hands PostgreSQL to another user"
)


@pytest.fixture
def children() -> Iterator[Callable[..., type_of_child]]:
    started: list[type_of_child] = []

    def start(data_dir: Path, *prefix: str) -> type_of_child:
        command = [*prefix, sys.executable, "-c", _CHILD, str(data_dir)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "d"
    yield folder
    # Whatever a failed test leaves running ends here: joining and leaving stops it.
    if (folder / "postgres" / "data" / "PG_VERSION").exists():
        with suppress(EmbeddedError):
            join(folder).leave()


def address(child: type_of_child) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def finish(child: type_of_child) -> None:
    child.communicate(timeout=30)
    assert child.returncode == 0


async def ask(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def postmaster(data_dir: Path) -> int | None:
    try:
        return int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    except FileNotFoundError:
        return None


def wait_for_end(pid: int) -> None:
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return  # dead, its parent only has not asked yet
        time.sleep(0.02)
    pytest.fail(f"{pid} did not end")


async def test_starts_cold_and_again_with_the_same_data(data_dir: Path) -> None:
    cold = time.monotonic()
    with running(data_dir) as dsn:
        assert time.monotonic() - cold < 10
        await ask(dsn, "create table kept as select 42 as answer")
        assert await ask(dsn, "select current_user || current_database()") == "fenxiaofenxiao"
        assert await ask(dsn, "select upper('é')") == "É"
        assert await ask(dsn, "show fsync") == "on"
        assert await ask(dsn, "show server_encoding") == "UTF8"
        assert await ask(dsn, "show listen_addresses") == ""
        # Order by code point, whatever the machine's language.
        assert await ask(dsn, "select 'Z' < 'a' and 'z' < 'é'") is True
    assert postmaster(data_dir) is None
    again = time.monotonic()
    with running(data_dir) as dsn:
        assert time.monotonic() - again < 3
        assert await ask(dsn, "select answer from kept") == 42


async def test_last_one_out_stops_it(data_dir: Path, children: Callable[..., type_of_child]) -> None:
    starter = children(data_dir)
    dsn = address(starter)
    guest = join(data_dir)
    assert guest.dsn == dsn
    pid = postmaster(data_dir)
    finish(starter)
    assert postmaster(data_dir) == pid
    assert await ask(dsn, "select 1") == 1
    guest.leave()
    guest.leave()
    assert postmaster(data_dir) is None


async def test_joins_at_the_same_moment_share_one_server(
    data_dir: Path, children: Callable[..., type_of_child]
) -> None:
    both = [children(data_dir) for _ in range(3)]
    addresses = {address(child) for child in both}
    assert len(addresses) == 1
    assert await ask(addresses.pop(), "select 1") == 1
    with ThreadPoolExecutor() as pool:
        list(pool.map(finish, both))
    assert postmaster(data_dir) is None


async def test_outlives_a_killed_starter_and_is_taken_over(
    data_dir: Path, children: Callable[..., type_of_child]
) -> None:
    starter = children(data_dir)
    dsn = address(starter)
    pid = postmaster(data_dir)
    starter.kill()
    starter.wait()
    assert await ask(dsn, "select 1") == 1
    with running(data_dir) as again:
        assert postmaster(data_dir) == pid
        assert await ask(again, "select 1") == 1
    assert postmaster(data_dir) is None


async def test_comes_back_after_a_kill_of_the_server(data_dir: Path) -> None:
    handle = join(data_dir)
    try:
        await ask(handle.dsn, "create table kept as select 42 as answer")
        pid = postmaster(data_dir)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
        handle.ensure()
        assert postmaster(data_dir) not in (None, pid)
        assert await ask(handle.dsn, "select answer from kept") == 42
        handle.ensure()
    finally:
        handle.leave()
    assert postmaster(data_dir) is None


async def test_who_watches_goes_on_when_a_start_fails(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fenxiao.entrypoints.ground.WATCH", 0.05)
    handle = join(data_dir)
    watching = asyncio.create_task(Ground(Settings(data_dir=data_dir), handle.dsn, handle).watch())
    log, extra = (data_dir / "postgres" / name for name in ("server.log", "data/postgresql.auto.conf"))
    kept = extra.read_text()
    try:
        pid = postmaster(data_dir)
        assert pid is not None
        extra.write_text(f"{kept}no_such_setting = 1\n")
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            while "no_such_setting" not in log.read_text():
                await asyncio.sleep(0.05)
            extra.write_text(kept)
            while not server.answers(Folders.of(data_dir)):
                await asyncio.sleep(0.05)
        assert await ask(handle.dsn, "select 1") == 1
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        handle.leave()


async def test_a_stale_process_number_that_another_process_bears(data_dir: Path) -> None:
    with running(data_dir):
        before = (data_dir / "postgres" / "data" / "postmaster.pid").read_text()
    stale = before.split("\n", 1)
    # This very process bears the number now, as happens when a container is started again.
    (data_dir / "postgres" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{stale[1]}")
    with running(data_dir) as dsn:
        assert await ask(dsn, "select 1") == 1


async def test_a_long_or_odd_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    data_dir = tmp_path / ("分销, a: long one " + "x" * 100) / "d"
    with running(data_dir) as dsn:
        socket_dir = join_socket(dsn)
        assert not socket_dir.is_relative_to(data_dir)
        assert len(os.fsencode(socket_dir)) < 86
        assert socket_dir.stat().st_mode & 0o777 == 0o700
        assert await ask(dsn, "select 1") == 1
        with running(data_dir) as same:
            assert same == dsn
    assert not socket_dir.exists()


def join_socket(dsn: str) -> Path:
    return Path(dsn.partition("host=")[2].partition("&")[0])


async def test_nobody_else_may_enter(data_dir: Path) -> None:
    with running(data_dir) as dsn:
        assert join_socket(dsn).stat().st_mode & 0o777 == 0o700
        assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700


def test_says_what_to_do_about_another_version(data_dir: Path) -> None:
    with running(data_dir):
        pass
    version = data_dir / "postgres" / "data" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("12\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 12 .* FENXIAO_PG_BIN"):
        join(data_dir)
    version.write_text(ours)


def test_says_what_to_do_without_a_usable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="FENXIAO_DATA_DIR"):
        join(tmp_path / "file" / "d")
    with pytest.raises(EmbeddedError, match="FENXIAO_DATA_DIR"):
        join(Path("/proc/self/d"))


def test_says_what_postgresql_said(data_dir: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start: .*max_connections"):
        join(data_dir, options={"max_connections": "none"})
    join(data_dir).leave()


def test_a_half_made_folder_is_made_anew(data_dir: Path) -> None:
    half = data_dir / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    join(data_dir).leave()
    assert not half.exists()


def test_a_wrong_folder_of_programs_is_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENXIAO_PG_BIN", str(data_dir))
    with pytest.raises(EmbeddedError, match="FENXIAO_PG_BIN="):
        join(data_dir)


async def test_runs_on_the_programs_of_the_system(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = programs._system()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("install the system's PostgreSQL (./test does so as root on Debian)")
        pytest.skip("no PostgreSQL of the system here")
    monkeypatch.setenv("FENXIAO_PG_BIN", str(found.bin_dir))
    handle = join(data_dir)
    try:
        assert str(await ask(handle.dsn, "show server_version")).startswith(str(found.major))
        assert await ask(handle.dsn, "select upper('é')") == "É"
        said = subprocess.run(  # noqa: ASYNC221 - the loop has nothing else to do
            [handle.psql_path(), handle.dsn, "-Atc", "select 7"], capture_output=True, text=True, check=True
        )
        assert said.stdout == "7\n"
    finally:
        handle.leave()


@needs_root
def test_an_ordinary_user_needs_nothing_special(
    data_dir: Path, children: Callable[..., type_of_child]
) -> None:
    become = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
    if subprocess.run([*become, "true"], check=False, capture_output=True).returncode != 0:
        # In a chroot: change the user in earnest, and let him read the interpreter.
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *accounts._READ_SEARCH]
        open_parents(data_dir)
        os.chown(data_dir, 65534, 65534)
    child = children(data_dir, *become)
    assert address(child).startswith("postgresql://")
    finish(child)


@needs_root
@pytest.mark.parametrize("copied", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("kind", [1, 2], ids=["capability", "switch"])
async def test_root_without_user_namespaces(
    kind: int,
    copied: bool,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In a chroot and in most containers `unshare --user` is refused.
    offered = accounts._for_root

    def only(binaries: programs.Binaries, home: Path) -> Iterator[accounts.Account]:
        yield list(offered(binaries, home))[kind]

    if kind == 2:
        open_parents(data_dir)  # nothing but the user is changed, so it must be able to pass
    with running(data_dir) as dsn:
        await ask(dsn, "create table kept as select 42 as answer")
    if copied:
        # As if the programs lay under /root: they run from a copy.
        monkeypatch.setattr(accounts, "_open_to_all", lambda _: False)
    with monkeypatch.context() as patched:
        patched.setattr(accounts, "_for_root", only)
        with running(data_dir) as dsn:
            assert (data_dir / "postgres").stat().st_uid == 65534
            assert await ask(dsn, "select answer from kept") == 42
    # And back: the folder follows whoever runs it.
    with running(data_dir) as dsn:
        assert await ask(dsn, "select answer from kept") == 42


def open_parents(data_dir: Path) -> None:
    data_dir.mkdir()
    for folder in data_dir.parents:
        if folder.stat().st_mode & 0o777 == 0o700 and folder != Path("/root"):
            folder.chmod(0o711)


@needs_root
def test_root_may_use_an_ordinary_users_folder(data_dir: Path) -> None:
    open_parents(data_dir)
    home = data_dir / "postgres"
    home.mkdir(mode=0o700)
    os.chown(home, 1, 1)  # daemon: any user with a name
    handle: Handle = join(data_dir)
    try:
        assert (home / "data").stat().st_uid == 1
        assert (home / "start.lock").stat().st_uid == 1
    finally:
        handle.leave()
