"""Settings from the environment, read once at the start and handed on; each fault names its variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

Jurisdiction = Literal["CN", "none"]


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names the variable and what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """A mail server, who the mails are from and who gets them. `password` is never shown."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    username: str | None
    password: str | None = field(repr=False)
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the server's owner decides, as opposed to rules and policies, which are data."""

    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = Path(".data")
    database_url: str | None = None
    admin_password: str | None = None
    jurisdiction: Jurisdiction = "CN"
    max_upline_levels: int | None = 2
    currency: str = "CNY"
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    min_notice_days: int = 0
    plan_approval: Literal["none", "second-person"] = "none"
    service_token: str | None = None
    public_url: str | None = None
    private_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that webhooks may reach although they are not public."""
    smtp: Smtp | None = None
    payout_channels: Path | None = None
    """The file that tells what the payout channels need to know."""
    keep_keys_days: int = 30
    """How long the answer of an idempotency key is known."""
    keep_events_days: int = 30
    """How long delivered events, and the marks of who has dealt with them, stay."""
    keep_deliveries_days: int = 30
    keep_notices_days: int = 365
    keep_simulations_days: int | None = None
    keep_buyers_years: int | None = None
    """How long after its last change an order says who bought; None: for ever."""

    @property
    def issuer(self) -> str:
        """The address under which this installation issues tokens (OpenID Connect Discovery 1.0, `issuer`)."""
        return self.public_url or f"http://{self.host}:{self.port}"


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment; SettingsError for a value that makes no sense."""
    get = environment.get
    jurisdiction = _choice(get("FENXIAO_JURISDICTION") or "CN")
    return Settings(
        host=get("FENXIAO_HOST") or "127.0.0.1",
        port=_integer("FENXIAO_PORT", get("FENXIAO_PORT") or "8000", 0, 65535),
        data_dir=Path(get("FENXIAO_DATA_DIR") or ".data").absolute(),
        database_url=get("DATABASE_URL") or None,
        admin_password=get("FENXIAO_ADMIN_PASSWORD") or None,
        jurisdiction=jurisdiction,
        max_upline_levels=_levels(get("FENXIAO_MAX_UPLINE_LEVELS"), jurisdiction),
        currency=_currency(get("FENXIAO_CURRENCY") or "CNY"),
        timezone=_timezone(get("FENXIAO_TIMEZONE") or "UTC"),
        min_notice_days=_integer("FENXIAO_MIN_NOTICE_DAYS", get("FENXIAO_MIN_NOTICE_DAYS") or "0", 0, 3650),
        plan_approval=_approval(get("FENXIAO_PLAN_APPROVAL") or "none"),
        service_token=get("FENXIAO_SERVICE_TOKEN") or None,
        public_url=get("FENXIAO_PUBLIC_URL") or None,
        private_networks=_networks(get("FENXIAO_WEBHOOK_PRIVATE_NETWORKS") or ""),
        smtp=_smtp(
            get("FENXIAO_SMTP_URL") or "", get("FENXIAO_MAIL_FROM") or "", get("FENXIAO_MAIL_TO") or ""
        ),
        keep_keys_days=_days("FENXIAO_KEEP_KEYS_DAYS", get("FENXIAO_KEEP_KEYS_DAYS") or "30"),
        keep_events_days=_days("FENXIAO_KEEP_EVENTS_DAYS", get("FENXIAO_KEEP_EVENTS_DAYS") or "30"),
        keep_deliveries_days=_days(
            "FENXIAO_KEEP_DELIVERIES_DAYS", get("FENXIAO_KEEP_DELIVERIES_DAYS") or "30"
        ),
        keep_notices_days=_days("FENXIAO_KEEP_NOTICES_DAYS", get("FENXIAO_KEEP_NOTICES_DAYS") or "365"),
        keep_simulations_days=_days("FENXIAO_KEEP_SIMULATIONS_DAYS", days)
        if (days := get("FENXIAO_KEEP_SIMULATIONS_DAYS"))
        else None,
        keep_buyers_years=_years(years) if (years := get("FENXIAO_KEEP_BUYERS_YEARS")) else None,
        payout_channels=Path(path).absolute() if (path := get("FENXIAO_PAYOUT_CHANNELS")) else None,
    )


def _choice(value: str) -> Jurisdiction:
    if value == "CN":
        return "CN"
    if value == "none":
        return "none"
    message = f"FENXIAO_JURISDICTION is {value!r}; it takes CN or none"
    raise SettingsError(message)


def _approval(value: str) -> Literal["none", "second-person"]:
    if value == "none":
        return "none"
    if value == "second-person":
        return "second-person"
    message = f"FENXIAO_PLAN_APPROVAL is {value!r}; it takes none or second-person"
    raise SettingsError(message)


def _levels(value: str | None, jurisdiction: Jurisdiction) -> int | None:
    if value:
        return _integer("FENXIAO_MAX_UPLINE_LEVELS", value, 0, 10_000)
    return 2 if jurisdiction == "CN" else None


def _integer(name: str, value: str, low: int, high: int) -> int:
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        message = f"{name} is {value!r}; it takes a whole number from {low} to {high}"
        raise SettingsError(message)
    return int(value)


def _days(name: str, value: str) -> int:
    return _integer(name, value, 1, 36_500)


def _years(value: str) -> int:
    if value in {"0", "1", "2"}:
        message = (
            f"FENXIAO_KEEP_BUYERS_YEARS is {value!r}; trade records are kept at least 3 years after the trade"
            " (电子商务法 art. 31), so it takes a whole number from 3 to 100"
        )
        raise SettingsError(message)
    return _integer("FENXIAO_KEEP_BUYERS_YEARS", value, 3, 100)


def _currency(value: str) -> str:
    if len(value) != 3 or not value.isascii() or not value.isupper():  # noqa: PLR2004 - ISO 4217
        message = f"FENXIAO_CURRENCY is {value!r}; it takes a three-letter code such as CNY"
        raise SettingsError(message)
    return value


def _timezone(value: str) -> ZoneInfo:
    if value not in available_timezones():
        message = f"FENXIAO_TIMEZONE is {value!r}; it takes a name such as Asia/Shanghai"
        raise SettingsError(message)
    return ZoneInfo(value)


def _networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError as error:
        message = (
            f"FENXIAO_WEBHOOK_PRIVATE_NETWORKS is {value!r}; it takes networks with commas between,"
            " such as 10.1.0.0/16,fd00::/8"
        )
        raise SettingsError(message) from error


def _smtp(url: str, sender: str, recipients: str) -> Smtp | None:
    if not url:
        return None
    # The address may hold a password: it is not repeated.
    message = (
        "FENXIAO_SMTP_URL takes smtp://user:password@host:port?starttls=1 or smtps://user:password@host:port"
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(message) from error
    options = parse_qs(parts.query, keep_blank_values=True)
    starttls = options == {"starttls": ["1"]}
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or not (starttls or not options):
        raise SettingsError(message)
    security: Literal["none", "starttls", "tls"] = (
        "tls" if parts.scheme == "smtps" else "starttls" if starttls else "none"
    )
    if parts.username and security == "none" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        fault = "FENXIAO_SMTP_URL would send the password in the clear; add ?starttls=1 or write smtps://"
        raise SettingsError(fault)
    return Smtp(
        host=parts.hostname,
        port=port or (465 if security == "tls" else 587 if security == "starttls" else 25),
        security=security,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=_mailbox("FENXIAO_MAIL_FROM", sender),
        recipients=tuple(_mailbox("FENXIAO_MAIL_TO", part.strip()) for part in recipients.split(",")),
    )


def _mailbox(name: str, value: str) -> str:
    _, address = parseaddr(value)
    if address != value or "@" not in address[1:-1] or not value.isprintable():
        message = f"{name} is {value!r}; with FENXIAO_SMTP_URL it is needed, and takes addresses such as shop@example.com"
        raise SettingsError(message)
    return address
