"""Values are equal and have the same hash by what is in them, and are as small as they look."""

import pytest

from fenxiao.kernel.values import value


@value()
class Place:
    """Two numbers."""

    level: int
    person: int


@value(kw_only=True)
class Named:
    """By name alone."""

    name: str = "nobody"


def test_values_are_told_apart_by_what_is_in_them() -> None:
    assert Place(1, 7) == Place(1, 7) != Place(7, 1)
    assert {Place(1, 7): "C"}[Place(1, 7)] == "C"
    assert not hasattr(Place(1, 7), "__dict__")


def test_values_by_name() -> None:
    assert Named() == Named(name="nobody")
    with pytest.raises(TypeError):
        Named("somebody")  # type: ignore[call-arg]
