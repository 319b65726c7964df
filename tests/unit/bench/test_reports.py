"""From what the load generators print to the table."""

import json

import pytest
from bench.orders_bench import report
from bench.orders_bench.profile import summary
from bench.rig import pgbench, wrk
from bench.rig.figures import Spread, Target
from bench.rig.table import Row, table
from bench.rig.turns import Turn

PGBENCH = """transaction type: script.sql
number of clients: 32
number of transactions actually processed: 12345
number of failed transactions: 2 (0.016%)
latency average = 6.500 ms
initial connection time = 30.000 ms
tps = 4567.890123 (without initial connection time)
"""


def test_pgbench_is_read() -> None:
    outcome = pgbench.reported(PGBENCH, [], 0)
    assert (outcome.transactions, outcome.failed, outcome.per_second) == (12345, 2, 4567.890123)
    assert outcome.latency_ms == 6.5


def test_latencies_of_the_lead_in_are_left_out() -> None:
    # Client, number, latency in µs, script, the end in seconds and µs, lag.
    log = ["0 1 500000 0 100 500000 0", "1 1 2000 0 101 900000 500", "0 2 3000 0 102 100000 9"]
    assert pgbench.reported(PGBENCH, log, 2).latencies == [3.0]
    assert pgbench.reported(PGBENCH, log, 0).latencies == [500.0, 2.0, 3.0]


def result(**changes: float) -> str:
    whole = {"sent": 1064, "answered": 1064, "window": 2.0, "all": 0, "p50": 40_000, "p99": 90_000}
    errors = dict.fromkeys(("connect", "read", "write", "timeout", "status"), 0)
    return "Running 4s test\n  1 threads\nRESULT " + json.dumps(whole | errors | changes) + "\n"


def test_wrk_counts_what_was_answered_while_it_sent() -> None:
    outcome = wrk.reported(result(), 64)
    assert (outcome.sent, outcome.good, outcome.per_second) == (1064, 1064, 500.0)
    assert (outcome.p50_ms, outcome.p99_ms) == (40.0, 90.0)
    # Few long requests: all of them, in the time until the last answer.
    assert wrk.reported(result(all=2.128), 4).per_second == pytest.approx(500.0)
    assert wrk.reported(result(status=4), 64).good == 1060


def test_hanging_up_on_an_idle_connection_is_no_error() -> None:
    assert wrk.reported(result(read=4), 64).errors["read"] == 0
    assert wrk.reported(result(read=4, answered=1060), 64).errors["read"] == 4


@pytest.mark.parametrize("said", ["", "unable to connect to 127.0.0.1:1 Connection refused\n"])
def test_a_load_generator_that_says_nothing_gives_no_figure(said: str) -> None:
    with pytest.raises(ValueError, match="no result"):
        wrk.reported(said, 64)
    with pytest.raises(ValueError, match="no result"):
        pgbench.reported(said, [], 0)


def test_the_table_is_markdown() -> None:
    rows = [
        Row(
            name="(b)",
            unit="orders/s",
            value=Spread(1234.5, 1000, 2000),
            ratio=Spread(0.6, 0.5, 0.7),
            target=Target(0.55, aim=0.8),
        ),
        Row(
            name="(f)",
            unit="ms",
            value=Spread(1.62, 1, 2),
            target=Target(1.5, at_least=False),
            of_ratio=False,
            places=2,
        ),
        Row(name="(d)", unit="orders/s", value=None, target=Target(1.5), void=2),
    ]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(rows).splitlines()]
    assert cells[2] == [
        "(b)",
        "1,234",
        "1,000 to 2,000",
        "orders/s",
        "0.60",
        "0.50 to 0.70",
        "≥ 0.55 (aim 0.8): met",
        "",
    ]
    assert cells[3] == ["(f)", "1.62", "1.00 to 2.00", "ms", "–", "", "≤ 1.5: missed", ""]
    assert cells[4] == ["(d)", "–", "", "orders/s", "–", "", "≥ 1.5: not measured", "2"]
    assert len({len(line) for line in table(rows).splitlines()}) == 1


def rounds() -> list[dict[str, Turn]]:
    return [
        {
            "limit": Turn("limit", {"per second": 5000.0}),
            "single": Turn("single", {"per second": 3000.0}),
            "bulk": Turn("bulk", void=["POST /api/orders/bulk answers 404"]),
        },
        {
            "limit": Turn("limit", {"per second": 4000.0}),
            "single": Turn("single", {"per second": 2000.0}, void=["1 status"]),
            "bulk": Turn("bulk", {"per second": 8000.0}),
        },
    ]


def test_ratios_are_against_the_limit_of_the_same_round_and_void_turns_are_left_out() -> None:
    limit, single, bulk = report.rows(rounds())
    assert (limit.value, limit.ratio) == (Spread(4500, 4000, 5000), Spread(1, 1, 1))
    assert (single.value, single.ratio, single.void) == (Spread(3000, 3000, 3000), Spread(0.6, 0.6, 0.6), 1)
    assert (bulk.value, bulk.ratio, bulk.void) == (Spread(8000, 8000, 8000), Spread(2, 2, 2), 1)


def test_what_is_void_is_told_with_its_reason() -> None:
    told = report.text({"cores": "2", "PostgreSQL fsync": "on"}, rounds(), 8)
    assert "- round 1, bulk: POST /api/orders/bulk answers 404" in told
    assert "- round 2, single: 1 status" in told
    assert "cores: 2" in told
    assert "PostgreSQL: fsync on" in told
    assert "Void" not in report.text({}, [{"limit": Turn("limit", {"per second": 1.0})}], 8)


def test_latencies_are_held_against_their_own_bounds() -> None:
    turns = {
        "limit at rate": Turn("limit at rate", {"p50 ms": 0.5, "p99 ms": 5.0}),
        "at rate": Turn("at rate", {"p50 ms": 2.0, "p99 ms": 10.0}),
    }
    rows = {row.name: row for row in report.rows([turns])}
    p50 = rows["(f) p50 of `POST /api/orders` at 1,500 orders/s"]
    assert (p50.value, p50.ratio, p50.of_ratio) == (Spread(2, 2, 2), Spread(4, 4, 4), False)
    lines = table(list(rows.values())).splitlines()
    assert [line for line in lines if "missed" in line] == [line for line in lines if "p50 of `POST" in line]
    assert [line for line in lines if ": met" in line] == [line for line in lines if "p99 of `POST" in line]


def test_a_profile_names_the_functions_with_most_samples() -> None:
    told = summary("main (a.py:1);work (b.py:7) 30\nmain (a.py:1);work (b.py:9) 10\nmain (a.py:2) 60\n")
    alone, within = told.split("with what it calls:")
    assert "60.0 %  main (a.py)" in alone
    assert "40.0 %  work (b.py)" in alone
    assert "100.0 %  main (a.py)" in within
