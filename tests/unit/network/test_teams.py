"""What a team may be called, and how deep teams may stand."""

import pytest

from fenxiao.network.domain.teams import MAX_LEVELS, NAME_CHARACTERS, TeamsTooDeep, level_below, name_faults


@pytest.mark.parametrize("name", ["华东", " a team ", "x" * NAME_CHARACTERS])
def test_a_name_is_visible_characters(name: str) -> None:
    assert name_faults(name) == ()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "x" * (NAME_CHARACTERS + 1)])
def test_what_is_no_name_is_refused_by_its_field(name: str) -> None:
    (fault,) = name_faults(name)
    assert (fault.field, fault.params) == ("name", {"most": NAME_CHARACTERS})


@pytest.mark.parametrize(
    ("parent", "below", "level"), [(None, 0, 1), (1, 0, 2), (MAX_LEVELS - 1, 0, MAX_LEVELS), (3, 46, 4)]
)
def test_a_team_stands_one_level_below_its_parent(parent: int | None, below: int, level: int) -> None:
    assert level_below(parent, below) == level


@pytest.mark.parametrize(("parent", "below"), [(MAX_LEVELS, 0), (None, MAX_LEVELS), (3, 47)])
def test_nothing_stands_too_deep(parent: int | None, below: int) -> None:
    with pytest.raises(TeamsTooDeep):
        level_below(parent, below)
