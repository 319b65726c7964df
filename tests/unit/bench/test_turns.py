"""When a turn does not count."""

import pytest
from bench.orders_bench import written
from bench.rig.database import DURABLE, not_durable
from bench.rig.turns import Turn, difference, in_turn, left_behind, not_answered_well, rows_missing


def test_a_turn_counts_where_every_request_was_answered_with_success() -> None:
    assert not_answered_well(100, 100, {"connect": 0, "status": 0}) == []


@pytest.mark.parametrize(
    ("good", "sent", "errors", "reason"),
    [
        (99, 100, {}, "100 sent, 99 answered with success"),
        (100, 100, {"timeout": 2}, "2 timeout"),
        (0, 0, {}, "nothing was sent"),
    ],
)
def test_a_missing_answer_voids_the_turn(good: int, sent: int, errors: dict[str, int], reason: str) -> None:
    assert reason in not_answered_well(good, sent, errors)


def test_a_missing_row_and_a_row_too_many_void_the_turn() -> None:
    expected = {"orders": 10, "lines": 10, "marks": 10}
    assert rows_missing(expected, dict(expected)) == []
    assert rows_missing(expected, {"orders": 10, "lines": 9, "marks": 11}) == [
        "lines: 9 rows written, 10 expected",
        "marks: 11 rows written, 10 expected",
    ]
    assert rows_missing({"holds": 1}, {}) == ["holds: 0 rows written, 1 expected"]


def test_less_than_a_second_of_load_may_wait_at_the_end() -> None:
    assert left_behind(999, 1000.0) == []
    assert left_behind(1000, 1000.0) == ["backlog of 1000 orders at the end, 1000 arrive in a second"]


def test_the_backlog_is_what_has_no_commission_or_an_event_on_its_way() -> None:
    before = {"orders": 100, "accrued orders": 40}
    at_end = {"orders": 160, "accrued orders": 90, "unpublished": 3, "unreported": 0}
    assert written.backlog(before, at_end) == 10
    assert written.backlog(before, at_end | {"unpublished": 25}) == 25
    # What is counted before a turn must be there under the same names at its end.
    assert set(before) <= set(written.PAID) & set(written.BACKLOG)
    assert set(at_end) == set(written.BACKLOG)


def test_rows_are_counted_between_two_looks() -> None:
    assert difference({"orders": 3, "lines": 5}, {"orders": 10, "lines": 5}) == {"orders": 7, "lines": 0}


def test_a_void_turn_has_no_figure() -> None:
    turn = Turn("single", values={"per second": 900.0})
    assert turn.value("per second") == 900
    assert turn.value("p50 ms") is None
    turn.void.append("1 status")
    assert turn.value("per second") is None


def test_each_round_begins_with_the_next_contender() -> None:
    names = ["a", "b", "c"]
    assert [in_turn(names, number)[0] for number in range(4)] == ["a", "b", "c", "a"]
    assert all(sorted(in_turn(names, number)) == names for number in range(4))


def test_a_server_that_may_lose_commits_gives_no_figure() -> None:
    assert not_durable(DURABLE) == []
    assert not_durable(DURABLE | {"fsync": "off"}) == ["fsync is off, not on"]
    assert len(not_durable({})) == len(DURABLE)
