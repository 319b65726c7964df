"""The address of a webhook: which ones are taken, and in what form they are kept."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from fenxiao.kernel.errors import FieldError

MAX_URL = 2048
_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?\.?|\[[0-9a-f:.]+\]", re.ASCII)
_TARGET = "%/:@!$&'()*+,;=-._~?[]"


class NotAnAddress(ValueError):  # noqa: N818 - says what it is
    """The text is no address that can be called; `fault` says why, for the field `url`."""

    def __init__(self, fault: FieldError) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes, taken apart once: `host` in ASCII and without brackets, `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The host as it stands in an address and in the header Host: the port only if it is not the scheme's."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The address without path and query, which often hold a secret of the receiver's."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """The whole address in the one form in which it is kept."""
        return self.origin + self.path


def parse(url: str) -> Target:
    """The target of an address; `NotAnAddress` when it is not an http or https address of a host."""
    if len(url) > MAX_URL or not url.isprintable() or " " in url or "\\" in url:
        raise NotAnAddress(_form())
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAnAddress(_form()) from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotAnAddress(_form())
    if "@" in parts.netloc or parts.fragment:
        message = (
            "An address may hold neither a username nor a fragment; put a secret into the path or the query."
        )
        raise NotAnAddress(FieldError("url", message))
    path = quote(parts.path or "/", safe=_TARGET) + (
        f"?{quote(parts.query, safe=_TARGET)}" if parts.query else ""
    )
    target = Target(parts.scheme, _host(parts.netloc, parts.hostname), port or _PORTS[parts.scheme], path)
    # Text beyond ASCII grows when it is encoded.
    if len(target.url) > MAX_URL:
        raise NotAnAddress(_form())
    return target


def _host(netloc: str, name: str) -> str:
    try:
        host = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise NotAnAddress(_form()) from error
    bracketed = f"[{host}]" if netloc.startswith("[") else host
    if not _HOST.fullmatch(bracketed) or ".." in host:
        raise NotAnAddress(_form())
    return host


def _form() -> FieldError:
    return FieldError("url", "Send an address such as https://shop.example.com/hooks.")
