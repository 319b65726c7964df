"""Encryption of personal data in columns: AES-256-GCM under data keys, which a master key wraps.

A sealed value is `version (1 byte) | data key id (4, big-endian) | nonce (12) | ciphertext and tag`. Table, column
and row are authenticated with it, so a value copied to another row or column does not open. Each data key may seal
2³² values (NIST SP 800-38D §8.3, random nonces); rotation makes a new current key, old ones go on opening.
A blind index is an HMAC-SHA256 of the value: equal values can be found without being readable.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

VERSION = 1
NONCE_BYTES = 12
KEY_BYTES = 32
KEY_FILE = Path("keys") / "master.json"

_PREFIX = struct.Struct(">BI")


class CannotOpen(Exception):  # noqa: N818 - says what happened
    """The sealed value is damaged, was moved from another place, or was sealed under a key that is not here."""


class KeyFileFault(Exception):  # noqa: N818
    """The key file cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """The keys in the clear: data keys by id, which of them seals, and the key of the blind index."""

    data_keys: Mapping[int, bytes]
    current: int
    index_key: bytes


class Cipher:
    """Seals and opens the values of columns. Cheap to call, safe to share between tasks and threads."""

    def __init__(self, ring: KeyRing) -> None:
        self._ciphers = {number: AESGCM(key) for number, key in ring.data_keys.items()}
        self._current = ring.current
        self._index_key = ring.index_key

    def seal(self, plaintext: str, *, table: str, column: str, row: int | str) -> bytes:
        """The sealed text, bound to its place. `row` must be known before the row is written."""
        prefix = _PREFIX.pack(VERSION, self._current)
        nonce = secrets.token_bytes(NONCE_BYTES)
        place = _place(prefix, table, column, row)
        return prefix + nonce + self._ciphers[self._current].encrypt(nonce, plaintext.encode(), place)

    def open(self, sealed: bytes, *, table: str, column: str, row: int | str) -> str:
        """The text that was sealed for this place; `CannotOpen` otherwise."""
        head = _PREFIX.size + NONCE_BYTES
        if len(sealed) < head:
            message = "too short"
            raise CannotOpen(message)
        prefix = sealed[: _PREFIX.size]
        version, number = _PREFIX.unpack(prefix)
        cipher = self._ciphers.get(number)
        if version != VERSION or cipher is None:
            message = f"version {version}, data key {number} is not known here"
            raise CannotOpen(message)
        try:
            return cipher.decrypt(
                sealed[_PREFIX.size : head], sealed[head:], _place(prefix, table, column, row)
            ).decode()
        except InvalidTag as error:
            message = f"{table}.{column} of row {row}"
            raise CannotOpen(message) from error

    def stale(self, sealed: bytes) -> bool:
        """Whether the value was sealed under an older key and should be sealed anew."""
        return sealed[: _PREFIX.size] != _PREFIX.pack(VERSION, self._current)

    def blind(self, value: str, *, column: str = "") -> bytes:
        """32 bytes that are equal for equal values; bring the value into one form (case, spaces) before.

        With `column` the same value has another index in every column, so that columns cannot be joined by it.
        """
        return hmac.digest(self._index_key, _joined(column, value), hashlib.sha256)


def _place(prefix: bytes, table: str, column: str, row: int | str) -> bytes:
    return prefix + _joined(table, column, str(row))


def _joined(*parts: str) -> bytes:
    # Lengths first: ("ab", "c") and ("a", "bc") must not be one place.
    return b"".join(struct.pack(">I", len(text := part.encode())) + text for part in parts)


def load_or_create(data_dir: Path) -> Cipher:
    """The cipher of a data folder, whose key file is made at the first call; `KeyFileFault` if it cannot be used.

    Any number of processes may call this at once on an empty folder: all get the same keys.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        _create(path)
    return Cipher(read(path))


def read(path: Path) -> KeyRing:
    """The keys of a key file; `KeyFileFault` when it is damaged or readable for everybody."""
    try:
        if path.stat().st_mode & 0o007:
            message = f"{path} can be read by everybody on this machine; run: chmod 600 {path}"
            raise KeyFileFault(message)
        return _unwrapped(json.loads(path.read_bytes()))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise KeyFileFault(message) from error
    except (ValueError, KeyError, TypeError, InvalidUnwrap) as error:
        message = f"{path} is damaged; put back a copy of it, sealed data cannot be read without it"
        raise KeyFileFault(message) from error


def rotate(data_dir: Path) -> None:
    """Add a new data key and make it the current one; running processes use it after their next start."""
    path = data_dir / KEY_FILE
    with _locked(path.parent):
        document = json.loads(path.read_bytes())
        number = max(int(key) for key in document["data_keys"]) + 1
        document["data_keys"][str(number)] = _wrap(
            base64.b64decode(document["master"]), secrets.token_bytes(KEY_BYTES)
        )
        document["current"] = number
        temporary = _written(path, document)
        temporary.replace(path)
        _sync_folder(path.parent)


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    master = secrets.token_bytes(KEY_BYTES)
    document = {
        "format": 1,
        "master": base64.b64encode(master).decode(),
        "current": 1,
        "data_keys": {"1": _wrap(master, secrets.token_bytes(KEY_BYTES))},
        "index_key": _wrap(master, secrets.token_bytes(KEY_BYTES)),
    }
    temporary = _written(path, document)
    try:
        # A link appears whole or not at all, and never over a file that another process was first to make.
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    # Data sealed under a key that a power cut took away is lost: the name must be on disk before it is used.
    _sync_folder(path.parent)


def _written(path: Path, document: Mapping[str, Any]) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _locked:  # noqa: N801 - reads as a word in `with`
    """An exclusive lock on a folder, released by the kernel if its holder dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._descriptor = os.open(self._folder, os.O_RDONLY)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _wrap(master: bytes, key: bytes) -> str:
    return base64.b64encode(aes_key_wrap(master, key)).decode()


def _unwrapped(document: Mapping[str, Any]) -> KeyRing:
    master = base64.b64decode(document["master"])

    def unwrap(text: str) -> bytes:
        return aes_key_unwrap(master, base64.b64decode(text))

    keys = {int(number): unwrap(wrapped) for number, wrapped in document["data_keys"].items()}
    current = int(document["current"])
    if document["format"] != 1 or current not in keys:
        raise ValueError
    return KeyRing(data_keys=keys, current=current, index_key=unwrap(document["index_key"]))
