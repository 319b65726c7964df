"""The files of the retail import: editions, rows, sponsors; every fault is one clear sentence."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenxiao.commands.import_retail import rejects, rows, source, sponsors
from fenxiao.commands.import_retail.faults import SourceFault

FIRST = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
SECOND = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
AT = datetime(2009, 12, 1, 7, 45, tzinfo=UTC)


def written(path: Path, header: list[str], *lines: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *lines])
    return path


def line(**changes: str) -> list[str]:
    plain = {
        "invoice": "489434", "code": "85048", "name": "LIGHTS", "quantity": "12",
        "time": "2009-12-01 07:45:00", "price": "6.95", "customer": "13085", "country": "United Kingdom",
    }  # fmt: skip
    return list((plain | changes).values())


@pytest.mark.parametrize(
    ("header", "time", "customer"),
    [
        (FIRST, "2009-12-01 07:45:00", "13085.0"),
        (SECOND, "12/1/09 7:45", "13085"),
        (SECOND, "12/1/2009 7:45", "13085"),
    ],
)
def test_both_editions_are_read_alike(tmp_path: Path, header: list[str], time: str, customer: str) -> None:
    file = source.read(written(tmp_path / "o.csv", header, line(time=time, customer=customer)))
    (sale,) = rows.sort_out(file).sales
    assert (sale.invoice, sale.at, sale.customer) == ("489434", AT, "13085")
    assert sale.lines == [rows.SaleRow(row=0, place=1, code="85048", quantity=12, price_minor=695)]


def test_a_parquet_file_with_real_types_is_read_alike(tmp_path: Path) -> None:
    table = pa.table(
        {
            "InvoiceNo": ["489434"], "StockCode": ["85048"], "Description": [None], "Quantity": [12.0],
            "InvoiceDate": pa.array([datetime(2009, 12, 1, 7, 45)], pa.timestamp("ns")),  # noqa: DTZ001 - as in the file
            "UnitPrice": [6.95], "CustomerID": [13085.0], "Country": ["UK"],
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "o.parquet")
    (sale,) = rows.sort_out(source.read(tmp_path / "o.parquet")).sales
    assert (sale.at, sale.customer, sale.lines[0].price_minor) == (AT, "13085", 695)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantity": "0"}, "quantity-not-positive"),
        ({"quantity": "-3", "price": "0"}, "quantity-not-positive"),
        ({"price": "0"}, "price-not-positive"),
        ({"price": "-1.5"}, "price-not-positive"),
        ({"price": "0.001"}, "price-below-a-cent"),
        ({"price": "1.005"}, "price-below-a-cent"),
        ({"invoice": "A506401"}, "not-a-sale"),
        ({"invoice": "C489449"}, "not-a-sale"),
        ({"invoice": "C489449", "quantity": "-1", "price": "0"}, "not-a-sale"),
        ({"invoice": "C489449", "quantity": "-1", "price": "0.001"}, "not-a-sale"),
        ({"invoice": ""}, "not-a-sale"),
        ({"invoice": "４８９４３４"}, "not-a-sale"),
    ],
)
def test_what_is_no_sale_is_rejected_with_its_reason(
    tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    sorted_out = rows.sort_out(source.read(written(tmp_path / "o.csv", FIRST, line(**changes))))
    assert (sorted_out.sales, sorted_out.returns) == ([], [])
    assert [reject.reason for reject in sorted_out.rejects] == [reason]


def test_places_count_all_rows_of_an_invoice_wherever_they_stand(tmp_path: Path) -> None:
    lines = [line(), line(invoice="489435"), line(quantity="0"), line(code="B")]
    sorted_out = rows.sort_out(source.read(written(tmp_path / "o.csv", FIRST, *lines)))
    assert [(sale.invoice, [row.place for row in sale.lines]) for sale in sorted_out.sales] == [
        ("489434", [1, 3]),
        ("489435", [1]),
    ]
    assert [(reject.row, reject.place) for reject in sorted_out.rejects] == [(2, 2)]


def test_returns_come_in_order_of_time_and_then_of_the_file(tmp_path: Path) -> None:
    back = {"quantity": "-1"}
    lines = [
        line(invoice="C3", time="2009-12-03 00:00:00", **back),
        line(invoice="C2", **back),
        line(invoice="C1", **back),
    ]
    returns = rows.sort_out(source.read(written(tmp_path / "o.csv", FIRST, *lines))).returns
    assert [one.key for one in returns] == ["C2#1", "C1#1", "C3#1"]


def test_stock_codes_are_exact(tmp_path: Path) -> None:
    file = source.read(written(tmp_path / "o.csv", FIRST, line(code="15056BL"), line(code="15056bl")))
    assert [row.code for row in rows.sort_out(file).sales[0].lines] == ["15056BL", "15056bl"]


def test_the_rejects_file_names_row_and_reason(tmp_path: Path) -> None:
    file = source.read(written(tmp_path / "o.csv", FIRST, line(), line(price="0", name="GIFT, wrapped")))
    rejects.write(tmp_path / "r.csv", file, rows.sort_out(file).rejects)
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as written_file:
        (row,) = csv.DictReader(written_file)
    assert (row["row"], row["invoice"], row["place"], row["reason"]) == (
        "2",
        "489434",
        "2",
        "price-not-positive",
    )
    assert (row["description"], row["units"]) == ("GIFT, wrapped", "12")
    assert [path.name for path in tmp_path.iterdir()].count(".r.csv") == 0


def test_a_missing_column_is_named_with_what_the_file_has(tmp_path: Path) -> None:
    with pytest.raises(SourceFault, match=r"no column Price or UnitPrice.*it has: Invoice, StockCode"):
        source.read(
            written(
                tmp_path / "o.csv", ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Cost"]
            )
        )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("o.csv", "Invoice,Description\n1,Caf\xe9\n".encode("latin-1")),
        ("o.parquet", b"no parquet"),
        ("o.csv", b""),
    ],
)
def test_an_unreadable_file_is_said_to_be_so(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceFault, match=name):
        source.read(tmp_path / name)


def test_a_time_of_no_known_form_is_shown(tmp_path: Path) -> None:
    with pytest.raises(SourceFault, match=r"1\. Dez"):
        source.read(written(tmp_path / "o.csv", FIRST, line(time="1. Dez 2009")))


HEADER = ["external_id", "joined_at", "country", "sponsor_external_id"]


def people(tmp_path: Path, *lines: list[str]) -> list[sponsors.Joined]:
    return sponsors.read(written(tmp_path / "d.csv", HEADER, *lines))


def test_sponsors_come_before_those_below_them(tmp_path: Path) -> None:
    time = "2009-12-01T07:45:00"
    read = people(
        tmp_path, ["3", time, "", "2"], ["2", time, "", "1"], ["1", time, "", ""], ["4", time, "", "unlisted"]
    )
    assert [(one.external_id, one.sponsor) for one in read] == [
        ("1", None),
        ("2", "1"),
        ("3", "2"),
        ("4", "unlisted"),
    ]
    assert read[0].at == AT


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([["1", "2009-12-01T07:45:00", "", "1"]], "loop"),
        ([["1", "2009-12-01T07:45:00", "", "2"], ["2", "2009-12-01T07:45:00", "", "1"]], "loop"),
        ([["1", "yesterday", "", ""]], "line 2: joined_at"),
        ([["", "2009-12-01T07:45:00", "", ""]], "line 2: external_id is empty"),
        ([["1", "2009-12-01T07:45:00", "", ""], ["1", "2009-12-02T07:45:00", "", ""]], "1 stands twice"),
    ],
)
def test_faults_in_the_distributors_are_named(tmp_path: Path, lines: list[list[str]], said: str) -> None:
    with pytest.raises(SourceFault, match=said):
        people(tmp_path, *lines)
