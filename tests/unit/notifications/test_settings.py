"""The settings of webhooks and mail: what they take, and what they say when they are wrong."""

from ipaddress import ip_network

import pytest

from fenxiao.infra.settings import SettingsError, Smtp, load

MAIL = {"FENXIAO_MAIL_FROM": "shop@example.com", "FENXIAO_MAIL_TO": "a@example.com, b@example.com"}


def test_without_them_nothing_private_and_no_mail() -> None:
    settings = load({})
    assert (settings.private_networks, settings.smtp) == ((), None)


def test_networks() -> None:
    settings = load({"FENXIAO_WEBHOOK_PRIVATE_NETWORKS": "10.1.0.0/16, fd00::/8,192.168.1.7"})
    assert settings.private_networks == (
        ip_network("10.1.0.0/16"),
        ip_network("fd00::/8"),
        ip_network("192.168.1.7/32"),
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 25, "none", None, None)),
        ("smtp://mail.example.com?starttls=1", ("mail.example.com", 587, "starttls", None, None)),
        ("smtps://mail.example.com", ("mail.example.com", 465, "tls", None, None)),
        (
            "smtp://me%40x:p%2Fw@mail.example.com:2525?starttls=1",
            ("mail.example.com", 2525, "starttls", "me@x", "p/w"),
        ),
        ("smtp://u:p@127.0.0.1:1025", ("127.0.0.1", 1025, "none", "u", "p")),
    ],
)
def test_mail_servers(url: str, expected: tuple[object, ...]) -> None:
    found = load({"FENXIAO_SMTP_URL": url, **MAIL}).smtp
    assert isinstance(found, Smtp)
    assert (found.host, found.port, found.security, found.username, found.password) == expected
    assert found.recipients == ("a@example.com", "b@example.com")
    assert "p/w" not in repr(found)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"FENXIAO_WEBHOOK_PRIVATE_NETWORKS": "10.0.0.1/8"}, "FENXIAO_WEBHOOK_PRIVATE_NETWORKS"),
        ({"FENXIAO_WEBHOOK_PRIVATE_NETWORKS": "yes"}, "FENXIAO_WEBHOOK_PRIVATE_NETWORKS"),
        ({"FENXIAO_SMTP_URL": "mail.example.com", **MAIL}, "FENXIAO_SMTP_URL"),
        ({"FENXIAO_SMTP_URL": "http://mail.example.com", **MAIL}, "FENXIAO_SMTP_URL"),
        ({"FENXIAO_SMTP_URL": "smtp://mail.example.com:x", **MAIL}, "FENXIAO_SMTP_URL"),
        ({"FENXIAO_SMTP_URL": "smtp://mail.example.com?starttls=0", **MAIL}, "FENXIAO_SMTP_URL"),
        ({"FENXIAO_SMTP_URL": "smtp://u:topsecret@mail.example.com", **MAIL}, "in the clear"),
        ({"FENXIAO_SMTP_URL": "smtp://mail.example.com"}, "FENXIAO_MAIL_FROM"),
        (
            {"FENXIAO_SMTP_URL": "smtp://mail.example.com", "FENXIAO_MAIL_FROM": "shop@example.com"},
            "FENXIAO_MAIL_TO",
        ),
        (
            {"FENXIAO_SMTP_URL": "smtp://m.example.com", **MAIL, "FENXIAO_MAIL_TO": "a@x,,b@x"},
            "FENXIAO_MAIL_TO",
        ),
        (
            {"FENXIAO_SMTP_URL": "smtp://m.example.com", **MAIL, "FENXIAO_MAIL_FROM": "a@x\r\nBcc: b@x"},
            "FENXIAO_MAIL_FROM",
        ),
    ],
)
def test_faults_name_their_variable_and_no_password(environment: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as fault:
        load(environment)
    assert named in str(fault.value)
    assert "topsecret" not in str(fault.value)
