"""Fonts of papers: which glyph shows a character, how wide it is, and a font cut to the glyphs that were used.

Noto Sans SC has the characters of GB 18030's first level and of the table of 8,105 common ones, so also the rare ones
of names; Noto Sans has Latin, Greek and Cyrillic letters that it lacks. What neither has is written as its code point:
a name is never shown with a hole in it.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from fenxiao.kernel.errors import Refusal

_PACKAGE = "textflowkit-fonts"
_SETS = (("NotoSansSC-Regular", "NotoSansSC.ttf", 400), ("NotoSansSC-Bold", "NotoSansSC.ttf", 700))
_REST = ("NotoSans-Regular", "NotoSans.ttf", None)
# What lays out text; every character is shown by itself here.
_LAYOUT = ("GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx", "VVAR", "kern", "DSIG", "STAT")


class PdfMissing(Refusal):
    """No PDF is made here: the extra is missing (pip install fenxiao[pdf]); ask for JSON, text/csv or Excel."""

    code = "pdf-missing"
    status = 406


@dataclass(frozen=True, slots=True)
class Face:
    """A font file at one weight, opened once in a process."""

    name: str
    face: Any
    font: Any
    weight: int | None
    ascent: int
    descent: int

    def glyph(self, character: str) -> int:
        """Its glyph; 0 where there is none."""
        return self.font.get_nominal_glyph(ord(character)) or 0

    def cut(self, characters: str) -> tuple[bytes, list[int]]:
        """The font with the glyphs of these characters alone, and the place of each in it."""
        import uharfbuzz as hb  # noqa: PLC0415 - an extra

        wanted = hb.SubsetInput()
        wanted.unicode_set.update(map(ord, characters))
        wanted.layout_feature_tag_set.clear()
        wanted.drop_table_tag_set.update(int.from_bytes(one.encode(), "big") for one in _LAYOUT)
        wanted.flags = hb.SubsetFlags.NO_HINTING
        if self.weight is not None:
            wanted.pin_axis_location(self.face, "wght", self.weight)
        found = hb.subset(self.face, wanted)
        font = hb.Font(found)
        return bytes(found.blob.data), [font.get_nominal_glyph(ord(one)) or 0 for one in characters]


@dataclass(slots=True)
class Used:
    """A face in one document: its characters get numbers in the order of their first use."""

    face: Face
    numbers: dict[str, int] = field(default_factory=dict)
    widths: list[int] = field(default_factory=lambda: [1000])

    def number(self, character: str, glyph: int) -> int:
        """The character's number in the document."""
        number = self.numbers.get(character)
        if number is None:
            number = self.numbers[character] = len(self.widths)
            self.widths.append(self.face.font.get_glyph_h_advance(glyph))
        return number

    @property
    def tagged(self) -> str:
        """The name of the cut font: six letters that stand for what is in it."""
        digest = sha256("".join(self.numbers).encode("utf-32-le")).digest()
        return "".join(chr(65 + one % 26) for one in digest[:6]) + "+" + self.face.name


class Typeface:
    """The fonts of one document; `text` is regular or bold."""

    def __init__(self) -> None:
        self.used = tuple(Used(face) for face in faces())
        # Of each weight: the character's font, its code in the page's text, its width.
        self._known: tuple[dict[str, tuple[int, str, int]], ...] = ({}, {})

    def runs(self, text: str, *, bold: bool = False) -> tuple[list[tuple[int, str]], int]:
        """The text as (font, codes in hexadecimal) and its width in thousandths of the size."""
        known = self._known[bold]
        found: list[tuple[int, str]] = []
        codes: list[str] = []
        last, width = -1, 0
        for character in text:
            one = known.get(character)
            for font, code, advance in (one,) if one else self._shown(character, bold=bold):
                if font != last:
                    if codes:
                        found.append((last, "".join(codes)))
                    last, codes = font, []
                codes.append(code)
                width += advance
        if codes:
            found.append((last, "".join(codes)))
        return found, width

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """How wide the text is in points."""
        return self.runs(text, bold=bold)[1] * size / 1000

    def _shown(self, character: str, *, bold: bool) -> Iterator[tuple[int, str, int]]:
        for font in (int(bold), 2):
            used = self.used[font]
            glyph = used.face.glyph(character) if unicodedata.category(character)[0] != "C" else 0
            if glyph:
                number = used.number(character, glyph)
                one = self._known[bold][character] = (font, f"{number:04x}", used.widths[number])
                yield one
                return
        for instead in f"[U+{ord(character):04X}]":
            yield from self._shown(instead, bold=bold)


@lru_cache(maxsize=1)
def faces() -> tuple[Face, ...]:
    """Regular, bold, and what stands in for both; PdfMissing."""
    try:
        import uharfbuzz as hb  # noqa: PLC0415 - an extra

        places = {Path(str(one)).name: Path(str(one.locate())) for one in files(_PACKAGE) or ()}
        opened = {name: hb.Face(hb.Blob.from_file_path(str(places[name]))) for _, name, _ in (*_SETS, _REST)}
    except (ImportError, PackageNotFoundError, KeyError, OSError, hb_error()) as fault:
        raise PdfMissing from fault
    return tuple(_face(hb, name, opened[file], weight) for name, file, weight in (*_SETS, _REST))


def hb_error() -> type[Exception]:
    """What the library raises of a file that it cannot read; nothing where there is no library."""
    try:
        import uharfbuzz as hb  # noqa: PLC0415 - an extra
    except ImportError:
        return ImportError
    found: type[Exception] = hb.HarfBuzzError
    return found


def _face(hb: Any, name: str, face: Any, weight: int | None) -> Face:
    font = hb.Font(face)
    if weight is not None:
        font.set_variations({"wght": weight})
    extents = font.get_font_extents("ltr")
    return Face(name, face, font, weight, extents.ascender, extents.descender)
