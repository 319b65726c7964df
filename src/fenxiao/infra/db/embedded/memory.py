"""How much memory PostgreSQL may keep pages in.

What does not fit there has to be written out and read again while requests wait, and each page that is written out waits
for the disk to have what the log says of it. A quarter of the memory is what PostgreSQL's documentation advises ("Resource
Consumption", `shared_buffers`); it takes of it only what it uses.
"""

import os
from pathlib import Path

MIB = 1024 * 1024
LEAST, MOST = 128 * MIB, 2048 * MIB
"""Every backend keeps a table of the pages of all of it, so more than a few gigabytes should be somebody's decision."""

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""What a container may use, by either version of control groups."""


def shared_buffers() -> str:
    """The setting for the memory of this machine or container."""
    return f"{min(max(usable() // 4, LEAST), MOST) // MIB}MB"


def usable() -> int:
    """Bytes of memory that the machine has, or that the container may use if that is less."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for limit in map(_limit, _LIMITS) if limit]
    return min([whole, *limits])


def _limit(file: Path) -> int | None:
    try:
        words = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(words) if words.isdigit() else None
