"""The file of distributors: who joined when and under whom."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fenxiao.commands.import_retail.faults import SourceFault

COLUMNS = ("external_id", "joined_at", "sponsor_external_id")


@dataclass(frozen=True, slots=True)
class Joined:
    """A distributor of the file; `sponsor` is the external id of the one above, None for a root."""

    external_id: str
    at: datetime
    sponsor: str | None


def read(path: Path) -> list[Joined]:
    """The distributors, sponsors before those below them; `SourceFault` names the line that is wrong."""
    if not path.is_file():
        message = f"{path} is not there; give the path of the distributors CSV"
        raise SourceFault(message)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                message = (
                    f"{path} has no column {', '.join(missing)}; it has: {', '.join(reader.fieldnames or ())}"
                )
                raise SourceFault(message)
            people = [_joined(record, path, reader.line_num) for record in reader]
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8; save it as UTF-8 and repeat"
        raise SourceFault(message) from error
    return _from_the_root(people, path)


def _joined(record: dict[str, str | None], path: Path, line: int) -> Joined:
    external_id = (record["external_id"] or "").strip()
    try:
        at = datetime.fromisoformat((record["joined_at"] or "").strip())
    except ValueError as error:
        message = f"{path}, line {line}: joined_at is {record['joined_at']!r}; it takes 2009-12-01T07:45:00"
        raise SourceFault(message) from error
    if not external_id:
        message = f"{path}, line {line}: external_id is empty"
        raise SourceFault(message)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return Joined(external_id, at, (record["sponsor_external_id"] or "").strip() or None)


def _from_the_root(people: list[Joined], path: Path) -> list[Joined]:
    by_id = {person.external_id: person for person in people}
    if len(by_id) != len(people):
        twice = next(p.external_id for p in people if by_id[p.external_id] is not p)
        message = f"{path}: external_id {twice} stands twice"
        raise SourceFault(message)
    ordered: list[Joined] = []
    placed: set[str] = set()
    for person in people:
        chain: list[Joined] = []
        climbing: set[str] = set()
        at: Joined | None = person
        while at is not None and at.external_id not in placed:
            if at.external_id in climbing:
                message = f"{path}: the sponsors of {at.external_id} form a loop; correct sponsor_external_id"
                raise SourceFault(message)
            climbing.add(at.external_id)
            chain.append(at)
            at = by_id.get(at.sponsor) if at.sponsor is not None else None
        for one in reversed(chain):
            placed.add(one.external_id)
            ordered.append(one)
    return ordered
