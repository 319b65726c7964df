"""What a check of a plan answers: a stable code, a text with its values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenxiao.engine.texts import say
from fenxiao.kernel.i18n import Language


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found; `message` is an English template that `params` fill."""

    code: str
    message: str
    params: Mapping[str, Any]

    def text(self, language: Language) -> str:
        """The finding in the reader's language."""
        return say(language, self.message, **self.params)
