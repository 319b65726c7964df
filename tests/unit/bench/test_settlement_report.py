"""The table of `bench/settlement`: what is held against what."""

from bench.rig.turns import Turn
from bench.settlement_bench import report
from bench.settlement_bench.settling import Work, slower


def turns(settled: float, *, void: bool = False) -> dict[str, Turn]:
    return {
        "limit": Turn("limit", {"per second": 5_000.0}),
        "quiet": Turn("quiet", {"p50 ms": 2.0, "p99 ms": 10.0}),
        "settlement": Turn(
            "settlement",
            {"per second": settled, "p50 ms": 3.0, "p99 ms": 15.0},
            ["a row is missing"] if void else [],
        ),
    }


def test_a_million_is_held_against_the_limit_of_its_own_round() -> None:
    whole = Work(report.ENTRIES, report.DISTRIBUTORS)
    text = report.text({"cores": "2"}, [turns(40_000), turns(30_000)], whole)
    assert "≥ 6 (aim 12): met" in text
    assert "≤ 2: met" in text
    assert "≥ 6 (aim 12): missed" in report.text({}, [turns(29_000)], whole)


def test_less_says_nothing_of_a_million() -> None:
    assert "≥" not in report.text({}, [turns(40_000)], Work(1_000, 100))


def test_a_void_turn_is_in_no_figure() -> None:
    rounds = [turns(40_000, void=True)]
    assert slower(rounds[0]) is None
    assert slower(turns(1)) == 1.5
    text = report.text({}, rounds, Work(report.ENTRIES, report.DISTRIBUTORS))
    assert "round 1, settlement: a row is missing" in text
    assert "40,000" not in text
