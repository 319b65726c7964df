"""`./run import-retail`: composes the system, runs the import with a progress bar, waits until all of it is booked."""

import asyncio
import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from fenxiao.commands.import_retail import rejects as rejects_file
from fenxiao.commands.import_retail.counts import Counts
from fenxiao.commands.import_retail.faults import SourceFault
from fenxiao.commands.import_retail.load import Import
from fenxiao.commands.import_retail.plan import CURRENCY
from fenxiao.commands.import_retail.ports import Ports
from fenxiao.commands.import_retail.prepare import prepare
from fenxiao.entrypoints import ground
from fenxiao.entrypoints.compose import System, composed
from fenxiao.infra import context
from fenxiao.kernel.money import from_minor

LOOK = 0.2
"""Seconds between looks at what is still to be booked."""

PARKED_FOR = 30
"""Seconds that parked events get before the import ends without them."""


class Bar:
    """One progress bar for each part of the import."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, part: str, done: int, total: int) -> None:
        """Show how far a part has come."""
        if part not in self._tasks:
            self._tasks[part] = self._progress.add_task(part, total=total)
        self._progress.update(self._tasks[part], completed=done, total=total)


async def load(here: ground.Ground, orders: Path, distributors: Path | None, rejects: Path | None) -> int:
    """Import one file; 0 if every row was taken or rejected by the rules of the import, else 1."""
    place, _ = await ground.prepare(here)
    path = _writable(rejects or here.settings.data_dir / f"rejects-{orders.stem}.csv")
    async with composed(place) as system:
        await system.start()
        columns = (
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with (
            _alone(here.settings.data_dir),
            Progress(*columns) as progress,
            context.use(context.RequestContext(actor="import")),
        ):
            bar = Bar(progress)
            apis = system.apis
            ports = Ports(catalog=apis.catalog, network=apis.network, rules=apis.rules, orders=apis.orders)
            run = await prepare(ports, orders, distributors, bar)
            await _booked(system, run, bar)
        rejects_file.write(path, run.file, run.counts.rejects)
        _print(run.counts, path)
        if parked := await system.parked():
            print(f"parked      {parked} events could not be digested; docs/operations.md says what to do")
        return 1 if run.counts.refused or parked else 0


def _writable(path: Path) -> Path:
    """The path, if a file can be written there; asked before the import, not after."""
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        message = (
            f"the rejects cannot be written to {path}: {path.parent} is no folder that this user may write to"
        )
        raise SourceFault(message)
    return path


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    with (data_dir / "import.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = "another import is running on this data folder; wait for it to end"
            raise SourceFault(message) from error
        yield


async def _booked(system: System, run: Import, bar: Bar) -> None:
    """Run the import with the relays beside it (or those of a running server), then wait for the last event."""
    async with system.delivering():
        await run.run()
        most = waiting = await system.waiting()
        while waiting:
            most = max(most, waiting)
            bar("booking", most - waiting, most)
            await asyncio.sleep(LOOK)
            waiting = await system.waiting()
        bar("booking", most, most)
        await _unparked(system)


async def _unparked(system: System) -> None:
    """What an outage left parked comes up again by itself within seconds; what stays is a fault to be looked at."""
    for _ in range(PARKED_FOR):
        if not await system.parked():
            return
        await asyncio.sleep(1)


def _print(counts: Counts, path: Path) -> None:
    print(f"orders      {counts.orders} placed with {counts.lines} lines, {counts.known_orders} known before")
    print(f"gross       {from_minor(counts.gross_minor, CURRENCY)} {CURRENCY}")
    print(
        f"returns     {counts.returns_whole} rows matched whole, {counts.returns_not_whole} not or in part,"
        f" {counts.known_refunds} known before"
    )
    print(f"refunds     {counts.refunds} made, {from_minor(counts.refunded_minor, CURRENCY)} {CURRENCY}")
    for reason, number in sorted(Counter(reject.reason for reject in counts.rejects).items()):
        print(f"rejected    {number} rows: {reason}")
    print(f"rejects in  {path}")
    for line in counts.refused[:20]:
        print(f"refused     {line}")
    if len(counts.refused) > 20:  # noqa: PLR2004 - enough to see the pattern
        print(f"refused     … and {len(counts.refused) - 20} more")
