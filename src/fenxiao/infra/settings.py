"""Settings from the environment, read once at the start and handed on; each fault names its variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

Jurisdiction = Literal["CN", "none"]


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names the variable and what it takes."""


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
    service_token: str | None = None
    public_url: str | None = None

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
        service_token=get("FENXIAO_SERVICE_TOKEN") or None,
        public_url=get("FENXIAO_PUBLIC_URL") or None,
    )


def _choice(value: str) -> Jurisdiction:
    if value == "CN":
        return "CN"
    if value == "none":
        return "none"
    message = f"FENXIAO_JURISDICTION is {value!r}; it takes CN or none"
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
