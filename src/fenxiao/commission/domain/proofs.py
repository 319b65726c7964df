"""Proofs of settlements: a hash over what was released, and one over the statements, distributor by distributor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fenxiao.commission.domain import hashes


@dataclass(frozen=True, slots=True)
class Hashes:
    """How far the hashes of a settlement have come."""

    input_hash: bytes
    output_hash: bytes

    def after(self, entries: Iterable[bytes], statements: Iterable[bytes]) -> "Hashes":
        """The hashes after these distributors: the digest of his entries and that of his statements for each."""
        return Hashes(hashes.folded(self.input_hash, entries), hashes.folded(self.output_hash, statements))


def begun(cutoff: datetime) -> Hashes:
    """The hashes of a settlement that has released nothing yet."""
    about = {"cutoff": cutoff.astimezone(UTC).isoformat()}
    return Hashes(
        hashes.first({"of": "settlement input", **about}), hashes.first({"of": "settlement output", **about})
    )


def again(cutoff: datetime, entries: Sequence[bytes], statements: Sequence[bytes]) -> Hashes:
    """The hashes of a settlement, computed once more from what is stored of it."""
    return begun(cutoff).after(entries, statements)
