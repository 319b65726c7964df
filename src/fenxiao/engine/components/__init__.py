"""Component types (佣金组件类型): one file each and one line in the list below.

Owns what each type pays, its parameters, worst case, depth and texts. Never rounds, cuts, or reads the
lines of an order: that is the same for all types and done by `evaluate`.
"""

from collections.abc import Mapping

from fenxiao.engine.components import (
    breakaway,
    differential,
    fixed,
    generation,
    infinity,
    matching,
    unilevel,
)
from fenxiao.engine.components.kind import Kind

KINDS: Mapping[str, Kind] = {
    "unilevel": unilevel,
    "fixed": fixed,
    "differential": differential,
    "matching": matching,
    "generation": generation,
    "breakaway": breakaway,
    "infinity": infinity,
}
"""Every component type by the name that documents use."""
