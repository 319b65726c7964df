"""Idempotency keys: the same key with the same body gets the first answer, and the work is done once.

A key is claimed inside the transaction that does the work and kept with its answer by that same
transaction; so a refusal frees the key by rolling back, and no "running" mark survives a kill.
"""

from collections.abc import Sequence

from fenxiao.infra.db import arrays
from fenxiao.infra.db.sql import Session
from fenxiao.infra.db.transaction import Prior
from fenxiao.kernel.errors import KeyBusy, KeyReused, Refusal
from fenxiao.kernel.values import value


@value()
class Once:
    """A caller's promise that requests with this key are one request: account, key, hash of the body."""

    account: str
    key: str
    digest: bytes


Claim = Prior | Refusal | None
"""What is known of a key: an earlier answer, a reason to refuse, or nothing (go on)."""


async def claim(session: Session, keys: Sequence[Once | None]) -> list[Claim]:
    """Claim each key for this transaction, in one statement for all of them.

    Two requests with one key at the same moment: the lock goes to the first, the other is told that it
    is busy. The advisory lock ends with the transaction, whatever way that ends.
    """
    given = [key for key in keys if key is not None]
    if not given:
        return [None] * len(keys)
    # Two statements on purpose: the second must see what the holder of the lock had committed before
    # we got it, so its snapshot has to be taken after the lock.
    locked = await session.fetch(
        "select pg_try_advisory_xact_lock(hashtextextended(a || chr(31) || k || chr(31) || current_user, 7)) as got"
        " from unnest($1::text[], $2::text[]) with ordinality as t(a, k, n) order by n",
        [key.account for key in given],
        [key.key for key in given],
    )
    rows = await session.fetch(
        "select account, key, digest, answer from idempotency"
        " where (account, key) in (select * from unnest($1::text[], $2::text[]))",
        [key.account for key in given],
        [key.key for key in given],
    )
    known = {(row["account"], row["key"]): (row["digest"], row["answer"]) for row in rows}
    claims: list[Claim] = []
    seen: set[tuple[str, str]] = set()
    answers = iter(locked)
    for key in keys:
        if key is None:
            claims.append(None)
            continue
        # A session may take its own lock twice, so a key that stands twice in one batch is caught here.
        got = next(answers)["got"] and (key.account, key.key) not in seen
        seen.add((key.account, key.key))
        claims.append(_claim(key, got, known))
    return claims


def _claim(key: Once, locked: bool, known: dict[tuple[str, str], tuple[bytes, bytes]]) -> Claim:  # noqa: FBT001
    stored = known.get((key.account, key.key))
    if stored is not None:
        digest, answer = stored
        return Prior(answer) if digest == key.digest else KeyReused()
    return None if locked else KeyBusy()


def insertion(first: int) -> str:
    """The insert of answers, which fails where one is kept already; its parameters, from number `first` on, are `columns`."""
    kinds = ("text", "text", "bytea", "bytea")
    unnested = ", ".join(f"${place}::text::{kind}[]" for place, kind in enumerate(kinds, first))
    return (
        "insert into idempotency (account, key, digest, answer)"
        # In one order everywhere, so that two transactions with the same keys never wait for each other in a ring.
        f" select * from unnest({unnested}) as t(a, k, d, b) order by a, k"
    )


def columns(answers: Sequence[tuple[Once, bytes]]) -> list[str]:
    """The keys with their answers."""
    return [
        arrays.texts([key.account for key, _ in answers]),
        arrays.texts([key.key for key, _ in answers]),
        arrays.octets([key.digest for key, _ in answers]),
        arrays.octets([answer for _, answer in answers]),
    ]


_INSERT = insertion(1)


async def keep(session: Session, answers: Sequence[tuple[Once, bytes]]) -> None:
    """Store the answers of keys; part of the transaction that did the work.

    Who has looked at his keys and not claimed them meets here whoever was quicker: then KeyBusy, and the work must
    be rolled back.
    """
    tag = await session.execute(f"{_INSERT} on conflict do nothing", *columns(answers))
    if tag != f"INSERT 0 {len(answers)}":
        raise KeyBusy
