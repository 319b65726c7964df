"""The shape of the sponsor tree: what a path may become."""

from fenxiao.kernel.path import STEP, depth

MAX_DEPTH = 500
"""Levels below a root. Deeper paths would outgrow a page of the index that makes a subtree one range."""


def closes_loop(path: bytes, sponsor_path: bytes) -> bool:
    """Whether the owner of `path` stands above (or is) the one who is to become its sponsor.

    A path is compared byte by byte from the root, so it is in steps of whole ids: 12 is never found inside 112.
    """
    return sponsor_path[: len(path)] == path


def too_deep(sponsor_path: bytes, levels_below: int) -> bool:
    """Whether someone with so many levels below would reach too deep under this sponsor."""
    return depth(sponsor_path) + 1 + levels_below > MAX_DEPTH


def levels(path: bytes, deepest_bytes: int) -> int:
    """How many levels there are below the owner of the path, given the length of the longest path below."""
    return (deepest_bytes - len(path)) // STEP
