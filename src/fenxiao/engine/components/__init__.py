"""Component types (佣金组件类型): one file each and one line in the list below.

Owns what each type pays, its parameters, worst case, depth and texts. Never rounds, cuts, or reads the
lines of an order: that is the same for all types and done by `evaluate` and `close`.
"""

from collections.abc import Mapping

from fenxiao.engine.components import (
    binary,
    breakaway,
    differential,
    fixed,
    generation,
    infinity,
    matching,
    matrix,
    periodmatch,
    pool,
    stairstep,
    unilevel,
)
from fenxiao.engine.components.kind import Kind, OrderKind, PeriodKind

_PER_ORDER: Mapping[str, OrderKind] = {
    "unilevel": unilevel,
    "fixed": fixed,
    "differential": differential,
    "matching": matching,
    "generation": generation,
    "breakaway": breakaway,
    "infinity": infinity,
}
_PER_PERIOD: Mapping[str, PeriodKind] = {
    "pool": pool,
    "binary": binary,
    "matrix": matrix,
    "stairstep": stairstep,
    "periodmatch": periodmatch,
}
KINDS: Mapping[str, Kind] = {**_PER_ORDER, **_PER_PERIOD}
"""Every component type by the name that documents use."""
