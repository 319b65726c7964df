"""What must always hold in identity: the audit chain is unbroken, and no account stays held."""

from collections.abc import AsyncIterator, Sequence

from fenxiao.identity import queries
from fenxiao.identity.domain import chain
from fenxiao.infra.db.database import Database
from fenxiao.infra.wiring import Check, Finding

BATCH = 1000
AUDIT_CHAIN = "identity.audit_chain"
ACCOUNT_HOLDS = "identity.account_holds"


def checks(db: Database) -> Sequence[Check]:
    """The checks of this context."""

    async def unbroken() -> AsyncIterator[Finding]:
        last, previous = 0, chain.START
        while lines := await queries.audit_chain_after(db, last, BATCH):
            for line, stored in lines:
                if line.audit_id != last + 1:
                    yield _finding(last + 1, "a line", f"none up to {line.audit_id}")
                elif chain.hashed(previous, line) != stored:
                    yield _finding(
                        line.audit_id, "the hash of the line and of the one before", "another hash"
                    )
                last, previous = line.audit_id, stored
        noted = await queries.audit_head(db)
        if (last, previous) != (noted or (0, chain.START)):
            yield _finding(last, f"the last line is {noted[0] if noted else 0}", f"the last line is {last}")

    async def settled() -> AsyncIterator[Finding]:
        for hold_id in await queries.open_holds(db):
            yield Finding(
                check=ACCOUNT_HOLDS,
                subject=f"account-holds/{hold_id}",
                expected="confirmed or released",
                found="open",
                in_flight=True,
            )

    return (Check(AUDIT_CHAIN, unbroken), Check(ACCOUNT_HOLDS, settled))


def _finding(audit_id: int, expected: str, found: str) -> Finding:
    return Finding(check=AUDIT_CHAIN, subject=f"audit-log/{audit_id}", expected=expected, found=found)
