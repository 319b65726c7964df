"""Texts in the reader's language: templates are written in English and looked up by that English text.

Translations are gettext catalogues, one file per context (`locale/zh/<context>.po`), so that people who
add texts do not meet in one file. They are read when the first text in that language is needed.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from fenxiao.kernel.errors import FieldError, Refusal
from fenxiao.kernel.i18n import Catalogue, Language

LOCALE = Path(__file__).resolve().parent.parent / "locale"
"""The folder of the catalogues."""

TAGS: Mapping[Language, str] = {"en": "en", "zh": "zh-CN"}
"""The BCP 47 tag of each language, for Content-Language."""


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@lru_cache(maxsize=8)
def catalogue(language: Language) -> Catalogue:
    """Every translation into the language; empty for English, the language the texts are written in.

    ValueError if two files translate one text differently: which one a reader saw would depend on file order.
    """
    if language == "en":
        return {}
    # Imported here: start-up does not pay for a language nobody has asked for yet.
    from babel.messages.pofile import read_po  # noqa: PLC0415

    merged: dict[str, str] = {}
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                if not isinstance(message.id, str) or not message.id or not message.string or message.fuzzy:
                    continue
                text = str(message.string)
                if merged.setdefault(message.id, text) != text:
                    fault = f"{path.name} translates {message.id!r} in another way than an earlier file"
                    raise ValueError(fault)
    return merged


def translate(template: str, language: Language) -> str:
    """The template in the language; the English one where a translation is missing."""
    return catalogue(language).get(template, template)


def render(template: str, params: Mapping[str, Any] | None, language: Language) -> str:
    """The translated template with its `{names}` filled; a name without a value stays as it is."""
    return translate(template, language).format_map(_Lenient(params or {}))


def title(refusal: Refusal | type[Refusal], language: Language) -> str:
    """The short name of a refusal: its code as words ("out-of-stock" is "Out of stock"), translated."""
    return translate(english_title(refusal), language)


def english_title(refusal: Refusal | type[Refusal]) -> str:
    """The key under which the title is translated."""
    return refusal.code.replace("-", " ").capitalize()


def detail(refusal: Refusal, language: Language) -> str:
    """The refusal's message."""
    return render(refusal.template(), refusal.params, language)


def field_message(error: FieldError, language: Language) -> str:
    """The message of one faulty field."""
    return render(error.message, error.params, language)
