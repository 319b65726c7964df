"""Papers: pages that an independent reader reads back, fonts that are in the file, characters that never get lost."""

import builtins
import io
import sys
import tracemalloc
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from fenxiao.commission.service.papers import fonts
from fenxiao.commission.service.papers.document import Document, Page
from fenxiao.commission.service.papers.fonts import PdfMissing, Typeface, faces
from fenxiao.commission.service.papers.layout import Front, Paper, Row, wrapped

AT = datetime(2026, 3, 31, 16, tzinfo=UTC)
AMOUNT = "-100,000,000,000,000.00"


def front(name: str = "王芳") -> Front:
    rows = [("开", "1.00"), ("合", AMOUNT)]
    return Front(
        title="结算单",
        number="1-2-CNY",
        name=name,
        facts=[("a", "b")] * 6,
        summary=rows,
        accounts=[("o", ["1", "2", "3", "6"]), ("c", [AMOUNT, "2", "3", "6"])],
        account_names=["p", "a", "w", "t"],
        moved=rows,
        heading=["Date", "Entry", "Order", "Component", "On hold", "Available", "Withdrawn"],
        lines="Entries",
        totals=[Row(["sum"], [AMOUNT, "2", "3"])] * 3,
        note="note",
        foot="foot",
        page_of="{page}/{pages}",
    )


def made(count: int, name: str = "王芳", component: str = "直推 · 1") -> bytes:
    file, face = io.BytesIO(), Typeface()
    document = Document(file, face)
    paper = Paper(document, face, front(name), count)
    for number in range(count):
        paper.row(Row(["2026-03-01", "佣金", str(70000 + number), component], [f"{number}.25", "", AMOUNT]))
    paper.close()
    document.close(title="结算单", language="zh-CN", at=AT)
    assert document.pages == paper.pages
    return file.getvalue()


@pytest.mark.parametrize("count", [0, 1, *range(25, 40), *range(70, 90)])
def test_pages_are_counted_before_they_are_written_and_each_has_the_heading(count: int) -> None:
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(made(count))).pages]
    for number, text in enumerate(pages, 1):
        assert f"{number}/{len(pages)}" in text
        assert "Component" in text
    whole = "".join(pages)
    assert [one for one in range(count) if f"{one}.25" not in whole or str(70000 + one) not in whole] == []
    # The sums stay together.
    assert pages[-1].count("sum") == 3
    assert whole.count(AMOUNT) == count + 6


def test_a_page_is_written_when_it_is_full_and_not_kept() -> None:
    file, face = io.BytesIO(), Typeface()
    paper = Paper(Document(file, face), face, front(), 1000)
    sizes = []
    tracemalloc.start()
    for number in range(1000):
        paper.row(Row(["2026-03-01", "佣金", str(number), "直推 · 1"], [f"{number}.25", "", AMOUNT]))
        if number in {499, 999}:
            sizes.append((file.tell(), tracemalloc.get_traced_memory()[0] - file.tell()))
    tracemalloc.stop()
    (half, kept_first), (whole, kept_last) = sizes
    assert whole > 1.9 * half
    # The first half needs the glyphs to be looked up; the second leaves nothing but the places of its pages.
    assert kept_last - kept_first < (whole - half) // 2


def test_the_same_calls_make_the_same_bytes_and_others_do_not() -> None:
    assert made(3) == made(3)
    assert made(3) != made(4)
    about = PdfReader(io.BytesIO(made(1)))
    assert about.metadata is not None
    assert (about.metadata.title, about.metadata.creation_date) == ("结算单", AT)


@pytest.mark.parametrize("name", ["Łukasz Żółć Αθήνα Борис", "䶮辰𬭎堃喆㛃髙", "a" * 190 + "龘" * 10])
def test_names_of_many_scripts_are_set_in_glyphs(name: str) -> None:
    text = PdfReader(io.BytesIO(made(1, name))).pages[0].extract_text()
    assert name in text.replace("\n", "")
    assert "U+" not in text


def test_what_no_font_has_is_shown_by_its_code_point() -> None:
    text = PdfReader(io.BytesIO(made(1, "吉𠮷 한 😀\u200d\u202e!"))).pages[0].extract_text()
    assert "吉[U+20BB7] [U+D55C] [U+1F600][U+200D][U+202E]!" in text


def test_the_fonts_are_in_the_file_cut_to_what_is_used() -> None:
    content = made(40, "Łukasz 王芳")
    assert len(content) < 60_000
    fonts_used = PdfReader(io.BytesIO(content)).pages[0]["/Resources"]["/Font"]
    names = set()
    for font in fonts_used.values():
        (below,) = font.get_object()["/DescendantFonts"]
        program = below.get_object()["/FontDescriptor"]["/FontFile2"].get_data()
        assert program[:4] in {b"\x00\x01\x00\x00", b"true"}
        names.add(font.get_object()["/BaseFont"].partition("+")[2])
    assert names == {"NotoSansSC-Regular", "NotoSansSC-Bold", "NotoSans-Regular"}


def test_a_font_that_nothing_is_set_in_is_left_out() -> None:
    file, face = io.BytesIO(), Typeface()
    document, page = Document(file, face), Page(face)
    page.text(50, 50, "only 中", 10)
    document.add(page)
    document.close(title="t", language="en", at=AT)
    (page_read,) = PdfReader(file).pages
    assert list(page_read["/Resources"]["/Font"]) == ["/F0"]
    assert page_read.extract_text() == "only 中"


def test_amounts_end_at_their_column_and_text_keeps_within_its_own() -> None:
    face = Typeface()
    ends = set()

    def seen(text: str, _: object, matrix: list[float], font: object, size: float) -> None:
        if text.strip().endswith(".25"):
            ends.add(round(matrix[4] + face.width(text.strip(), size), 1))

    PdfReader(io.BytesIO(made(12))).pages[0].extract_text(visitor_text=seen)
    assert len(ends) == 1
    text = PdfReader(io.BytesIO(made(1, component="长" * 300))).pages[0].extract_text()
    assert "长…" in text
    assert "长" * 300 not in text
    assert wrapped(face, "one two", 10, 30) == ["one", "two"]


def test_without_the_extra_there_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def lacking(name: str, *rest: object, **more: object) -> object:
        if name == "uharfbuzz":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    faces.cache_clear()
    monkeypatch.delitem(sys.modules, "uharfbuzz", raising=False)
    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(PdfMissing):
        faces()
    monkeypatch.undo()
    monkeypatch.setattr(fonts, "files", lambda _: [])
    with pytest.raises(PdfMissing):
        faces()
    monkeypatch.undo()
    assert len(faces()) == 3
