"""The types of request fields: exact, strict, and with sentences that say what to do."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ValidationError

from fenxiao.infra import i18n
from fenxiao.infra.http.body import parse
from fenxiao.infra.http.fields import (
    MAX_ID,
    Amount,
    Body,
    Count,
    Day,
    Id,
    Items,
    Moment,
    RateText,
    items,
    minor,
)
from fenxiao.infra.http.problem import NotJson
from fenxiao.infra.http.validation import faulty, invalid
from fenxiao.kernel.errors import Invalid
from fenxiao.kernel.paging import Page


class Line(Body):
    product_id: Id
    quantity: Count


class Order(Body):
    """Every type at once; all optional."""

    lines: tuple[Line, ...] = ()
    flag: bool | None = None
    name: str | None = None
    whole: int | None = None
    price: Amount | None = None
    rate: RateText | None = None
    day: Day | None = None
    at: Moment | None = None
    kind: Literal["bank", "alipay"] | None = None
    extra: dict[str, Any] | None = None


def read(body: str) -> Order:
    return Order.model_validate(parse(body.encode()))


def faults(body: str, model: type[BaseModel] = Order) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(parse(body.encode()))
    refusal = invalid([{**error, "loc": ("body", *error["loc"])} for error in caught.value.errors()])
    return {error.field: i18n.field_message(error, "en") for error in refusal.errors}


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("500.00", "500.00"),
        ('"500.00"', "500.00"),
        ("0.1", "0.1"),
        ("7", "7"),
        ("-3.5", "-3.5"),
        ("5e2", "5E+2"),
        ('"007"', "7"),
    ],
)
def test_an_amount_is_exact(written: str, amount: str) -> None:
    price = read(f'{{"price": {written}}}').price
    assert type(price) is Decimal
    assert str(price) == amount


@pytest.mark.parametrize(
    "written",
    [
        "true",
        '"5e2"',
        '" 5"',
        '"5 "',
        '"٣"',
        '"1_000"',
        '"NaN"',
        '"1,000.00"',
        '""',
        "[]",
        "{}",
        '"+5"',
        '".5"',
        "1." + "0" * 40 + "1",
    ],
)
def test_what_is_no_amount_is_refused(written: str) -> None:
    assert list(faults(f'{{"price": {written}}}')) == ["price"]


def test_a_float_never_becomes_an_amount() -> None:
    with pytest.raises(ValidationError):
        Order.model_validate({"price": 0.1})


def test_amounts_become_minor_units_or_name_their_field() -> None:
    assert minor("price", Decimal("500.00"), "CNY") == 50000
    assert minor("price", Decimal("500.000"), "CNY") == 50000
    assert minor("price", 500, "JPY") == 500
    for value, currency, message in [
        ("0.001", "CNY", "CNY has 2 decimals; this amount has more."),
        ("0.5", "JPY", "JPY has 0 decimals; this amount has more."),
        ("1E+400", "CNY", "Send an amount as a number or a text"),
        (Decimal("1E+400"), "CNY", "This amount is too large."),
        (Decimal("1E-400"), "CNY", "CNY has 2 decimals; this amount has more."),
        (10**14, "CNY", "This amount is too large."),
        ("abc", "CNY", "Send an amount"),
        (Decimal("NaN"), "CNY", "Send an amount"),
    ]:
        with pytest.raises(Invalid) as caught:
            minor("lines.0.price", value, currency)
        assert caught.value.errors[0].field == "lines.0.price"
        assert i18n.field_message(caught.value.errors[0], "en").startswith(message)


@pytest.mark.parametrize(
    ("written", "rate"),
    [('"0.1"', "0.10"), ('"0.055"', "0.055"), ("0.1", "0.10"), ("1", "1.00"), ('"-0.5"', "-0.50")],
)
def test_rates_are_canonical(written: str, rate: str) -> None:
    assert read(f'{{"rate": {written}}}').rate == rate


@pytest.mark.parametrize("written", ["true", '"ten"', '"10%"', '""', '"NaN"', "1e30", '"' + "1" * 40 + '"'])
def test_what_is_no_rate_is_refused(written: str) -> None:
    assert list(faults(f'{{"rate": {written}}}')) == ["rate"]


def test_days_and_moments() -> None:
    order = read('{"day": "2024-09-13", "at": "2026-11-22T10:00:00.5+08:00"}')
    assert order.day == date(2024, 9, 13)
    assert order.at == datetime(2026, 11, 22, 2, 0, 0, 500_000, tzinfo=UTC)
    assert order.at.tzinfo is UTC
    assert read('{"at": "2026-11-22t10:00:00z"}').at == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert read('{"at": "2026-11-22T10:00:00 08:00"}').at == datetime(2026, 11, 22, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "1700000000",
        '"1700000000"',
        '"2024-02-30"',
        '"2024-9-1"',
        '"20240901"',
        '"2024-09-13T00:00:00"',
        "true",
    ],
)
def test_what_is_no_day_is_refused(written: str) -> None:
    assert list(faults(f'{{"day": {written}}}')) == ["day"]


@pytest.mark.parametrize(
    "written",
    [
        "1700000000",
        '"2026-11-22"',
        '"2026-11-22T10:00:00"',
        '"2026-11-22T25:00:00Z"',
        '"0001-01-01T00:00:00+14:00"',
    ],
)
def test_what_is_no_moment_is_refused(written: str) -> None:
    assert list(faults(f'{{"at": {written}}}')) == ["at"]


@pytest.mark.parametrize("written", ["true", '"7"', "7.0", "null", "0", "-1", str(MAX_ID + 1), "9" * 400])
def test_an_id_is_a_whole_number_in_range(written: str) -> None:
    assert list(faults(f'{{"lines": [{{"product_id": {written}, "quantity": 1}}]}}')) == [
        "lines.0.product_id"
    ]


def test_plain_types_are_strict_too() -> None:
    assert faults('{"flag": 1, "name": 5, "whole": true}') == {
        "flag": "Send true or false.",
        "name": "Send a text in quotes.",
        "whole": "Send a whole number, such as 10.",
    }
    assert faults('{"whole": "5"}').keys() == {"whole"}
    assert read('{"flag": true, "name": "", "whole": 5, "extra": {"a": [1.5]}}').extra == {
        "a": [Decimal("1.5")]
    }


def test_typing_errors_say_what_to_do() -> None:
    assert faults('{"quantity": 1, "lines": [{"product_id": 1}], "kind": "cash"}') == {
        "lines.0.quantity": "This field is required.",
        "kind": "Send one of: bank, alipay.",
        "quantity": "There is no such field; check its spelling.",
    }
    assert faults("[]") == {"body": "Send an object in curly brackets."}


def test_a_body_that_was_not_sent_as_json_is_told_so() -> None:
    assert isinstance(invalid([{"type": "model_attributes_type", "loc": ("body",), "input": b"{}"}]), NotJson)


def test_messages_of_our_own_validators() -> None:
    error = faulty("At least {least}.", least=3)
    assert invalid([{"type": error.type, "loc": ("body", "a"), "ctx": error.context}]).errors[0].params == {
        "least": 3
    }
    plain = invalid([{"type": "value_error", "loc": ("query", "a"), "ctx": {"error": ValueError("Not so.")}}])
    assert (plain.errors[0].field, plain.errors[0].message) == ("a", "Not so.")
    assert (
        invalid([{"type": "never_heard", "loc": ("path", "a")}]).errors[0].message
        == "This value is not valid."
    )


def test_a_page_takes_its_items_shape() -> None:
    page = items(Page(items=(1, 2), next_cursor="abc"), ["a", "b"])
    assert page == Items(items=["a", "b"], next_cursor="abc")
    assert page.model_dump(mode="json") == {"items": ["a", "b"], "next_cursor": "abc"}
