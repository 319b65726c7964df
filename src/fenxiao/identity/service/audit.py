"""The audit log: appended from events alone, as a hash chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fenxiao.identity.domain import chain
from fenxiao.identity.domain.chain import Line
from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.events import Envelope


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the event of a change says about it."""

    envelope: Envelope
    action: str
    about: str
    before: Any
    after: Any


class Audit:
    """Who changed what."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def append(self, delivery: Delivery, recorded: Sequence[Recorded]) -> None:
        """Append the lines of a batch of events; those that the log has already are passed over."""
        async with self._db.begin(once=delivery) as tx:
            fresh = {envelope.id for envelope in tx.fresh}
            wanted = [entry for entry in recorded if entry.envelope.id in fresh]
            if not wanted:
                return
            last, previous = await self._head(tx)
            # After the head's lock: whoever appended before us is visible now.
            known = await self._known(tx, wanted)
            lines: list[tuple[Line, bytes]] = []
            for entry in wanted:
                if entry.envelope.id in known:
                    continue
                last += 1
                line = _line(last, entry)
                previous = chain.hashed(previous, line)
                lines.append((line, previous))
            await self._write(tx, lines)

    async def _head(self, tx: Transaction) -> tuple[int, bytes]:
        row = await tx.fetchrow(
            "insert into audit_head as h (one, audit_id, hash) values (true, 0, $1)"
            " on conflict (one) do update set audit_id = h.audit_id returning audit_id, hash",
            chain.START,
        )
        assert row is not None  # noqa: S101 - an upsert answers its row
        return row["audit_id"], row["hash"]

    async def _known(self, tx: Transaction, wanted: Sequence[Recorded]) -> set[Any]:
        rows = await tx.fetch(
            "select event_id from audit_log where event_id = any($1::uuid[])",
            [entry.envelope.id for entry in wanted],
        )
        return {row["event_id"] for row in rows}

    async def _write(self, tx: Transaction, lines: Sequence[tuple[Line, bytes]]) -> None:
        if not lines:
            return
        await tx.execute(
            "insert into audit_log (audit_id, event_id, at, actor, action, subject, before, after, hash)"
            " select * from unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],"
            " $7::jsonb[], $8::jsonb[], $9::bytea[])",
            [line.audit_id for line, _ in lines],
            [line.event_id for line, _ in lines],
            [line.at for line, _ in lines],
            [line.actor for line, _ in lines],
            [line.action for line, _ in lines],
            [line.subject for line, _ in lines],
            [line.before for line, _ in lines],
            [line.after for line, _ in lines],
            [digest for _, digest in lines],
        )
        last, digest = lines[-1]
        await tx.execute("update audit_head set audit_id = $1, hash = $2", last.audit_id, digest)


def _line(audit_id: int, entry: Recorded) -> Line:
    return Line(
        audit_id=audit_id,
        event_id=entry.envelope.id,
        at=entry.envelope.time,
        actor=entry.envelope.actor,
        action=entry.action,
        subject=entry.about,
        before=entry.before,
        after=entry.after,
    )
