"""`bench/settlement`: options, rounds, the table."""

import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

from bench.orders_bench import population
from bench.orders_bench.stage import Bench
from bench.rig import database, machine, pgbench, server
from bench.rig.turns import Turn
from bench.settlement_bench import report
from bench.settlement_bench.settling import CONTENDERS, Work, take_turn
from fenxiao.infra import telemetry

RESULTS = Path(__file__).resolve().parents[1] / "results"
app = App(name="bench/settlement", help="How quickly a settlement releases, beside the limit of PostgreSQL.")
AtLeastOne = Annotated[int, Parameter(validator=validators.Number(gte=1))]


@app.default
def settlement(
    *,
    rounds: AtLeastOne = 3,
    seconds: AtLeastOne = 8,
    entries: AtLeastOne = report.ENTRIES,
    distributors: AtLeastOne = report.DISTRIBUTORS,
    quick: Annotated[
        bool, Parameter(negative="", help="One short round with a fiftieth of the entries, as a smoke check.")
    ] = False,
    two_processes: Annotated[
        bool,
        Parameter(negative="", help="Answer requests by `./run serve`, and do all else by `./run work`."),
    ] = False,
    folder: Annotated[
        Path | None, Parameter(help="A data folder to load once and keep. Default: a fresh one, thrown away.")
    ] = None,
) -> None:
    """Measure in turns and print the table. Exit code 1 where a round is void, 2 where something is missing."""
    if quick:
        rounds, seconds, entries = 1, 3, min(entries, report.ENTRIES // 50)
    work = Work(entries, min(distributors, entries))
    # As an exception, so that PostgreSQL is stopped and the folder thrown away on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    RESULTS.mkdir(exist_ok=True)
    telemetry.configure(level="WARNING")
    try:
        with _folder(folder) as where:
            good = asyncio.run(_run(where, work, rounds=rounds, seconds=seconds, two_processes=two_processes))
            sys.exit(0 if good else 1)
    except machine.Missing as missing:
        print(f"bench/settlement: {missing}", file=sys.stderr)
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


async def _run(folder: Path, work: Work, *, rounds: int, seconds: int, two_processes: bool) -> bool:
    """All of it on one data folder; whether no turn was void."""
    password = _password(folder)
    async with database.running(folder) as ground:
        about = machine.description() | {"pgbench": machine.first_line(pgbench.path(ground), "--version")}
        people = await population.load(ground, folder, password, _say)
        taken: list[dict[str, Turn]] = []
        async with server.serving(
            folder, server.free_port(), password, two_processes=two_processes
        ) as served:
            bench = Bench(ground=ground, server=served, people=people, seconds=seconds)
            for number in range(rounds):
                turns: dict[str, Turn] = {}
                settings = await ground.settings()
                # A settlement leaves dead rows behind, so it is always the last.
                for name in CONTENDERS:
                    turns[name] = await take_turn(bench, work, name)
                    turns[name].void += database.not_durable(settings)
                    _say(f"round {number + 1}, {name}: {turns[name].values} {turns[name].void or ''}")
                taken.append(turns)
        about |= {
            name: value for name, value in (await ground.settings()).items() if name in database.DURABLE
        }
    _keep(about, taken, work)
    print(report.text(about, taken, work))
    return not any(turn.void for turns in taken for turn in turns.values())


def _password(folder: Path) -> str:
    """Made once for a data folder: the administrator of a kept one has it already."""
    file = folder.parent / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _keep(about: dict[str, str], taken: list[dict[str, Turn]], work: Work) -> None:
    file = RESULTS / f"settlement-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    rounds = [{name: asdict(turn) for name, turn in turns.items()} for turns in taken]
    file.write_text(
        json.dumps({"about": about, "work": asdict(work), "rounds": rounds}, indent=1, ensure_ascii=False),
        encoding="utf-8",
    )
    _say(f"raw results: {file}")


if __name__ == "__main__":
    app()
