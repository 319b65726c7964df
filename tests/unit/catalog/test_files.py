"""Files of products and stock as they are read and written: cells, headings, forms, and what is no table."""

import csv
import io
import zipfile
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.catalog.domain import cells, product_rows, stock_rows
from fenxiao.catalog.domain.cells import Fault
from fenxiao.catalog.domain.images import Image, led_by
from fenxiao.catalog.domain.outcomes import FileRefused
from fenxiao.catalog.service.files import reading, writing
from fenxiao.catalog.service.files.reading import read_file

HEADING = "sku,name,price,tags\r\n"


def products(content: bytes):
    return read_file(content, product_rows.COLUMNS, product_rows.NEEDED)


def contents(content: bytes) -> list[dict]:
    sheet = products(content)
    assert sheet.faults == []
    return [row.content for row in sheet.rows]


def faults(content: bytes) -> list[tuple[int, str]]:
    return [(fault.row, fault.error.field) for fault in products(content).faults]


def book(*rows: list, sheet: str = "Sheet1") -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as made:
        page = made.add_worksheet(sheet)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                page.write(number, column, cell)
    return file.getvalue()


# Cells


@given(st.text(max_size=40))
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    guarded = cells.guarded(text)
    assert guarded[:1] not in "=+-@\t\r\n＝＋－＠" or guarded == ""
    assert cells.unguarded(guarded) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''-1"])
def test_what_a_spreadsheet_would_compute_is_guarded(text: str) -> None:
    assert cells.guarded(text) == f"'{text}"
    assert cells.unguarded(f"'{text}") == text


@pytest.mark.parametrize("text", ["a=1", "'quoted'", "5-a", "面粉", "'", ""])
def test_what_no_spreadsheet_would_compute_is_left_alone(text: str) -> None:
    assert cells.guarded(text) == cells.unguarded(text) == text


TAG = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=12)


@given(st.lists(TAG, min_size=1, max_size=5, unique=True))
def test_tags_come_back_whatever_stands_in_them(tags: list[str]) -> None:
    assert cells.tags(64, 50)(cells.tag_cell(tags)) == tags


def test_images_come_back_in_their_order() -> None:
    pictures = (Image(url="https://a.example/1.png", alt="from the front"), Image(url="http://b.example/2"))
    assert cells.images(cells.image_cell(pictures)) == [
        {"url": "https://a.example/1.png", "alt": "from the front"},
        {"url": "http://b.example/2", "alt": None},
    ]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (19.99, "19.99"),
        (0.1, "0.1"),
        (1e15, "1000000000000000"),
        (1e-7, "0.0000001"),
        (5.0, "5"),
        (5, "5"),
        (True, "TRUE"),
        (None, ""),
        ("  a ", "a"),
        (datetime(2026, 11, 22), "2026-11-22"),  # noqa: DTZ001 - a spreadsheet has no zones
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22, 10), "2026-11-22 10:00:00"),  # noqa: DTZ001
        (float("nan"), "nan"),
    ],
)
def test_a_cell_of_any_kind_is_a_text(cell: object, text: str) -> None:
    assert cells.plain(cell) == text


@pytest.mark.parametrize(
    ("read", "cell", "value"),
    [
        (cells.amount, "1,234.50", "1234.50"),
        (cells.amount, "0", "0"),
        (cells.day, "2026/1/2", "2026-01-02"),
        (cells.day, "2026-01-02 00:00:00", "2026-01-02"),
        (cells.whole(0, 9), "5.0", 5),
        (cells.tags(5, 3), "a | b|a", ["a", "b"]),
    ],
)
def test_values_are_read_as_people_write_them(read, cell, value) -> None:
    assert read(cell) == value


@pytest.mark.parametrize(
    ("read", "cell"),
    [
        (cells.amount, "-1"),
        (cells.amount, "1e5"),
        (cells.amount, "1,23"),
        (cells.amount, "¥5"),
        (cells.amount, "１"),
        (cells.day, "2026-02-30"),
        (cells.day, "22.11.26"),
        (cells.whole(1, 9), "0"),
        (cells.whole(1, 9), "10"),
        (cells.whole(1, 9), "1.5"),
        (cells.tags(5, 3), "a||b"),
        (cells.tags(5, 3), "toolong"),
        (cells.tags(5, 2), "a|b|c"),
        (cells.images, "not-an-address"),
        (cells.images, "https://a.example/1\nhttps://a.example/1"),
        (cells.images, "\n".join(f"https://a.example/{n}" for n in range(21))),
        (cells.currency, "cny"),
        (cells.choice("a", "b"), "c"),
        (cells.text(3), "four"),
        (cells.text(3), "a\0"),
    ],
)
def test_what_means_nothing_is_a_fault(read, cell) -> None:
    with pytest.raises(Fault):
        read(cell)


# Forms


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_in_the_encodings_and_with_the_delimiters_of_spreadsheets(
    encoding: str, delimiter: str
) -> None:
    text = (
        delimiter.join(("SKU编码", "商品名称", "价格")) + "\r\n" + delimiter.join(("A1", "高筋面粉", "5.50"))
    )
    assert contents(text.encode(encoding)) == [{"sku": "A1", "name": "高筋面粉", "price": "5.50"}]


def test_a_workbook_says_the_same_as_csv() -> None:
    rows = [
        ["sku", "name", "price", "alert_threshold"],
        ["007", "面粉", 19.99, 5],
        ["B", "x\ny", "1,000", None],
    ]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    expected = [
        {"sku": "007", "name": "面粉", "price": "19.99", "alert_threshold": 5},
        {"sku": "B", "name": "x\ny", "price": "1000", "alert_threshold": None},
    ]
    assert contents(text.getvalue().encode()) == contents(book(*rows)) == expected


def test_rows_keep_the_numbers_that_people_see() -> None:
    for content in (
        b"sku,price\r\n\r\nA,x\r\n,,\r\nB,y\r\n",
        book(["sku", "price"], [], ["A", "x"], ["", ""], ["B", "y"]),
    ):
        assert faults(content) == [(3, "price"), (5, "price")]


def test_every_fault_of_every_row_is_found() -> None:
    lines = ["A,,-1,a||b", "B,b,1.5,", "C,c,x,y,extra", f"D,{'n' * 256},1,"]
    assert faults((HEADING + "\r\n".join(lines)).encode()) == [
        (2, "price"),
        (2, "tags"),
        (4, ""),
        (4, "price"),
        (5, "name"),
    ]


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("sku,colour", "colour"),
        ("sku,name,sku", "sku"),
        ("name,price", "product_id"),
        ("sku,SKU编码", "sku"),
    ],
)
def test_a_wrong_heading_is_a_fault_of_the_first_row(heading: str, column: str) -> None:
    assert faults(f"{heading}\r\nA,b\r\n".encode()) == [(1, column)]


def test_a_file_has_at_most_fifty_thousand_rows(monkeypatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 2)
    assert faults(b"sku\r\nA\r\nB\r\n") == []
    assert faults(b"sku\r\nA\r\nB\r\nC\r\nD\r\n") == [(4, "")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \r\n ",
        b"\xff\xfe\x00\x81",
        b'sku\r\n"unclosed',
        b"sku\r\na\0b",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old",
        b"PK\x03\x04 no archive",
        b"PK\x03\x04",
        b"sku\r\n" + b"a" * 200_000,
    ],
)
def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused) as refused:
        products(content)
    assert [error.field for error in refused.value.errors] == ["file"]


def zipped(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_is_opened(monkeypatch) -> None:
    monkeypatch.setattr(reading, "MAX_UNPACKED", 100_000)
    bomb = zipped(**{"xl/workbook.xml": b" " * 200_000})
    assert len(bomb) < 1000
    for content in (
        bomb,
        zipped(**{"content.xml": b"ods"}),
        zipped(**{"xl/workbook.xml": b"x", "mimetype": b"ods"}),
        zipped(**{"xl/workbook.xml": b"not xml"}),
    ):
        with pytest.raises(FileRefused):
            products(content)


@pytest.mark.parametrize("cell", [b'r="XFD1"', b"r='A1048576'", b'r = "1048576"'])
def test_a_cell_far_out_is_refused_before_everything_up_to_it_is_laid_out(cell: bytes) -> None:
    sheet = b'<worksheet><sheetData><row r="1"><c ' + cell + b"/></row></sheetData></worksheet>"
    with pytest.raises(FileRefused) as refused:
        products(zipped(**{"xl/workbook.xml": b"x", "xl/worksheets/sheet1.xml": sheet}))
    assert "beyond" in refused.value.errors[0].message


def test_a_cell_reference_cut_in_two_is_seen(monkeypatch) -> None:
    monkeypatch.setattr(reading, "_PART", 7)
    with pytest.raises(FileRefused) as refused:
        products(zipped(**{"xl/workbook.xml": b"x", "xl/worksheets/s.xml": b'<c r="XFD1048576"/>'}))
    assert "beyond" in refused.value.errors[0].message


# Files as they go


async def pages(*rows: list):
    yield list(rows)


async def file(kind: str, heading: list[str], *rows: list, bom: bool = False) -> bytes:
    return b"".join([part async for part in writing.written(kind, heading, pages(*rows), bom=bom)])


async def test_what_is_written_is_read_again() -> None:
    rows = [
        [1, "'=1+1", 'a "quoted"\nname, with all', Decimal("19.99"), None],
        [2, None, "面粉", Decimal(10**16), 5],
    ]
    heading = ["product_id", "sku", "name", "price", "alert_threshold"]
    expected = [
        {
            "product_id": 1,
            "sku": "=1+1",
            "name": 'a "quoted"\nname, with all',
            "price": "19.99",
            "alert_threshold": None,
        },
        {"product_id": 2, "sku": None, "name": "面粉", "price": "10000000000000000", "alert_threshold": 5},
    ]
    with pytest.raises(Fault):
        cells.amount("1" * 17)
    rows[1][3] = Decimal(1234567890123456)
    expected[1]["price"] = "1234567890123456"
    assert contents(await file("csv", heading, *rows)) == expected
    assert contents(await file("csv", heading, *rows, bom=True)) == expected
    assert contents(await file("xlsx", heading, *rows)) == expected


async def test_the_byte_order_mark_is_there_when_asked_for_only() -> None:
    assert (await file("csv", ["sku"], ["面"])) == "sku\r\n面\r\n".encode()
    assert (await file("csv", ["sku"], ["面"], bom=True)) == "\ufeffsku\r\n面\r\n".encode()


async def test_days_are_days_in_a_workbook() -> None:
    content = await file("xlsx", stock_rows.headings(), [1, None, "x", "B1", 5, date(2026, 11, 22), 0])
    sheet = read_file(content, stock_rows.COLUMNS, stock_rows.NEEDED)
    assert sheet.faults == []
    assert sheet.rows[0].content == {
        "product_id": 1,
        "sku": None,
        "batch_id": "B1",
        "stock": 5,
        "expiry_date": "2026-11-22",
    }


async def test_more_rows_than_a_sheet_has_are_refused_before_anything_is_sent(monkeypatch) -> None:
    monkeypatch.setattr(writing, "MAX_SHEET", 3)
    assert await file("xlsx", ["sku"], ["a"], ["b"])
    with pytest.raises(FileRefused):
        await anext(writing.written("xlsx", ["sku"], pages(["a"], ["b"], ["c"]), bom=False))


# Pictures


@pytest.mark.parametrize(
    ("url", "after"),
    [("a", "abc"), ("b", "bc"), ("c", "cb"), ("d", "dbc"), (None, "")],
)
def test_the_first_picture_is_replaced_or_moved_to_the_front(url, after) -> None:
    present = [Image(url=one, alt=one.upper()) for one in "abc"]
    found = led_by(present, url)
    assert "".join(image.url for image in found) == after
    assert all(image.alt == (None if image.url == "d" else image.url.upper()) for image in found)


# Broken workbooks


def broken(old: bytes, new: bytes, part: str) -> bytes:
    """A good workbook with something else in one of its parts."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book(["sku", "price"], ["A", 1]))) as good,
        zipfile.ZipFile(file, "w") as made,
    ):
        for name in good.namelist():
            content = good.read(name)
            if name == part:
                assert old in content
                content = content.replace(old, new)
            made.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        (b'uniqueCount="3"', b'uniqueCount="99999999999"', "xl/sharedStrings.xml"),
        (b'ref="A1:B2"', b'ref="A1:XFD1048576"', "xl/worksheets/sheet1.xml"),
        (b'ref="A1:B2"', b'ref="B9:A1"', "xl/worksheets/sheet1.xml"),
        (b"<v>1</v>", b"<v>99999</v>", "xl/worksheets/sheet1.xml"),
        (b"</row>", b"", "xl/worksheets/sheet1.xml"),
        (b"<sst", b"<ss", "xl/sharedStrings.xml"),
        (b"worksheets/sheet1.xml", b"worksheets/none.xml", "xl/_rels/workbook.xml.rels"),
    ],
)
def test_a_broken_workbook_is_read_or_refused_and_ends_nothing(old: bytes, new: bytes, part: str) -> None:
    """The reader may die of it; we do not."""
    with suppress(FileRefused):
        products(broken(old, new, part))


def test_a_reader_that_dies_is_a_file_that_cannot_be_read(monkeypatch, tmp_path) -> None:
    good = book(["sku"], ["A"])
    assert contents(good) == [{"sku": "A"}]
    for program in ("import os; os.abort()", "raise SystemExit(1)", "while True: pass"):
        reader = tmp_path / "reader.py"
        reader.write_text(program)
        monkeypatch.setattr(reading, "_READER", reader)
        monkeypatch.setattr(reading, "_SECONDS", 1)
        with pytest.raises(FileRefused):
            products(good)
