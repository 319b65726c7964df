"""What became of the rows of a file."""

from dataclasses import dataclass, field

from fenxiao.commands.import_retail.rows import Reject


@dataclass(slots=True)
class Counts:
    """What became of the file's rows in this run; `known` ones were loaded by an earlier one."""

    orders: int = 0
    lines: int = 0
    known_orders: int = 0
    returns_whole: int = 0
    returns_not_whole: int = 0
    refunds: int = 0
    known_refunds: int = 0
    gross_minor: int = 0
    refunded_minor: int = 0
    rejects: list[Reject] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """What a context refused, which the rules of the import do not foresee."""
