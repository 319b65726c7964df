"""From turns to the table: which figure is held against what. Pure."""

from collections.abc import Callable, Mapping, Sequence

from bench.rig.figures import Spread, Target, ratios
from bench.rig.table import Row, table
from bench.rig.turns import Turn

Rounds = Sequence[Mapping[str, Turn]]

RATES = {
    "limit": ("(a) the limit: one PL/pgSQL call per order, pgbench, 32 clients", None),
    "single": ("(b) `POST /api/orders`, 64 connections", Target(0.55, aim=0.8)),
    "paid": ("(c) orders that arrive paid, two payees each", Target(0.40, aim=0.55)),
    "bulk": ("(d) `POST /api/orders/bulk`, 500 a request", Target(1.5, aim=2)),
    "hot": ("(e) as (b), of ten products alone", None),
}
LATENCIES = {"p50 ms": ("p50", Target(1.5, at_least=False)), "p99 ms": ("p99", Target(15, at_least=False))}


def text(about: Mapping[str, str], rounds: Rounds, seconds: float) -> str:
    """Everything that is printed at the end."""
    machine = "; ".join(
        f"{name}: {value}" for name, value in about.items() if not name.startswith("PostgreSQL ")
    )
    settings = ", ".join(
        f"{name.removeprefix('PostgreSQL ')} {value}"
        for name, value in about.items()
        if name.startswith("PostgreSQL ")
    )
    parts = [
        f"{len(rounds)} rounds of {seconds:g} s a turn; server, PostgreSQL and load share this machine.",
        f"Machine: {machine}",
        f"PostgreSQL: {settings}",
        table(rows(rounds)),
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


def rows(rounds: Rounds) -> list[Row]:
    """The lines of the table, for those that took part."""
    found = [
        _row(
            rounds,
            contender,
            "limit",
            "per second",
            Row(name=name, unit="orders/s", value=None, target=target),
        )
        for contender, (name, target) in RATES.items()
        if _took_part(rounds, contender)
    ]
    for figure, (short, target) in LATENCIES.items():
        for contender, who in (("limit at rate", "the limit"), ("at rate", "`POST /api/orders`")):
            if _took_part(rounds, contender):
                blank = Row(
                    name=f"(f) {short} of {who} at 1,500 orders/s",
                    unit="ms",
                    value=None,
                    target=target if contender == "at rate" else None,
                    of_ratio=False,
                    places=2,
                )
                found.append(_row(rounds, contender, "limit at rate", figure, blank))
    return found


def _took_part(rounds: Rounds, contender: str) -> bool:
    return any(contender in turns for turns in rounds)


def _row(rounds: Rounds, contender: str, limit: str, figure: str, blank: Row) -> Row:
    column: Callable[[str], list[float | None]] = lambda name: [  # noqa: E731 - used on the next lines alone
        turns[name].value(figure) if name in turns else None for turns in rounds
    ]
    values, limits = column(contender), column(limit)
    against = ratios(values, limits)
    return Row(
        name=blank.name,
        unit=blank.unit,
        value=_spread([value for value in values if value is not None]),
        ratio=_spread(against),
        target=blank.target,
        of_ratio=blank.of_ratio,
        void=sum(bool(turns[contender].void) for turns in rounds if contender in turns),
        places=blank.places,
    )


def _spread(values: Sequence[float]) -> Spread | None:
    return Spread.of(values) if values else None


def line(turn: Turn) -> str:
    """One turn in one line, as it is told while the benchmark runs."""
    figures = ", ".join(f"{name} {value:,.2f}" for name, value in turn.values.items())
    spent = ", ".join(f"{who} {each}" for who, each in turn.raw.get("processor µs per order", {}).items())
    void = f" VOID: {'; '.join(turn.void)}" if turn.void else ""
    return f"{turn.contender}: {figures} [processor µs per order: {spent}]{void}"
