"""Paths in the sponsor tree: four big-endian bytes a level, so that a subtree is one range of a btree."""

import struct
from typing import cast

from fenxiao.kernel.ids import DistributorId

STEP = 4
"""Bytes per level; a distributor id on a path is below 2³²."""


def join(parent: bytes, distributor_id: int) -> bytes:
    """The path of a child: its parent's path and its own id."""
    return parent + struct.pack(">I", distributor_id)


def split(path: bytes) -> tuple[DistributorId, ...]:
    """The ids on a path, the root first, the owner of the path last."""
    return cast("tuple[DistributorId, ...]", struct.unpack(f">{len(path) // STEP}I", path))


def subtree(path: bytes) -> tuple[bytes, bytes]:
    """Bounds [from, to) of the paths of a node and everyone below it."""
    return path, path + b"\xff\xff\xff\xff"


def depth(path: bytes) -> int:
    """Levels below the root: 0 for a root."""
    return len(path) // STEP - 1
