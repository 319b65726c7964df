"""What the network reads, by noun."""

from fenxiao.network.queries import downlines, faults, grades, profiles, sellers, sponsors

__all__ = ["downlines", "faults", "grades", "profiles", "sellers", "sponsors"]
