"""`bench/orders`: options, rounds, the table."""

import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

from bench.orders_bench import population, report
from bench.orders_bench.contenders import CONTENDERS, take_turn
from bench.orders_bench.profile import profile as profile_single
from bench.orders_bench.stage import Bench
from bench.rig import database, machine, pgbench, server, wrk
from bench.rig.turns import Turn, in_turn

RESULTS = Path(__file__).resolve().parents[1] / "results"
app = App(
    name="bench/orders", help="How many orders a second, beside what this PostgreSQL could write at most."
)


AtLeastOne = Annotated[int, Parameter(validator=validators.Number(gte=1))]


@app.default
def orders(
    *,
    rounds: AtLeastOne = 5,
    seconds: AtLeastOne = 8,
    quick: Annotated[
        bool, Parameter(negative="", help="One short round of everything, as a smoke check.")
    ] = False,
    only: Annotated[
        list[str] | None, Parameter(negative="", help=f"Contenders to run: {', '.join(CONTENDERS)}.")
    ] = None,
    folder: Annotated[
        Path | None, Parameter(help="A data folder to load once and keep. Default: a fresh one, thrown away.")
    ] = None,
    verify: Annotated[
        bool, Parameter(negative="", help="At the end `./run verify`; a difference is exit code 1 too.")
    ] = False,
    two_processes: Annotated[
        bool,
        Parameter(negative="", help="Answer requests by `./run serve`, and do all else by `./run work`."),
    ] = False,
    profile: Annotated[
        int, Parameter(help="Instead: seconds of single orders under py-spy, which must be installed.")
    ] = 0,
) -> None:
    """Measure in turns and print the table. Exit code 1 where a round is void, 2 where something is missing."""
    if unknown := sorted(set(only or ()) - set(CONTENDERS)):
        _stop(f"there is no {', '.join(unknown)}; the contenders are: {', '.join(CONTENDERS)}")
    if quick:
        rounds, seconds = 1, 2
    # Whatever is compared is compared with the limit of its own round.
    chosen = [name for name in CONTENDERS if only is None or name in only or name == "limit"]
    # As an exception, so that PostgreSQL is stopped and the folder thrown away on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    RESULTS.mkdir(exist_ok=True)
    try:
        wrk.path()
        with _folder(folder) as where:
            good = asyncio.run(
                _run(
                    where,
                    chosen,
                    rounds=rounds,
                    seconds=seconds,
                    two_processes=two_processes,
                    profile=profile,
                )
            )
            good &= not verify or server.verified(where)
            sys.exit(0 if good else 1)
    except machine.Missing as missing:
        _stop(str(missing))


def _stop(message: str) -> None:
    print(f"bench/orders: {message}", file=sys.stderr)
    sys.exit(2)


def _say(message: str) -> None:
    print(f"[{datetime.now(UTC):%H:%M:%S}] {message}", file=sys.stderr, flush=True)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """The data folder. A fresh one lies in the clone: the temporary folder may be in memory, where fsync costs nothing."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.absolute() / "data"
        return
    work = Path(tempfile.mkdtemp(prefix="work-", dir=RESULTS))
    try:
        yield work / "data"
    finally:
        shutil.rmtree(work, ignore_errors=True)


async def _run(
    folder: Path, chosen: list[str], *, rounds: int, seconds: int, two_processes: bool, profile: int
) -> bool:
    """All of it on one data folder; whether no turn was void."""
    password = _password(folder)
    async with database.running(folder) as ground:
        about = machine.description() | {
            "wrk": machine.first_line(wrk.path(), "-v"),
            "pgbench": machine.first_line(pgbench.path(ground), "--version"),
        }
        started = time.monotonic()
        people = await population.load(ground, folder, password, _say)
        _say(f"loaded in {time.monotonic() - started:.0f} s")
        async with server.serving(folder, server.free_port(), password, two_processes=two_processes) as ours:
            bench = Bench(ground, ours, people, seconds)
            if profile:
                await profile_single(bench, profile, RESULTS, _say)
                return True
            _say("warming up")
            bench.seconds = min(seconds, 3)
            for name in chosen:
                await take_turn(bench, name)
            bench.seconds = seconds
            taken = await _rounds(bench, chosen, rounds)
            about["processes"] = "serve and work" if two_processes else "one"
            about |= {f"PostgreSQL {name}": value for name, value in (await ground.settings()).items()}
    _keep(about, taken, seconds)
    print(report.text(about, taken, seconds))
    return not any(turn.void for turns in taken for turn in turns.values())


def _password(folder: Path) -> str:
    """Made once for a data folder: the administrator of a kept one has it already."""
    file = folder.parent / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    return file.read_text(encoding="utf-8")


async def _rounds(bench: Bench, chosen: list[str], rounds: int) -> list[dict[str, Turn]]:
    taken = []
    for number in range(rounds):
        settings = await bench.ground.settings()
        _say(f"round {number + 1} of {rounds}: " + ", ".join(f"{k}={v}" for k, v in settings.items()))
        turns: dict[str, Turn] = {}
        for name in in_turn(chosen, number):
            turns[name] = await take_turn(bench, name)
            turns[name].void += database.not_durable(settings)
            _say(report.line(turns[name]))
        taken.append(turns)
    return taken


def _keep(about: dict[str, str], taken: list[dict[str, Turn]], seconds: float) -> None:
    file = RESULTS / f"orders-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    rounds = [{name: asdict(turn) for name, turn in turns.items()} for turns in taken]
    whole = {"about": about, "seconds": seconds, "rounds": rounds}
    file.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")
    _say(f"raw results: {file}")


if __name__ == "__main__":
    app()
