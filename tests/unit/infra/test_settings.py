"""How long things are kept: each setting has its bounds, and the law's are not to be undercut."""

import pytest

from fenxiao.infra.settings import SettingsError, load

DAYS = ("KEYS", "EVENTS", "DELIVERIES", "NOTICES", "SIMULATIONS")


def test_what_is_kept_for_how_long() -> None:
    given = {f"FENXIAO_KEEP_{name}_DAYS": str(place) for place, name in enumerate(DAYS, 1)}
    found = load({**given, "FENXIAO_KEEP_BUYERS_YEARS": "3"})
    days = [getattr(found, f"keep_{name.lower()}_days") for name in DAYS]
    assert (days, found.keep_buyers_years) == ([1, 2, 3, 4, 5], 3)
    fresh = load({})
    days = [getattr(fresh, f"keep_{name.lower()}_days") for name in DAYS]
    assert (days, fresh.keep_buyers_years) == ([30, 30, 30, 365, None], None)


@pytest.mark.parametrize("name", DAYS)
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "for ever", "100000"])
def test_days_that_make_no_sense_are_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"FENXIAO_KEEP_{name}_DAYS is '{value}'; it takes"):
        load({f"FENXIAO_KEEP_{name}_DAYS": value})


@pytest.mark.parametrize("value", ["0", "1", "2"])
def test_trade_records_are_kept_at_least_three_years(value: str) -> None:
    with pytest.raises(SettingsError, match=r"at least 3 years after the trade \(电子商务法 art. 31\)"):
        load({"FENXIAO_KEEP_BUYERS_YEARS": value})


@pytest.mark.parametrize("value", ["-3", "3.5", "101", "long"])
def test_years_that_make_no_sense_are_named(value: str) -> None:
    with pytest.raises(SettingsError, match=r"FENXIAO_KEEP_BUYERS_YEARS is .* from 3 to 100"):
        load({"FENXIAO_KEEP_BUYERS_YEARS": value})
