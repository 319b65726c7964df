"""Logs are ECS JSON lines without secrets; uvicorn's and libraries' lines go the same way."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from fenxiao.infra import telemetry
from fenxiao.infra.context import RequestContext, use


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    level = logging.getLogger().level
    telemetry.configure(stream="stdout", level="INFO")
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    telemetry.configure()
    logging.getLogger().setLevel(level)


def test_a_line_is_ecs_json_with_its_request(lines: Any) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with use(RequestContext(request_id="r1", actor="account:12", traceparent=trace)):
        telemetry.logger("fenxiao.orders").info("order placed", order_id=1001)
    (line,) = lines()
    assert line["message"] == "order placed"
    assert line["order_id"] == 1001
    assert (line["log.level"], line["log"]["logger"]) == ("info", "fenxiao.orders")
    assert line["http"]["request"]["id"] == "r1"
    assert line["user"]["id"] == "account:12"
    assert line["trace"]["id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert line["ecs.version"]
    assert line["@timestamp"].endswith("Z")


def test_secrets_are_masked_at_any_depth(lines: Any) -> None:
    telemetry.logger("x").warning(
        "login",
        username="li",
        password="hunter2",
        access_token="aaa",
        headers={"Authorization": "Bearer bbb", "Accept": "*/*"},
        accounts=[{"number": "6222 0200", "holder": "Li", "channel": "bank"}],
        buyer={"phone": ["13800138000"], "email": None},
        client_secret_hash="ccc",
        token_count=3,
        idempotency_key="k1",
    )
    (line,) = lines()
    text = json.dumps(line, ensure_ascii=False)
    for secret in ("hunter2", "aaa", "bbb", "6222", '"Li"', "138", "ccc"):
        assert secret not in text
    assert (line["username"], line["token_count"], line["idempotency_key"]) == ("li", 3, "k1")
    assert line["accounts"] == [{"number": "***", "holder": "***", "channel": "bank"}]
    assert line["buyer"]["email"] is None


def test_a_traceback_shows_no_rows(lines: Any) -> None:
    shown = "duplicate key\nDETAIL:  Key (phone)=(13800138000) already exists. Failing row contains (1, 6222 0200)."

    def insert() -> None:
        raise ValueError(shown)

    try:
        insert()
    except ValueError:
        telemetry.logger("x").exception("failed")
    (line,) = lines()
    trace = line["error"]["stack_trace"]
    assert line["log.level"] == "error"
    assert "Traceback" in trace
    assert "duplicate key" in trace
    assert "13800138000" not in trace
    assert "6222" not in trace


def test_lines_of_libraries_go_the_same_way(lines: Any) -> None:
    logging.getLogger("uvicorn.error").info("started on %s", "8000")
    logging.getLogger("uvicorn.access").info("GET / 200")
    logging.getLogger("somewhere").warning("odd", extra={"password": "hunter2"})
    first, second = lines()
    assert first["message"] == "started on 8000"
    assert first["log"]["logger"] == "uvicorn.error"
    assert second["password"] == "***"


def test_configuring_again_writes_no_line_twice(lines: Any) -> None:
    telemetry.configure(stream="stdout")
    telemetry.configure(stream="stdout")
    telemetry.logger("x").info("once")
    assert len(lines()) == 1


def test_the_console_form_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure(form="console")
    telemetry.logger("x").info("hello", password="hunter2")
    telemetry.configure()
    said = capsys.readouterr().err
    assert "hello" in said
    assert "hunter2" not in said
    assert structlog.is_configured()


def test_a_metric_is_made_once() -> None:
    first = telemetry.counter("fenxiao_test_things_total", "Things.", ("kind",))
    assert telemetry.counter("fenxiao_test_things_total", "Things.", ("kind",)) is first
    first.labels("a").inc()
    telemetry.histogram("fenxiao_test_seconds", "Times.", buckets=(0.1, 1.0)).observe(0.5)
    assert telemetry.histogram("fenxiao_test_seconds", "Times.")._buckets
    telemetry.gauge("fenxiao_test_level", "Level.").set(3)
    text = telemetry.exposition().decode()
    assert 'fenxiao_test_things_total{kind="a"} 1.0' in text
    assert "fenxiao_test_level 3.0" in text
