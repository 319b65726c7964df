"""`bench/commission`: options, rounds, the table."""

import asyncio
import gc
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

import uvloop
from cyclopts import App, Parameter, validators

from bench.commission_bench import report, stage
from bench.commission_bench.contenders import CONTENDERS, take_turn
from bench.orders_bench import population
from bench.rig import database, machine, pgbench
from bench.rig.turns import Turn, in_turn
from fenxiao.infra import telemetry

RESULTS = Path(__file__).resolve().parents[1] / "results"
DEEP_SHARE = 10
"""One in so many of the simulated orders stands in the part that is about payees."""
app = App(
    name="bench/commission",
    help="How quickly commission is booked and simulated, beside the limit of PostgreSQL.",
)
AtLeastOne = Annotated[int, Parameter(validator=validators.Number(gte=1))]


@app.default
def commission(
    *,
    rounds: AtLeastOne = 3,
    seconds: AtLeastOne = 8,
    orders: Annotated[AtLeastOne, Parameter(help="Orders that are simulated.")] = report.MILLION,
    backlog: Annotated[AtLeastOne, Parameter(help="Orders that are booked in a turn.")] = 10_000,
    quick: Annotated[
        bool, Parameter(negative="", help="One short round with a twentieth of the orders, as a smoke check.")
    ] = False,
    only: Annotated[
        list[str] | None, Parameter(negative="", help=f"Contenders to run: {', '.join(CONTENDERS)}.")
    ] = None,
    folder: Annotated[
        Path | None, Parameter(help="A data folder to load once and keep. Default: a fresh one, thrown away.")
    ] = None,
) -> None:
    """Measure in turns and print the table. Exit code 1 where a round is void, 2 where something is missing."""
    if unknown := sorted(set(only or ()) - set(CONTENDERS)):
        _stop(f"there is no {', '.join(unknown)}; the contenders are: {', '.join(CONTENDERS)}")
    if quick:
        rounds, seconds, orders, backlog = 1, 2, min(orders, report.MILLION // 20), min(backlog, 1_000)
    # Whatever is compared is compared with the limit of its own round.
    compared = only is None or any(name.startswith("consumer") for name in only)
    chosen = [name for name in CONTENDERS if only is None or name in only or (name == "limit" and compared)]
    # As an exception, so that PostgreSQL is stopped and the folder thrown away on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    RESULTS.mkdir(exist_ok=True)
    telemetry.configure(level="WARNING")
    # As the server runs: with its loop, and its patience with what has become garbage.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    try:
        with _folder(folder) as where, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            good = runner.run(
                _run(where, chosen, rounds=rounds, seconds=seconds, orders=orders, backlog=backlog)
            )
            sys.exit(0 if good else 1)
    except machine.Missing as missing:
        _stop(str(missing))


def _stop(message: str) -> None:
    print(f"bench/commission: {message}", file=sys.stderr)
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
    folder: Path, chosen: list[str], *, rounds: int, seconds: int, orders: int, backlog: int
) -> bool:
    """All of it on one data folder; whether no turn was void."""
    password = _password(folder)
    async with database.running(folder) as ground:
        about = machine.description() | {"pgbench": machine.first_line(pgbench.path(ground), "--version")}
        started = time.monotonic()
        people = await population.load(ground, folder, password, _say)
        _say(f"writing {orders:,} orders of the past")
        deep = max(orders // DEEP_SHARE, 1)
        await stage.fill(ground, orders, deep)
        _say(f"loaded in {time.monotonic() - started:.0f} s")
        async with stage.system_of(ground, folder, password) as system:
            bench = stage.Bench(
                ground=ground,
                system=system,
                people=people,
                sellers=_numbers(people.sellers),
                deepest=await _deepest(ground),
                seconds=min(seconds, 2),
                backlog=min(backlog, 500),
                orders=orders,
                deep_orders=deep,
                headers=await stage.signed_in(system, password),
            )
            _say("warming up")
            for name in chosen:
                if name != "simulation":
                    await take_turn(bench, name)
            bench.seconds, bench.backlog = seconds, backlog
            taken = await _rounds(bench, chosen, rounds, password)
            about |= {f"PostgreSQL {name}": value for name, value in (await ground.settings()).items()}
    _keep(about, taken, orders)
    print(report.text(about, taken, orders=orders, backlog=backlog, seconds=seconds))
    return not any(turn.void for turns in taken for turn in turns.values())


def _numbers(file: Path) -> list[int]:
    return [int(line) for line in file.read_text(encoding="utf-8").split()]


async def _deepest(ground: database.Ground) -> list[int]:
    """Sellers with as many people above them as the largest plan pays."""
    rows = await ground.connection.fetch(
        "select distributor_id from bench_limit.seller where cardinality(upline) >= $1 order by 1",
        max(stage.PAYEES),
    )
    return [row["distributor_id"] for row in rows]


def _password(folder: Path) -> str:
    """Made once for a data folder: the administrator of a kept one has it already."""
    file = folder.parent / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    return file.read_text(encoding="utf-8")


async def _rounds(bench: stage.Bench, chosen: list[str], rounds: int, password: str) -> list[dict[str, Turn]]:
    taken = []
    for number in range(rounds):
        settings = await bench.ground.settings()
        _say(f"round {number + 1} of {rounds}: " + ", ".join(f"{k}={v}" for k, v in settings.items()))
        turns: dict[str, Turn] = {}
        for name in in_turn(chosen, number):
            bench.headers = await stage.signed_in(bench.system, password)
            turns[name] = await take_turn(bench, name)
            turns[name].void += database.not_durable(settings)
            _say(report.line(turns[name]))
        taken.append(turns)
    return taken


def _keep(about: dict[str, str], taken: list[dict[str, Turn]], orders: int) -> None:
    file = RESULTS / f"commission-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    rounds = [{name: asdict(turn) for name, turn in turns.items()} for turns in taken]
    whole = {"about": about, "orders": orders, "rounds": rounds}
    file.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")
    _say(f"raw results: {file}")


if __name__ == "__main__":
    app()
