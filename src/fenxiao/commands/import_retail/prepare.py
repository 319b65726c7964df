"""Before anything is written: read both files and check all that can be checked."""

from datetime import datetime
from pathlib import Path

from fenxiao.commands.import_retail import rows, source, sponsors
from fenxiao.commands.import_retail.faults import SourceFault
from fenxiao.commands.import_retail.load import Import
from fenxiao.commands.import_retail.ports import Advance, Ports
from fenxiao.commands.import_retail.source import Source
from fenxiao.network.api import NetworkApi


async def prepare(ports: Ports, orders: Path, distributors: Path | None, advance: Advance) -> Import:
    """Read both files and check all that can be checked before anything is written; `SourceFault` says what is wrong."""
    file = source.read(orders)
    sorted_out = rows.sort_out(file)
    people = sponsors.read(distributors) if distributors is not None else []
    people = _with_customers(people, file)
    await _check_sponsors(ports.network, people, distributors)
    return Import(ports, file, sorted_out, people, advance)


def _with_customers(people: list[sponsors.Joined], file: Source) -> list[sponsors.Joined]:
    """The distributors of the CSV and, without sponsor, the customers of the file that it lacks."""
    listed = {person.external_id for person in people}
    first: dict[str, datetime] = {}
    for row in range(file.rows):
        customer = file.customer.of(row)
        if customer is not None and customer not in listed:
            at = file.time.of(row)
            first[customer] = min(at, first.get(customer, at))
    # Before the listed ones: a sponsor may be somebody whom only the orders name.
    return [sponsors.Joined(customer, at, None) for customer, at in first.items()] + people


async def _check_sponsors(
    network: NetworkApi, people: list[sponsors.Joined], distributors: Path | None
) -> None:
    listed = {person.external_id for person in people}
    absent = sorted({p.sponsor for p in people if p.sponsor is not None} - listed)
    known = await network.known_external_ids(external_ids=absent) if absent else {}
    unknown = [name for name in absent if name not in known]
    if unknown:
        message = f"{distributors}: sponsor {unknown[0]} is neither in the file nor known; add a line for it"
        raise SourceFault(message)
