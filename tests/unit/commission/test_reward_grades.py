"""Which grade somebody gets by rewards, whatever he had and whoever gave it to him."""

import pytest

from fenxiao.commission.domain.rewards import Promotion, Regrade, highest, regrade

RANKS = {"bronze": 1, "silver": 2, "gold": 3}


@pytest.mark.parametrize(
    ("current", "given", "wanted", "expected"),
    [
        (None, None, None, None),
        (None, None, "silver", Regrade("silver", None, Promotion("silver", None))),
        ("bronze", None, "silver", Regrade("silver", "bronze", Promotion("silver", "bronze"))),
        # He has as much by somebody's hand: that stays.
        ("silver", None, "silver", None),
        ("gold", None, "silver", None),
        ("gold", None, None, None),
        # What rewards have given they raise and lower, never below what he had.
        ("silver", Promotion("silver", None), "silver", None),
        ("silver", Promotion("silver", None), "gold", Regrade("gold", "silver", Promotion("gold", None))),
        ("gold", Promotion("gold", "bronze"), "silver", Regrade("silver", "gold", Promotion("silver", "bronze"))),
        ("gold", Promotion("gold", "bronze"), "bronze", Regrade("bronze", "gold", None)),
        ("gold", Promotion("gold", "bronze"), None, Regrade("bronze", "gold", None)),
        ("gold", Promotion("gold", None), None, Regrade(None, "gold", None)),
        # Somebody has given him another since: rewards have given nothing any more.
        ("bronze", Promotion("gold", None), None, None),
        ("gold", Promotion("silver", None), None, None),
        ("bronze", Promotion("gold", None), "silver", Regrade("silver", "bronze", Promotion("silver", "bronze"))),
        # A grade that there is not is none.
        ("gold", Promotion("gold", None), "platinum", Regrade(None, "gold", None)),
        (None, None, "platinum", None),
    ],
)  # fmt: skip
def test_rewards_change_only_what_they_have_given(
    current: str | None, given: Promotion | None, wanted: str | None, expected: Regrade | None
) -> None:
    assert regrade(current, given, wanted, RANKS) == expected


def test_the_highest_of_several_counts() -> None:
    assert highest(["bronze", None, "gold", "platinum", "silver"], RANKS) == "gold"
    assert highest([None, "platinum"], RANKS) is None
