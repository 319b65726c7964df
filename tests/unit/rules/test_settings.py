"""What the server's settings say about publishing."""

import pytest

from fenxiao.infra.settings import SettingsError, load


def test_who_must_approve_a_plan() -> None:
    assert load({}).plan_approval == load({"FENXIAO_PLAN_APPROVAL": ""}).plan_approval == "none"
    assert load({"FENXIAO_PLAN_APPROVAL": "second-person"}).plan_approval == "second-person"
    for wrong in ("two", "NONE", "true"):
        with pytest.raises(SettingsError, match=r"FENXIAO_PLAN_APPROVAL is .* none or second-person"):
            load({"FENXIAO_PLAN_APPROVAL": wrong})


def test_the_notice_is_a_number_of_days() -> None:
    assert (load({}).min_notice_days, load({"FENXIAO_MIN_NOTICE_DAYS": "7"}).min_notice_days) == (0, 7)
    with pytest.raises(SettingsError, match="FENXIAO_MIN_NOTICE_DAYS"):
        load({"FENXIAO_MIN_NOTICE_DAYS": "-1"})
