"""The file that names every row that was not taken, with its reason."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from fenxiao.commands.import_retail.rows import Reject
from fenxiao.commands.import_retail.source import Source

COLUMNS = (
    "row",
    "invoice",
    "place",
    "stock_code",
    "description",
    "quantity",
    "time",
    "price",
    "customer",
    "reason",
    "units",
)


def write(path: Path, source: Source, rejects: Iterable[Reject]) -> None:
    """Write the rejects as CSV in UTF-8, in the order of the file; the file appears whole or not at all.

    `row` counts the file's rows from 1, the header not included; `units` are those of the row that were rejected.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for reject in sorted(rejects, key=lambda one: one.row):
            row = reject.row
            writer.writerow(
                (
                    row + 1,
                    source.invoice.of(row),
                    reject.place,
                    source.code.of(row),
                    source.description.of(row),
                    source.quantity.of(row),
                    source.time.of(row).isoformat(),
                    source.price.of(row),
                    source.customer.of(row) or "",
                    reject.reason,
                    reject.units,
                )
            )
    unfinished.replace(path)
