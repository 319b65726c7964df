"""The file of orders as columns, whatever edition it comes in.

Editions differ in column names (`Invoice`/`InvoiceNo`, `Price`/`UnitPrice`, `Customer ID`/`CustomerID`), in how
they write a time (`2009-12-01 07:45:00`, `12/1/10 8:26`) and a customer (`13085`, `13085.0`). Times are UTC.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from fenxiao.commands.import_retail.faults import SourceFault

T = TypeVar("T")
NAMES = {
    "invoice": ("Invoice", "InvoiceNo"),
    "code": ("StockCode",),
    "description": ("Description",),
    "quantity": ("Quantity",),
    "time": ("InvoiceDate",),
    "price": ("Price", "UnitPrice"),
    "customer": ("Customer ID", "CustomerID"),
    "country": ("Country",),
}
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%y %H:%M", "%m/%d/%Y %H:%M")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its distinct values and, for each row, the place of the row's value among them."""

    values: Sequence[Any]
    places: Sequence[int]

    def of(self, row: int) -> Any:
        """The value in a row."""
        return self.values[self.places[row]]

    def map(self, convert: Callable[[Any], T]) -> "Column":
        """The same column with every distinct value converted once."""
        return Column([convert(value) for value in self.values], self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The orders file: `digest` (SHA-256) names its contents; prices are exact decimals, None where unreadable."""

    path: Path
    digest: str
    rows: int
    invoice: Column
    code: Column
    description: Column
    quantity: Column
    time: Column
    price: Column
    customer: Column
    country: Column


def read(path: Path) -> Source:
    """The file's columns; `SourceFault` if it is not there, not readable, or lacks a column."""
    table = _table(path)
    columns = {name: _column(table, path, name, known) for name, known in NAMES.items()}
    return Source(
        path=path,
        digest=_digest(path),
        rows=table.num_rows,
        invoice=columns["invoice"].map(_text),
        code=columns["code"].map(_text),
        description=columns["description"].map(_text),
        quantity=columns["quantity"].map(_whole),
        time=columns["time"].map(lambda value: _time(value, path)),
        price=columns["price"].map(_decimal),
        customer=columns["customer"].map(_customer),
        country=columns["country"].map(_text),
    )


def _table(path: Path) -> pa.Table:
    if not path.is_file():
        message = f"{path} is not there; give the path of the orders file (.parquet or .csv)"
        raise SourceFault(message)
    try:
        if path.suffix.lower() == ".csv":
            # Everything as text: an invoice number is no number, and a price is read exactly below.
            names = [name for known in NAMES.values() for name in known]
            options = pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True
            )
            return pyarrow.csv.read_csv(path, convert_options=options)
        return pyarrow.parquet.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        message = f"{path} cannot be read as {path.suffix or 'parquet'}: {reason}; it takes Parquet, or CSV in UTF-8"
        raise SourceFault(message) from error


def _column(table: pa.Table, path: Path, name: str, known: Sequence[str]) -> Column:
    found = next((column for column in known if column in table.column_names), None)
    if found is None:
        message = f"{path} has no column {' or '.join(known)} (for the {name}); it has: {', '.join(table.column_names)}"
        raise SourceFault(message)
    encoded = table.column(found).combine_chunks().dictionary_encode(null_encoding="encode")
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return Column(encoded.dictionary.to_pylist(), encoded.indices.to_pylist())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip() if not isinstance(value, str) else value


def _decimal(value: Any) -> Decimal | None:
    """Exact: the shortest decimal that the file's binary number stands for is the one that was typed."""
    try:
        number = Decimal(repr(value) if not isinstance(value, str) else value.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _whole(value: Any) -> int:
    number = _decimal(value)
    return int(number) if number is not None and number == number.to_integral_value() else 0


def _customer(value: Any) -> str | None:
    number = _decimal(value)
    if number is None:
        text = _text(value).strip()
        return text or None
    return str(int(number)) if number == number.to_integral_value() else str(number)


def _time(value: Any, path: Path) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    for form in _TIMES:
        try:
            return datetime.strptime(str(value), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    message = f"{path}: {value!r} is no time; it takes 2009-12-01 07:45:00 or 12/1/10 8:26"
    raise SourceFault(message)
