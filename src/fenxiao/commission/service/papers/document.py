"""PDF files (ISO 32000-1), written page by page: what was written is not kept, so length costs no memory.

The same calls make the same bytes: the file's id is a hash of what is in it, its dates are given. All text is set in
composite fonts whose characters are numbered as they come; fonts follow behind the last page, cut to what was used.
"""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import BinaryIO

from fenxiao.commission.service.papers.fonts import Typeface, Used

WIDTH, HEIGHT = 595.28, 841.89
"""A4, in points."""


class Page:
    """One page: text and lines at places counted from the upper left corner."""

    def __init__(self, typeface: Typeface) -> None:
        self._typeface = typeface
        self._parts: list[str] = []

    def text(
        self, x: float, y: float, text: str, size: float, *, bold: bool = False, grey: float = 0.0
    ) -> float:
        """The text with its base line at y; its width."""
        runs, width = self._typeface.runs(text, bold=bold)
        shown = " ".join(f"/F{font} {size:g} Tf <{codes}> Tj" for font, codes in runs)
        self._parts.append(f"BT {grey:g} g {x:.2f} {HEIGHT - y:.2f} Td {shown} ET")
        return width * size / 1000

    def right(
        self, x: float, y: float, text: str, size: float, *, bold: bool = False, grey: float = 0.0
    ) -> None:
        """The text, ending at x."""
        self.text(x - self._typeface.width(text, size, bold=bold), y, text, size, bold=bold, grey=grey)

    def line(self, x: float, y: float, until: float, *, thick: float = 0.5, grey: float = 0.75) -> None:
        """A line across."""
        self._parts.append(
            f"{thick:g} w {grey:g} G {x:.2f} {HEIGHT - y:.2f} m {until:.2f} {HEIGHT - y:.2f} l S"
        )

    def box(self, x: float, y: float, wide: float, high: float, colour: Sequence[float]) -> None:
        """A filled rectangle; y is its upper edge."""
        red, green, blue = colour
        self._parts.append(
            f"{red:g} {green:g} {blue:g} rg {x:.2f} {HEIGHT - y - high:.2f} {wide:.2f} {high:.2f} re f"
        )

    def content(self) -> bytes:
        """What a reader draws."""
        return "\n".join(self._parts).encode("ascii")


class Document:
    """A PDF file under way."""

    def __init__(self, file: BinaryIO, typeface: Typeface) -> None:
        self._file, self._typeface = file, typeface
        self._places: list[int] = [0, 0, 0]
        self._pages: list[int] = []
        self._hash = sha256()
        self._at = 0
        # Object 1 is the catalogue, 2 the tree of pages; 3 to 5 the fonts.
        self._places += [0] * len(typeface.used)
        self._write(b"%PDF-1.7\n%\xe5\x88\x86\xe9\x94\x80\n")

    @property
    def pages(self) -> int:
        """How many there are so far."""
        return len(self._pages)

    def add(self, page: Page) -> None:
        """Write a page; it is not kept."""
        content = self._stream(b"", page.content())
        number = self._new(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.2f %.2f]/Resources<</Font<<%s>>>>/Contents %d 0 R>>"
            % (WIDTH, HEIGHT, self._fonts(), content)
        )
        self._pages.append(number)

    def close(self, *, title: str, language: str, at: datetime) -> None:
        """Write the fonts, the tree of pages and the index."""
        for number, used in enumerate(self._typeface.used, 3):
            if used.numbers:
                self._font(number, used)
        kids = b" ".join(b"%d 0 R" % one for one in self._pages)
        self._put(2, b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(self._pages), kids))
        self._put(
            1,
            b"<</Type/Catalog/Pages 2 0 R/Lang(%s)/ViewerPreferences<</DisplayDocTitle true>>>>"
            % language.encode("ascii"),
        )
        day = at.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ").encode()
        named = title.encode("utf-16-be").hex().encode()
        about = self._new(
            b"<</Title<feff%s>/Producer(Fenxiao)/CreationDate(%s)/ModDate(%s)>>" % (named, day, day)
        )
        self._index(about)

    def _index(self, about: int) -> None:
        start, identity = self._at, self._hash.hexdigest()[:32].encode()
        # A font that nothing was set in is a free object, as 0 is.
        rows = b"".join(
            b"%010d 00000 n \n" % place if place else b"0000000000 65535 f \n" for place in self._places
        )
        self._write(b"xref\n0 %d\n%s" % (len(self._places), rows))
        self._write(
            b"trailer\n<</Size %d/Root 1 0 R/Info %d 0 R/ID[<%s><%s>]>>\nstartxref\n%d\n%%%%EOF\n"
            % (len(self._places), about, identity, identity, start)
        )

    def _fonts(self) -> bytes:
        return b"".join(
            b"/F%d %d 0 R" % (place, place + 3)
            for place, used in enumerate(self._typeface.used)
            if used.numbers
        )

    def _font(self, number: int, used: Used) -> None:
        program, glyphs = used.face.cut("".join(used.numbers))
        name = used.tagged.encode()
        embedded = self._stream(b"/Length1 %d" % len(program), program)
        descriptor = self._new(
            b"<</Type/FontDescriptor/FontName/%s/Flags 4/FontBBox[-1000 -1000 3000 2000]/ItalicAngle 0/Ascent %d"
            b"/Descent %d/CapHeight 730/StemV 80/FontFile2 %d 0 R>>"
            % (name, used.face.ascent, used.face.descent, embedded)
        )
        places = self._stream(b"", b"".join(one.to_bytes(2, "big") for one in (0, *glyphs)))
        widths = b" ".join(b"%d" % one for one in used.widths)
        below = self._new(
            b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
            b"/Supplement 0>>/FontDescriptor %d 0 R/DW 1000/W[0[%s]]/CIDToGIDMap %d 0 R>>"
            % (name, descriptor, widths, places)
        )
        read = self._stream(b"", _readable(used))
        self._put(
            number,
            b"<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
            % (name, below, read),
        )

    def _stream(self, about: bytes, content: bytes) -> int:
        packed = zlib.compress(content)
        return self._new(
            b"<<%s/Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (about, len(packed), packed)
        )

    def _new(self, content: bytes) -> int:
        self._places.append(0)
        number = len(self._places) - 1
        self._put(number, content)
        return number

    def _put(self, number: int, content: bytes) -> None:
        self._places[number] = self._at
        self._write(b"%d 0 obj\n%s\nendobj\n" % (number, content))

    def _write(self, content: bytes) -> None:
        self._hash.update(content)
        self._at += len(content)
        self._file.write(content)


def _readable(used: Used) -> bytes:
    """Which character each number stands for, so that text can be searched and copied."""
    rows = [
        f"<{number:04x}> <{character.encode('utf-16-be').hex()}>"
        for character, number in used.numbers.items()
    ]
    blocks = [
        f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar\n"
        for block in (rows[start : start + 100] for start in range(0, len(rows), 100))
    ]
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
        + "".join(blocks)
        + "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode("ascii")
