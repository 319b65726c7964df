"""What the channels are told: a TOML file with a section for each, which its owner alone may read."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from fenxiao.infra.settings import SettingsError
from fenxiao.payments.channels.line import reached

VARIABLE = "FENXIAO_PAYOUT_CHANNELS"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeChat:
    """The merchant's account at WeChat Pay."""

    url: str
    mchid: str
    appid: str
    serial: str
    private_key: str = field(repr=False)
    platform_serial: str
    platform_key: str = field(repr=False)
    api_v3_key: str = field(repr=False)
    transfer_scene_id: str
    scene_report: Mapping[str, str]
    remark: str
    notify_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alipay:
    """The application at Alipay; transfers want it with certificates, which are told by their numbers."""

    url: str
    app_id: str
    private_key: str = field(repr=False)
    alipay_key: str = field(repr=False)
    title: str
    app_cert_sn: str = ""
    root_cert_sn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripe:
    """The platform's account at Stripe."""

    url: str
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPal:
    """The application at PayPal. `webhook_id` is that of the webhook which leads here."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    webhook_id: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """The channels that are configured; None for one that is not."""

    wechat: WeChat | None = None
    alipay: Alipay | None = None
    stripe: Stripe | None = None
    paypal: PayPal | None = None


def load(path: Path | None) -> Configured:
    """The sections of the file, nothing without one; SettingsError names what is wrong, never what a secret is."""
    if path is None:
        return Configured()
    try:
        if path.stat().st_mode & 0o007:
            raise SettingsError(f"{VARIABLE}: everybody may read {path}; run: chmod 600 {path}")
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{VARIABLE}: {path} cannot be read as TOML") from error
    kinds: dict[str, Callable[..., Any]] = {
        "wechat": WeChat,
        "alipay": Alipay,
        "stripe": Stripe,
        "paypal": PayPal,
    }
    if unknown := sorted(found.keys() - kinds.keys()):
        raise SettingsError(f"{VARIABLE}: there is no channel {unknown[0]}; there are {', '.join(kinds)}")
    return Configured(
        **{name: _section(kind, name, found[name], path) for name, kind in kinds.items() if name in found}
    )


T = TypeVar("T")


def _section(kind: Callable[..., T], name: str, given: Any, path: Path) -> T:
    if not isinstance(given, dict):
        raise SettingsError(f"{VARIABLE}: {name} must be a section, [{name}]")
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in given.items():
        field_name = key.removesuffix("_file")
        if field_name not in known:
            raise SettingsError(f"{VARIABLE}: [{name}] has no {key}")
        values[field_name] = _contents(name, key, value, path) if key != field_name else value
    for one in known.values():
        expected = Mapping if one.name == "scene_report" else str
        if one.name not in values and one.default is MISSING:
            raise SettingsError(f"{VARIABLE}: [{name}] needs {one.name}")
        if one.name in values and not isinstance(values[one.name], expected):
            raise SettingsError(f"{VARIABLE}: {name}.{one.name} must be a text")
    if not reached(values["url"]):
        raise SettingsError(f"{VARIABLE}: {name}.url must be an https address without a query")
    return kind(**values)


def _contents(name: str, key: str, value: Any, path: Path) -> str:
    try:
        return (path.parent / str(value)).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{VARIABLE}: the file that {name}.{key} names cannot be read") from error
