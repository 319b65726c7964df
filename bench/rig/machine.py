"""The machine: what it is, which programs are there, and who used its processors."""

import os
import platform
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


class Missing(Exception):  # noqa: N818 - said as it is
    """A program that the benchmark needs is not installed; the message says how to get it."""


def program(name: str, package: str) -> str:
    """The path of a program; Missing with the way to install it."""
    found = shutil.which(name)
    if found is None:
        message = f"{name} is missing: apt-get install -y --no-install-recommends {package} (as root), or your system's package of it"
        raise Missing(message)
    return found


def first_line(*words: str) -> str:
    """The first line that a program says of itself, on whichever stream, with whatever exit code."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().split("\n", 1)[0]


def description() -> dict[str, str]:
    """What stands beside every figure."""
    return {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "processor": _processor(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
        "load before the start": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next(
        (line.partition(":")[2].strip() for line in words if line.startswith("model name")), "unknown"
    )


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds of processor time used so far: by the whole machine, one process, and our ended children (the load)."""

    machine: float
    server: float
    load: float

    @staticmethod
    def read(server: int) -> "Clocks | None":
        """The clocks now; None where there is no /proc."""
        try:
            machine = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
            process = Path(f"/proc/{server}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            return None
        user, nice, system, _, _, irq, softirq = map(int, machine[:7])
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Clocks(
            machine=(user + nice + system + irq + softirq) / _TICK,
            # utime and stime are the 14th and 15th field; two stand before the bracket that closes the name.
            server=(int(process[11]) + int(process[12])) / _TICK,
            load=children.ru_utime + children.ru_stime,
        )


def used(before: Clocks | None, after: Clocks | None, orders: int) -> dict[str, int]:
    """Microseconds of processor time per order between two readings; the rest is PostgreSQL and whatever else runs here."""
    if before is None or after is None or orders == 0:
        return {}
    server, load = after.server - before.server, after.load - before.load
    rest = after.machine - before.machine - server - load
    return {
        who: round(spent / orders * 1e6)
        for who, spent in (("server", server), ("load", load), ("rest", rest))
    }
