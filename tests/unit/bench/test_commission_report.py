"""From turns of `bench/commission` to its table."""

from bench.commission_bench import report
from bench.rig.turns import Turn


def turn(name: str, **values: float) -> Turn:
    return Turn(name, values={key.replace("_", " "): value for key, value in values.items()})


def rounds(growth: float = 3.0) -> list[dict[str, Turn]]:
    one = {
        "limit": turn("limit", per_second=4000),
        "consumer": turn("consumer", per_second=3000),
        "consumer 1": turn("consumer 1", per_second=4000),
        "consumer 8": turn("consumer 8", per_second=1000),
        "simulation": Turn("simulation", values={"seconds": 20.0, "MiB": 700.0, "all µs per order": 40.0}),
        "payees 1": Turn("payees 1", values={"evaluating µs per order": 10.0}),
        "payees 8": Turn("payees 8", values={"evaluating µs per order": 10.0 * growth}),
    }
    two = {**one, "limit": turn("limit", per_second=5000), "simulation": Turn("simulation", void=["killed"])}
    return [one, two]


def test_ratios_are_taken_within_a_round_and_targets_named() -> None:
    found = {row.name: row for row in report.rows(rounds(), report.MILLION)}
    booked = found["(b) booking, two payees"]
    assert booked.ratio is not None
    assert (booked.ratio.low, booked.ratio.middle, booked.ratio.high) == (0.6, 0.675, 0.75)
    text = report.text({}, rounds(), orders=report.MILLION, backlog=10, seconds=8)
    for part in ("≥ 0.5 (aim 1.5): met", "≤ 60 (aim 15): met", "≤ 2048: met", "round 2, simulation: killed"):
        assert part in text
    assert found["(c) 1,000,000 orders simulated"].void == 1
    assert "4 payees" not in text, "what took no part has no line"


def test_fewer_orders_are_held_against_nothing() -> None:
    text = report.text({}, rounds(), orders=50_000, backlog=10, seconds=8)
    assert "≤ 60" not in text
    assert "(c) 50,000 orders simulated" in text


def test_cost_may_not_grow_faster_than_payees() -> None:
    slow = report.text({}, rounds(8.5), orders=1, backlog=10, seconds=8)
    assert "8.50 times one with one payee; FASTER than their number" in slow
    fine = report.text({}, rounds(8.0), orders=1, backlog=10, seconds=8)
    assert "8.00 times one with one payee; no faster than their number" in fine
