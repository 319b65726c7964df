"""What the network reads, by noun."""

from fenxiao.network.queries import (
    bindings,
    downlines,
    faults,
    grades,
    placements,
    profiles,
    sellers,
    sponsors,
)

__all__ = ["bindings", "downlines", "faults", "grades", "placements", "profiles", "sellers", "sponsors"]
