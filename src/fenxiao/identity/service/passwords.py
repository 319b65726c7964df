"""Hashing of passwords, in threads and only a few at a time: one hash takes 20 ms of a core and 19 MiB."""

import asyncio
import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

# OWASP Password Storage Cheat Sheet (2024): Argon2id, 19 MiB, two passes, one lane.
_HASHES = PasswordHash((Argon2Hasher(memory_cost=19456, time_cost=2, parallelism=1),))
AT_ONCE = 2


class Passwords:
    """Makes and verifies password hashes; `turn` bounds how many are at work in this process."""

    def __init__(self) -> None:
        self.turn = asyncio.Semaphore(AT_ONCE)

    async def hashed(self, password: str) -> str:
        """The Argon2id hash to store."""
        async with self.turn:
            return await asyncio.to_thread(_HASHES.hash, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether it is the password of that hash. Without a hash it takes as long and is not.

        To be called with `turn` held, so that the caller's own look at a limit and this are one turn.
        """
        return await asyncio.to_thread(_verify, password, stored)


def _verify(password: str, stored: str | None) -> bool:
    try:
        right = _HASHES.verify(password, stored or _nobodys())
    except UnknownHashError:
        return False
    return right and stored is not None


@cache
def _nobodys() -> str:
    # Whoever asks for a username that does not exist waits as long as for one that does.
    return _HASHES.hash(secrets.token_hex())
