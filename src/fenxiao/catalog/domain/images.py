"""Pictures of a product: a list in the order in which they are shown, the first one in lists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_IMAGES = 20
MAX_ADDRESS = 2048
MAX_ALT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """商品图片: its address, and a sentence for those who cannot see it."""

    url: str
    alt: str | None = None


def is_address(url: str) -> bool:
    """Whether it is a full address of the web, without spaces."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and not any(character.isspace() for character in url)
    )


def first(images: Sequence[Image]) -> str | None:
    """The address of the first picture."""
    return images[0].url if images else None


def led_by(images: Sequence[Image], url: str | None) -> tuple[Image, ...]:
    """The pictures when the first is to be this one: it takes the place of the first, or is moved there.

    Without an address there are no pictures at all: a product whose first picture is taken away would else show
    another one that nobody has chosen for it.
    """
    if url is None:
        return ()
    if first(images) == url:
        return tuple(images)
    leading = next((image for image in images if image.url == url), Image(url=url))
    return (leading, *(image for image in images[1:] if image.url != url))


def repeated(images: Iterable[Image]) -> int | None:
    """The place of the first picture that stands there before already."""
    seen: set[str] = set()
    for place, image in enumerate(images):
        if image.url in seen:
            return place
        seen.add(image.url)
    return None
