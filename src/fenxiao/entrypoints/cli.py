"""The command line: `./run` is `up`, `./run COMMAND …` is everything else."""

import asyncio
import gc
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import uvloop
from cyclopts import App, Parameter

from fenxiao import __version__
from fenxiao.commands.import_retail.faults import SourceFault
from fenxiao.entrypoints.compose import System, composed
from fenxiao.entrypoints.ground import Ground, ground, prepare, snapshot
from fenxiao.infra import settings as settings_module
from fenxiao.infra import telemetry
from fenxiao.infra.crypto import KeyFileFault
from fenxiao.infra.db.embedded import EmbeddedError
from fenxiao.infra.db.migrate import MigrationFault
from fenxiao.infra.settings import Settings, SettingsError
from fenxiao.kernel.errors import Refusal

app = App(name="./run", version=__version__, help="Fenxiao 分销: distributors, orders and exact commission.")
TERMINATED = 128 + signal.SIGTERM
USAGE = 2
"""Exit code for what the caller can put right: a setting, a file, a port."""


class Plain(Exception):  # noqa: N818 - one sentence for the caller
    """Said as it is on one line, with exit code 2."""


def main() -> None:
    """Run the command that was asked for; whatever the caller can put right is said in one line."""
    # As an exception, so that the share in the embedded PostgreSQL is given back on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        app()
    except (Plain, SettingsError, EmbeddedError, MigrationFault, KeyFileFault, SourceFault, Refusal) as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _stop(message: str) -> None:
    print(f"fenxiao: {message}", file=sys.stderr)
    sys.exit(USAGE)


@app.default
@app.command
def up() -> None:
    """Serve the whole system in one process until interrupted."""
    _serve(works=True)


@app.command
def serve() -> None:
    """Answer requests until interrupted, and leave events, jobs and long work to `work` beside it."""
    _serve(works=False)


def _serve(*, works: bool) -> None:
    settings = settings_module.load()
    telemetry.configure(stream="stdout")
    listener = _listen(settings)
    with listener, ground(settings) as here:
        _run(_served(here, listener, works=works))


async def _served(here: Ground, listener: socket.socket, *, works: bool) -> None:
    from fenxiao.entrypoints import web  # noqa: PLC0415 - the other commands start without the web

    async with _watched(here) as system:
        _greet(here, system.place.roles)
        await web.serve(system, listener, works=works)


@app.command
def work() -> None:
    """Deliver events, do jobs and long work, without HTTP, until interrupted; for a `serve` beside it."""
    settings = settings_module.load()
    telemetry.configure(stream="stdout")
    with ground(settings) as here:
        _run(_work(here))


async def _work(here: Ground) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _watched(here) as system, system.alive():
        _say(f"Fenxiao {__version__} delivers events and does what is due. Stop with Ctrl-C or SIGTERM.")
        await stop.wait()


@asynccontextmanager
async def _watched(here: Ground) -> AsyncIterator[System]:
    """The composed system, ready for its first request, on a PostgreSQL that is looked after."""
    place, _ = await prepare(here)
    async with composed(place) as system:
        await system.start()
        watch = asyncio.create_task(here.watch())
        try:
            yield system
        finally:
            watch.cancel()


def _greet(here: Ground, roles: bool) -> None:  # noqa: FBT001
    settings = here.settings
    _say(f"Fenxiao {__version__} listens on http://{settings.host}:{settings.port} (documentation: /docs)")
    _say(
        f"Data: {settings.data_dir if here.server else 'PostgreSQL of DATABASE_URL, keys in ' + str(settings.data_dir)}"
    )
    if not roles:
        _say("The database user may not create roles: one role serves all contexts.")
    _say("Stop with Ctrl-C or SIGTERM.")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is started, so that a taken one changes nothing."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        message = f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); stop what uses it or set FENXIAO_PORT."
        raise Plain(message) from error
    listener.set_inheritable(False)
    return listener


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    # What the modules made stays for the life of the process and need never be searched for garbage; and a batch of
    # orders makes so many objects at once that the usual threshold takes half of its time for nothing.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@contextmanager
def _quiet() -> Iterator[Ground]:
    """The ground for a command that prints its own words: logs go to stderr, from warnings on."""
    telemetry.configure(stream="stderr", level="WARNING", form="console")
    with ground(settings_module.load()) as here:
        yield here


@app.command
def migrate() -> None:
    """Bring the database to the newest revision and say what was done."""
    with _quiet() as here:
        place, moved = _run(prepare(here))
    print(f"migrated: {', '.join(moved)}" if moved else "nothing to migrate")
    if not place.roles:
        print("The database user may not create roles: one role serves all contexts.")


@app.command
def verify() -> None:
    """Recompute the book and check every invariant on one snapshot; exit 1 if anything differs."""
    with _quiet() as here:
        sys.exit(_run(_verify(here)))


async def _verify(here: Ground) -> int:
    from fenxiao.commands.verify import verify as run_checks  # noqa: PLC0415

    place, _ = await prepare(here)
    wrong = in_flight = 0
    async with snapshot(place) as system:
        async for outcome in run_checks([check for offer in system.offers for check in offer.checks]):
            wrong += len(outcome.differences) + outcome.more
            in_flight += outcome.in_flight
            state = (
                f"{len(outcome.differences) + outcome.more} differences" if outcome.differences else "holds"
            )
            print(f"{outcome.check}: {state} ({outcome.seconds:.1f} s)", flush=True)
            for finding in outcome.differences:
                print(f"  {finding.subject}: expected {finding.expected}, found {finding.found}")
            if outcome.more:
                print(f"  … and {outcome.more} more")
    if in_flight:
        print(f"{in_flight} in flight: their events are still on the way")
    print("verify: no difference" if not wrong else f"verify: {wrong} differences")
    return 1 if wrong else 0


@app.command(name="import-retail")
def import_retail(
    orders: Path,
    *,
    distributors: Annotated[
        Path | None, Parameter(help="CSV: external_id, joined_at, country, sponsor_external_id")
    ] = None,
    rejects: Annotated[
        Path | None, Parameter(help="Where to write the rejected rows (default: the data folder)")
    ] = None,
) -> None:
    """Load a year of the Online Retail II data set: orders, returns, commission, reports."""
    with _quiet() as here:
        sys.exit(_run(_import_retail(here, orders, distributors, rejects)))


async def _import_retail(here: Ground, orders: Path, distributors: Path | None, rejects: Path | None) -> int:
    from fenxiao.entrypoints.retail import load  # noqa: PLC0415

    return await load(here, orders, distributors, rejects)


@app.command
def psql(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Open psql on the instance's database as its owner; arguments go to psql."""
    settings = settings_module.load()
    with ground(settings) as here:
        program = str(here.server.psql_path()) if here.server else "psql"
        # A child and not exec: this process holds its share in the server until psql ends.
        code = subprocess.run([program, "--dbname", here.dsn, *arguments], check=False).returncode
    sys.exit(code)


@app.command
def openapi() -> None:
    """Print the OpenAPI 3.1 document of the whole system."""
    with _quiet() as here:
        print(json.dumps(_run(_openapi(here)), ensure_ascii=False, indent=1))


async def _openapi(here: Ground) -> dict[str, Any]:
    from fenxiao.entrypoints.web import application  # noqa: PLC0415

    place, _ = await prepare(here)
    async with composed(place) as system:
        return application(system).openapi()
