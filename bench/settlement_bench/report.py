"""From turns to the table. Pure."""

from collections.abc import Mapping, Sequence

from bench.rig.figures import Spread, Target, ratios
from bench.rig.table import Row, table
from bench.rig.turns import Turn
from bench.settlement_bench.settling import RATE, Work, slower

Rounds = Sequence[Mapping[str, Turn]]
ENTRIES, DISTRIBUTORS = 1_000_000, 100_000
RELEASED = Target(6, aim=12)
SLOWER = Target(2, at_least=False)


def text(about: Mapping[str, str], rounds: Rounds, work: Work) -> str:
    """Everything that is printed at the end."""
    size = f"{work.entries:,} entries of {work.distributors:,} distributors a settlement"
    parts = [
        f"{len(rounds)} rounds; {size}, beside {RATE} orders/s; everything shares this machine.",
        "; ".join(f"{name}: {value}" for name, value in about.items()),
        table(rows(rounds, work)),
    ]
    reasons = [
        f"- round {number}, {name}: {'; '.join(turn.void)}"
        for number, turns in enumerate(rounds, 1)
        for name, turn in turns.items()
        if turn.void
    ]
    if reasons:
        parts.append("Void, and in no figure above:\n\n" + "\n".join(reasons))
    return "\n\n".join(parts)


def rows(rounds: Rounds, work: Work) -> list[Row]:
    """The lines of the table; fewer entries say nothing of a million, so nothing is held against its targets."""
    whole = (work.entries, work.distributors) == (ENTRIES, DISTRIBUTORS)
    per_second = {name: _values(rounds, name, "per second") for name in ("limit", "settlement")}
    ratio = ratios(per_second["settlement"], per_second["limit"])
    slow = [one for one in map(slower, rounds) if one is not None]
    return [
        _row(
            rounds, "limit", "per second", "(a) the limit: one PL/pgSQL call per order, pgbench", "orders/s"
        ),
        Row(
            name="(b) a settlement",
            unit="entries/s",
            value=_spread(per_second["settlement"]),
            ratio=Spread.of(ratio) if ratio else None,
            target=RELEASED if whole else None,
            void=_void(rounds, "settlement"),
        ),
        _row(rounds, "quiet", "p99 ms", "(c) POST /api/orders alone, p99", "ms", places=1),
        _row(rounds, "settlement", "p99 ms", "(c) the same beside a settlement, p99", "ms", places=1),
        Row(
            name="(c) how many times as long",
            unit="",
            value=Spread.of(slow) if slow else None,
            target=SLOWER if whole else None,
            of_ratio=False,
            places=2,
        ),
    ]


def _row(rounds: Rounds, contender: str, value: str, name: str, unit: str, *, places: int = 0) -> Row:
    found = _values(rounds, contender, value)
    return Row(name=name, unit=unit, value=_spread(found), void=_void(rounds, contender), places=places)


def _values(rounds: Rounds, contender: str, value: str) -> list[float | None]:
    return [turns[contender].value(value) if contender in turns else None for turns in rounds]


def _spread(values: Sequence[float | None]) -> Spread | None:
    there = [value for value in values if value is not None]
    return Spread.of(there) if there else None


def _void(rounds: Rounds, contender: str) -> int:
    return sum(1 for turns in rounds if contender in turns and turns[contender].void)
