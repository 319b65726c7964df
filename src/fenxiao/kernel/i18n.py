"""Languages and texts: a text is written in English, its translation is looked up by that English text."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Catalogue = Mapping[str, str]


def preferred(accept_language: str) -> Language:
    """The best of our languages for an Accept-Language header (RFC 9110 §12.5.4); English when none fits."""
    best: Language = "en"
    best_weight = 0.0
    for part in accept_language.split(","):
        tag, _, rest = part.strip().partition(";")
        weight = _weight(rest)
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    _, _, text = parameters.partition("q=")
    if not text:
        return 1.0
    whole, _, decimals = text.strip().partition(".")
    digits = (whole + decimals)[:4]
    return int(digits) / 10 ** (len(digits) - len(whole)) if digits.isdigit() else 0.0
