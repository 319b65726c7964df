"""The sponsor tree under its lock: parent links, paths, history and version are changed here and nowhere else.

Whoever changes the tree locks its one row first and looks afterwards, so what he decides on cannot move: two moves
that would close a loop together are one after the other, and the second sees the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fenxiao.infra.db.sql import Record
from fenxiao.infra.db.transaction import Transaction
from fenxiao.kernel.ids import AccountId, DistributorId
from fenxiao.kernel.path import join, subtree

Source = Literal["operator", "invite_code", "first_order", "import", "lifetime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A distributor as it stands in the tree; `version` counts the changes to itself (its ETag)."""

    distributor_id: DistributorId
    sponsor_id: DistributorId | None
    path: bytes
    status: str
    grade: str | None
    earns: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNode:
    """A distributor that joins; `source` and `evidence` say why this sponsor is the sponsor."""

    distributor_id: DistributorId
    external_id: str | None
    account_id: AccountId | None
    display_name: str
    phone_sealed: bytes | None
    email_sealed: bytes | None
    sponsor_id: DistributorId | None
    path: bytes
    status: str
    earns: bool
    invite_code: str
    joined_at: datetime
    source: Source
    evidence: str


_NODE = "select distributor_id, sponsor_id, path, status, grade, earns, version from distributor"

_INSERT = """
insert into distributor (distributor_id, external_id, account_id, display_name, phone_sealed, email_sealed,
  sponsor_id, path, status, earns, invite_code, joined_at)
select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bytea[], $6::bytea[],
  $7::bigint[], $8::bytea[], $9::text[], $10::bool[], $11::text[], $12::timestamptz[])
"""

_FIRST_LINKS = """
insert into sponsor_link (distributor_id, from_version, valid_from, valid_to, sponsor_id, source, evidence)
select d, $6, least(j, $7), 'infinity', s, o, e
  from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[]) as t(d, s, j, o, e)
"""

_FIRST_STANDINGS = """
insert into standing (distributor_id, from_version, valid_from, valid_to, status, grade)
select d, $4, least(j, $5), 'infinity', s, null
  from unnest($1::bigint[], $2::text[], $3::timestamptz[]) as t(d, s, j)
"""

_NEXT_LINK = """
with closed as (
  update sponsor_link set to_version = $2, valid_to = $3
   where distributor_id = $1 and to_version is null returning distributor_id)
insert into sponsor_link (distributor_id, from_version, valid_from, valid_to, sponsor_id, source, evidence)
select distributor_id, $2, $3, 'infinity', $4, $5, $6 from closed
"""

_NEXT_STANDING = """
with closed as (
  update standing set to_version = $2, valid_to = $3
   where distributor_id = $1 and to_version is null returning distributor_id)
insert into standing (distributor_id, from_version, valid_from, valid_to, status, grade)
select distributor_id, $2, $3, 'infinity', $4, $5 from closed
"""


class Tree:
    """推荐关系树: the tree while its lock is held, that is until the transaction ends. Made by `locked`."""

    def __init__(self, tx: Transaction, version: int, now: datetime) -> None:
        self._tx = tx
        self.version = version
        # Never before an earlier change, whatever the clocks of two servers say: time and version order agree.
        self.now = now

    async def node(self, distributor_id: DistributorId) -> Node | None:
        """Where someone stands now. The row is locked too: names are changed without the tree's lock, and count as a version."""
        row = await self._tx.fetchrow(f"{_NODE} where distributor_id = $1 for no key update", distributor_id)
        return None if row is None else _node(row)

    async def deepest(self, node: Node) -> int:
        """The length in bytes of the longest path at or below a node."""
        length: int = await self._tx.fetchval(
            "select max(octet_length(path)) from distributor where path >= $1 and path < $2",
            *subtree(node.path),
        )
        return length

    async def add(self, nodes: Sequence[NewNode]) -> None:
        """Let them join, sponsors before those they sponsor or in the same call."""
        await self._advance("registered")
        await self._tx.execute(
            _INSERT,
            [node.distributor_id for node in nodes],
            [node.external_id for node in nodes],
            [node.account_id for node in nodes],
            [node.display_name for node in nodes],
            [node.phone_sealed for node in nodes],
            [node.email_sealed for node in nodes],
            [node.sponsor_id for node in nodes],
            [node.path for node in nodes],
            [node.status for node in nodes],
            [node.earns for node in nodes],
            [node.invite_code for node in nodes],
            [node.joined_at for node in nodes],
        )
        await self._begin_histories(nodes)

    async def _begin_histories(self, nodes: Sequence[NewNode]) -> None:
        ids, joined = [node.distributor_id for node in nodes], [node.joined_at for node in nodes]
        await self._tx.execute(
            _FIRST_LINKS,
            ids,
            [node.sponsor_id for node in nodes],
            joined,
            [node.source for node in nodes],
            [node.evidence for node in nodes],
            self.version,
            self.now,
        )
        await self._tx.execute(
            _FIRST_STANDINGS, ids, [node.status for node in nodes], joined, self.version, self.now
        )

    async def move(self, node: Node, sponsor: Node | None, *, source: Source, evidence: str) -> None:
        """Put a node and everyone below it under another sponsor. That no loop closes is the caller's to see to."""
        await self._advance("moved")
        sponsor_id = None if sponsor is None else sponsor.distributor_id
        path = join(b"" if sponsor is None else sponsor.path, node.distributor_id)
        await self._tx.execute(
            "update distributor set path = $3 || substring(path from $4), version = version + (distributor_id = $5)::int,"
            " sponsor_id = case when distributor_id = $5 then $6 else sponsor_id end"
            " where path >= $1 and path < $2",
            *subtree(node.path),
            path,
            len(node.path) + 1,
            node.distributor_id,
            sponsor_id,
        )
        await self._tx.execute(
            _NEXT_LINK, node.distributor_id, self.version, self.now, sponsor_id, source, evidence
        )

    async def stand(self, node: Node, *, status: str, grade: str | None) -> None:
        """Give a node another status or grade."""
        await self._advance("standing")
        await self._tx.execute(
            "update distributor set status = $2, grade = $3, version = version + 1 where distributor_id = $1",
            node.distributor_id,
            status,
            grade,
        )
        await self._tx.execute(_NEXT_STANDING, node.distributor_id, self.version, self.now, status, grade)

    async def _advance(self, kind: str) -> None:
        self.version += 1
        await self._tx.execute(
            "update tree set version = $1, changed_at = case when $2 = 'registered' then changed_at else $3 end",
            self.version,
            kind,
            self.now,
        )
        await self._tx.execute(
            "insert into tree_change (version, kind, at) values ($1, $2, $3)", self.version, kind, self.now
        )


async def locked(tx: Transaction, now: datetime) -> Tree:
    """Take the tree's lock, which every structural change holds until it commits."""
    row = await tx.fetchrow(
        "insert into tree as t (one, version) values (true, 0)"
        " on conflict (one) do update set version = t.version returning version, changed_at"
    )
    assert row is not None  # noqa: S101 - an upsert answers its row
    changed: datetime | None = row["changed_at"]
    return Tree(tx, row["version"], now if changed is None else max(now, changed))


def _node(row: Record) -> Node:
    return Node(**row)
