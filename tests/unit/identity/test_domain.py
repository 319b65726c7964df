"""Usernames, roles, login limits, the chain."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from fenxiao.identity.domain import chain, credentials, limits, roles

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize("other", ["WANG", "Ｗａｎｇ", "wAng"])
def test_usernames_are_folded(other: str) -> None:
    assert credentials.folded(other) == credentials.folded("wang")


def test_other_names_stay_other_names() -> None:
    assert len({credentials.folded(name) for name in ("wang", "wang1", "wáng", "王")}) == 4


@pytest.mark.parametrize(
    ("username", "password", "fields"),
    [
        ("wang", "12345678", []),
        ("王芳", "密码密码密码密码", []),
        ("", "12345678", ["username"]),
        ("x" * 65, "12345678", ["username"]),
        ("a b", "12345678", ["username"]),
        ("a\u200b", "12345678", ["username"]),
        ("wang", "1234567", ["password"]),
        ("wang", "x" * 201, ["password"]),
        ("a b", "", ["username", "password"]),
    ],
)
def test_what_credentials_may_be(username: str, password: str, fields: list[str]) -> None:
    assert [fault.field for fault in credentials.faults(username, password)] == fields


def test_rights_are_the_union_of_roles() -> None:
    admin = roles.rights([roles.ADMIN])
    assert (admin.permissions, admin.data_scope) == (("*",), "all")
    own = roles.rights([roles.DISTRIBUTOR])
    assert own.data_scope == "self"
    assert "*" not in own.permissions
    both = roles.rights([roles.DISTRIBUTOR, roles.ADMIN])
    assert both.data_scope == "all"
    assert set(both.permissions) == {"*", *own.permissions}
    assert roles.rights([]) == roles.Rights((), (), "self")


def test_a_distributor_may_not_operate() -> None:
    own = roles.rights([roles.DISTRIBUTOR]).permissions
    assert not {
        name for name in own if name.endswith((":write", ":operate", ":settle", ":set-price", ":publish"))
    }


def test_limits_close_at_the_count_and_open_at_the_end() -> None:
    login, address = limits.counted("wang", "10.0.0.1")
    end = NOW + timedelta(seconds=90)
    assert limits.wait_seconds([(login, limits.PER_LOGIN - 1, end)], NOW) == 0
    assert limits.wait_seconds([(login, limits.PER_LOGIN, end)], NOW) == 91
    assert limits.wait_seconds([(login, limits.PER_LOGIN, NOW)], NOW) == 0
    assert limits.wait_seconds([(address, limits.PER_LOGIN, end)], NOW) == 0
    assert (
        limits.wait_seconds(
            [(address, limits.PER_ADDRESS, end), (login, 99, NOW + timedelta(seconds=5))], NOW
        )
        == 91
    )


def test_what_is_counted_names_nobody_and_differs() -> None:
    subjects = {
        counted.subject
        for username, address in (("a", "b"), ("b", "a"), ("a", "c"), ("", "ab"))
        for counted in limits.counted(username, address)
    }
    assert len(subjects) == 8
    assert all(len(subject) == 32 for subject in subjects)


LINE = chain.Line(
    audit_id=1,
    event_id=UUID(int=1),
    at=NOW,
    actor="account:1",
    action="grade.created",
    subject="grades/gold",
    before=None,
    after={"rank": 3, "grade": "金"},
)


def test_the_hash_is_pinned() -> None:
    """Stored chains must be readable by every later version."""
    canonical = (
        '{"action":"grade.created","actor":"account:1","after":{"grade":"金","rank":3},'
        '"at":"2026-03-15T12:00:00.000000+00:00","audit_id":1,"before":null,'
        '"event_id":"00000000-0000-0000-0000-000000000001","subject":"grades/gold"}'
    )
    assert chain.hashed(chain.START, LINE) == hashlib.sha256(bytes(32) + canonical.encode()).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"audit_id": 2},
        {"event_id": UUID(int=2)},
        {"at": NOW + timedelta(microseconds=1)},
        {"actor": "account:2"},
        {"action": "grade.changed"},
        {"subject": "grades/silver"},
        {"before": {}},
        {"after": {"rank": "3", "grade": "金"}},
    ],
)
def test_every_field_counts(change: dict[str, object]) -> None:
    assert chain.hashed(chain.START, replace(LINE, **change)) != chain.hashed(chain.START, LINE)
    assert chain.hashed(b"\1" * 32, LINE) != chain.hashed(chain.START, LINE)


def test_neither_order_nor_time_zone_counts() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=8)))
    same = replace(LINE, after={"grade": "金", "rank": 3}, at=there)
    assert chain.hashed(chain.START, same) == chain.hashed(chain.START, LINE)
