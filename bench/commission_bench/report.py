"""From turns to the table: which figure is held against what. Pure."""

from collections.abc import Mapping, Sequence

from bench.commission_bench.stage import PAYEES
from bench.rig.figures import Spread, Target, ratios
from bench.rig.table import Row, table
from bench.rig.turns import Turn

Rounds = Sequence[Mapping[str, Turn]]
MILLION = 1_000_000
SECONDS = Target(60, at_least=False, aim=15)
MEMORY = Target(2048, at_least=False)
BOOKED = Target(0.5, aim=1.5)


def text(about: Mapping[str, str], rounds: Rounds, *, orders: int, backlog: int, seconds: float) -> str:
    """Everything that is printed at the end."""
    machine = "; ".join(
        f"{name}: {value}" for name, value in about.items() if not name.startswith("PostgreSQL ")
    )
    settings = ", ".join(
        f"{name.removeprefix('PostgreSQL ')} {value}"
        for name, value in about.items()
        if name.startswith("PostgreSQL ")
    )
    asked = f"{seconds:g} s of the limit, {backlog:,} orders booked a turn, {orders:,} orders simulated"
    parts = [
        f"{len(rounds)} rounds; {asked}; everything shares this machine.",
        f"Machine: {machine}",
        f"PostgreSQL: {settings}",
        table(rows(rounds, orders)),
        *_growth(rounds),
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


def rows(rounds: Rounds, orders: int) -> list[Row]:
    """The lines of the table, for those that took part."""
    # Fewer orders say nothing of a million, so nothing is held against its targets.
    whole = orders == MILLION
    found = [
        _row(
            rounds,
            "limit",
            "per second",
            "(a) the limit: one PL/pgSQL call per order, pgbench, 32 clients",
            "orders/s",
        ),
        _row(
            rounds, "consumer", "per second", "(b) booking, two payees", "orders/s", target=BOOKED, ratio=True
        ),
        *(
            _row(
                rounds,
                f"consumer {number}",
                "per second",
                f"(b) booking, {_people(number)}",
                "orders/s",
                ratio=True,
            )
            for number in PAYEES
            if number != 2
        ),
        _row(
            rounds,
            "simulation",
            "seconds",
            f"(c) {orders:,} orders simulated",
            "s",
            target=SECONDS if whole else None,
            places=1,
        ),
        _row(
            rounds,
            "simulation",
            "MiB",
            "(c) memory, PostgreSQL aside",
            "MiB",
            target=MEMORY if whole else None,
        ),
        _row(rounds, "simulation", "all µs per order", "(c) processor, everything", "µs/order", places=1),
        _row(
            rounds,
            "simulation",
            "server µs per order",
            "(c) processor, the server's own process",
            "µs/order",
            places=1,
        ),
        *(
            _row(
                rounds,
                f"payees {number}",
                "evaluating µs per order",
                f"(d) evaluating, {_people(number)}",
                "µs/order",
                places=1,
            )
            for number in PAYEES
        ),
    ]
    return [row for row in found if row.value is not None or row.void]


def _people(number: int) -> str:
    return "one payee" if number == 1 else f"{number} payees"


def _row(
    rounds: Rounds,
    contender: str,
    figure: str,
    name: str,
    unit: str,
    *,
    target: Target | None = None,
    ratio: bool = False,
    places: int = 0,
) -> Row:
    values = _column(rounds, contender, figure)
    against = ratios(values, _column(rounds, "limit", "per second")) if ratio else []
    return Row(
        name=name,
        unit=unit,
        value=_spread([value for value in values if value is not None]),
        ratio=_spread(against),
        target=target,
        of_ratio=ratio,
        void=sum(bool(turns[contender].void) for turns in rounds if contender in turns),
        places=places,
    )


def _column(rounds: Rounds, contender: str, figure: str) -> list[float | None]:
    return [turns[contender].value(figure) if contender in turns else None for turns in rounds]


def _spread(values: Sequence[float]) -> Spread | None:
    return Spread.of(values) if values else None


def _growth(rounds: Rounds) -> list[str]:
    """How the cost of an order grows with its payees: no faster than their number."""
    told = []
    for title, name, figure in (
        ("Booking", "consumer {}", "Python µs per order"),
        ("Evaluating", "payees {}", "evaluating µs per order"),
    ):
        costs = []
        for number in PAYEES:
            contender = "consumer" if (name, number) == ("consumer {}", 2) else name.format(number)
            values = [value for value in _column(rounds, contender, figure) if value is not None]
            costs.append(Spread.of(values).middle if values else None)
        first, last = costs[0], costs[-1]
        if first and last:
            grown = last / first
            verdict = "no faster than their number" if grown <= PAYEES[-1] else "FASTER than their number"
            told.append(
                f"{title}: an order with {PAYEES[-1]} payees costs {grown:.2f} times one with one payee; {verdict}."
            )
    return told


def line(turn: Turn) -> str:
    """One turn in one line, as it is told while the benchmark runs."""
    figures = ", ".join(f"{name} {value:,.2f}" for name, value in turn.values.items())
    void = f" VOID: {'; '.join(turn.void)}" if turn.void else ""
    return f"{turn.contender}: {figures}{void}"
