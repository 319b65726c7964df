"""The shape of the placement tree (安置树): positions below a parent, legs, and what a path may become.

A path is the root's id, four bytes, and one byte for the position on each level below. So a subtree is one range of
paths, no two can have one place, and paths of one length are in the order in which a level is filled: from left to right.
"""

from collections.abc import Collection
from typing import Literal

from fenxiao.kernel.errors import Conflict, FieldError, Invalid, NotFound
from fenxiao.kernel.path import join

ROOT = 4
"""Bytes of a path that name its root."""

MAX_WIDTH = 200
"""Positions below one parent; below 255, so that the end of a subtree's range is no position."""

MAX_LEVELS = 2000
"""Levels below a root. Longer paths would outgrow a page of the index; an outer leg may come that far."""

Spill = Literal["breadth_first", "outer_left", "outer_right"]
"""How a free place is looked for (自动安置): level by level from left to right, or at the end of an outer leg."""


class NotPlaced(NotFound):
    """Distributor {distributor_id} has no place in the placement tree."""

    code = "not-placed"


class ParentNotPlaced(Invalid):
    """Distributor {parent_id} has no place in the placement tree; place it first."""

    code = "parent-not-placed"


class NobodyPlacedAbove(Conflict):
    """Nobody in the upline of distributor {distributor_id} has a place in the placement tree; name a parent_id."""

    code = "nobody-placed-above"


class PositionTaken(Conflict):
    """Position {position} below distributor {parent_id} is taken by distributor {distributor_id}."""

    code = "position-taken"


class PlacementLoop(Conflict):
    """Distributor {distributor_id} stands above {parent_id} in the placement tree; this parent would close a loop."""

    code = "placement-loop"


class LegTooLong(Conflict):
    """The placement tree would become more than {most} levels deep here; choose a place further up."""

    code = "leg-too-long"


class WidthInUse(Conflict):
    """Distributor {distributor_id} stands at position {position}; a narrower tree has no such place."""

    code = "width-in-use"


def root_path(distributor_id: int) -> bytes:
    """The path of one who has nobody above."""
    return join(b"", distributor_id)


def child_path(parent: bytes, position: int) -> bytes:
    """The path of the place at this position below the owner of the path."""
    return parent + bytes((position,))


def levels(path: bytes) -> int:
    """Levels below the root: 0 for a root."""
    return len(path) - ROOT


def is_below(path: bytes, above: bytes) -> bool:
    """Whether the owner of the path is, or stands below, the owner of the other one."""
    return path[: len(above)] == above


def first_free(taken: Collection[int], width: int) -> int | None:
    """The leftmost position that nobody has."""
    return next((position for position in range(1, width + 1) if position not in taken), None)


def levels_to_look_at(width: int) -> int:
    """How far below someone the nearest free place can be: all levels above it are full, so the tree doubles with each."""
    return MAX_LEVELS if width == 1 else 64


def leg(spill: Spill, width: int) -> int:
    """The position that an outer leg keeps to."""
    return 1 if spill == "outer_left" else width


def position_faults(position: int, width: int) -> tuple[FieldError, ...]:
    """What is wrong with a position in a tree of this width."""
    if 1 <= position <= width:
        return ()
    return (
        FieldError("position", "Send a position from 1 to {width}, the width of the tree.", {"width": width}),
    )
