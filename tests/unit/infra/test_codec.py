"""What crosses between services arrives as what was sent; what does not travel is refused when it is declared."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, Literal, Protocol, TypeVar
from uuid import UUID

import msgspec
import pytest

from fenxiao.infra.http.codec import Unfit, codec, refusal_in, refusal_out
from fenxiao.infra.http.remote import methods
from fenxiao.kernel.errors import Conflict, FieldError, Invalid, KeyBusy, NotFound, Refusal
from fenxiao.kernel.ids import OrderId
from fenxiao.kernel.paging import Page


class Colour(Enum):
    RED = "red"


class TooFew(Conflict):
    """Only {left} of {name} are left."""

    code = "too-few"


class StillFewer(TooFew):
    """Fewer than {left}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    hold_id: int
    order_id: OrderId
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    place: int


@dataclass(frozen=True)
class Node:
    name: str
    below: tuple["Node", ...] = ()
    answer: "Held | Waiting | None" = None
    length: int = field(init=False, default=0)


def travel(hint: Any, value: Any) -> Any:
    through = codec(hint)
    return through.decode(msgspec.json.decode(msgspec.json.encode(through.encode(value))))


HELD = Held(hold_id=1, order_id=OrderId(5), until=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, 10**15),
        (str, "面粉"),
        (bool, False),
        (type(None), None),
        (bytes, b"\x00\xff"),
        (OrderId, 5),
        (Annotated[int, "units"], 5),
        (datetime, datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
        (date, date(2026, 1, 2)),
        (Decimal, Decimal("1.10")),
        (Fraction, Fraction(11, 200)),
        (UUID, UUID(int=7)),
        (Colour, Colour.RED),
        (Literal["a", 1], 1),
        (list[int], [1, 2]),
        (tuple[int, ...], (1, 2)),
        (tuple[OrderId, str], (5, "x")),
        (frozenset[str], frozenset({"a"})),
        (set[int], {3}),
        (Sequence[int], (1, 2)),
        (dict[str, int | None], {"a": None, "b": 1}),
        (Mapping[OrderId, Held], {5: HELD}),
        (dict[str, Any], {"plan": [1, "x", None, {"deep": True}]}),
        (int | str, "5"),
        (int | None, None),
        (Held, HELD),
        (list[Held | Waiting], [HELD, Waiting(3)]),
        (Held | Waiting | None, None),
        (OrderId | Waiting, 5),
        (OrderId | Waiting, Waiting(5)),
        (bool | int | Waiting, True),
        (Node, Node("a", (Node("b", answer=HELD), Node("c", answer=Waiting(1))))),
        (Page[Held], Page(items=(HELD,), next_cursor="abc")),
        (Page[Held | Waiting], Page(items=(HELD, Waiting(1)), next_cursor=None)),
        (Page[Page[int]], Page(items=(Page(items=(1,), next_cursor=None),), next_cursor=None)),
    ],
)
def test_values_arrive_as_they_were_sent(hint: Any, value: Any) -> None:
    arrived = travel(hint, value)
    assert arrived == value
    assert type(arrived) is type(value)


def test_a_time_arrives_in_utc() -> None:
    sent = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert travel(datetime, sent) == sent
    assert travel(datetime, sent).tzinfo is UTC
    with pytest.raises(Unfit, match="offset"):
        travel(datetime, datetime(2026, 1, 1))  # noqa: DTZ001


REFUSALS = [
    TooFew(left=3, name="面粉"),
    NotFound(thing="order"),
    KeyBusy(),
    Invalid(
        errors=(FieldError("lines.0.quantity", "At least {least}.", {"least": 1}), FieldError("a", "No."))
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.code)
def test_refusals_are_values_too(refusal: Refusal) -> None:
    arrived = travel(list[Held | Refusal], [HELD, refusal])[1]
    assert type(arrived) is type(refusal)
    assert (arrived.params, arrived.errors, arrived.message()) == (
        refusal.params,
        refusal.errors,
        refusal.message(),
    )


def test_a_union_may_name_the_refusals_it_joins() -> None:
    assert type(travel(Held | TooFew, TooFew(left=1))) is TooFew
    assert type(travel(Held | TooFew, StillFewer(left=1))) is StillFewer
    with pytest.raises(Unfit):
        travel(Held | TooFew, NotFound())


def test_a_refusal_of_a_newer_service_keeps_what_it_says() -> None:
    data = json.loads(json.dumps(refusal_out(TooFew(left=3, name="x"))))
    data.update(code="sold-to-the-moon", name="SoldToTheMoon", status=410, message="Gone {up}.")
    arrived = refusal_in(data)
    assert (arrived.code, arrived.status, arrived.message()) == ("sold-to-the-moon", 410, "Gone (up).")


def test_refusals_of_one_code_and_name_stay_apart() -> None:
    class Elsewhere(Conflict):
        """Another text."""

        code = "too-few"

    Elsewhere.__qualname__ = "TooFew"
    Elsewhere.__module__ = "elsewhere"
    assert type(travel(list[Held | Refusal], [Elsewhere()])[0]) is Elsewhere
    assert type(travel(list[Held | Refusal], [TooFew(left=1)])[0]) is TooFew
    moved = {**refusal_out(TooFew(left=1)), "module": "an.older.place"}
    assert refusal_in(moved).code == "too-few"


def test_services_of_two_versions_understand_each_other() -> None:
    through = codec(Held)
    assert through.decode({"hold_id": 1, "order_id": 5, "colour": "unknown here"}) == Held(
        hold_id=1, order_id=OrderId(5)
    )
    with pytest.raises(TypeError):
        through.decode({"hold_id": 1})


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, True),
        (int, "1"),
        (int, Decimal(1)),
        (str, 1),
        (bool, 1),
        (Held, Waiting(1)),
        (Held | Waiting, "x"),
        (list[int], ["x"]),
        (Literal["a"], "b"),
        (Literal[1], True),
        (tuple[int, int], (1,)),
        (Colour, "blue"),
        (OrderId | Refusal, "x"),
    ],
)
def test_what_is_not_of_the_declared_type_is_not_sent(hint: Any, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        codec(hint).encode(value)


@pytest.mark.parametrize(
    ("hint", "data"),
    [
        (int, 1.5),
        (int, None),
        (list[int], {"a": 1}),
        (Held, []),
        (Held | Waiting, {"place": 1}),
        (Held | Waiting, {"_": "Held"}),
        (Held | Waiting, {"_": "Elsewhere", "place": 1}),
        (Held | Waiting, {"_": ["Held"]}),
        (bytes, "not base64!"),
        (datetime, "yesterday"),
        (Literal["a"], "b"),
    ],
)
def test_what_is_not_of_the_declared_type_is_not_taken(hint: Any, data: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        codec(hint).decode(data)


Free = TypeVar("Free")


@pytest.mark.parametrize(
    "hint",
    [
        float,
        complex,
        Held | list[int],
        list,
        dict[Held, int],
        type,
        object(),
        Sequence[float],
        Free,
        Held | dict[str, int],
    ],
)
def test_types_that_do_not_travel_are_refused(hint: Any) -> None:
    with pytest.raises(TypeError):
        codec(hint)


class Fine(Protocol):
    async def ask(self, *, ids: Sequence[int], at: datetime | None = None) -> list[Held | Refusal]: ...

    async def forget(self) -> None: ...


class NotAsync(Protocol):
    def ask(self, *, a: int) -> int: ...


class Positional(Protocol):
    async def ask(self, a: int) -> int: ...


class Bare(Protocol):
    async def ask(self, *, a) -> int: ...


class Silent(Protocol):
    async def ask(self, *, a: int): ...


class Untravelled(Protocol):
    async def ask(self, *, a: float) -> int: ...


def test_an_api_is_read_from_its_protocol() -> None:
    known = methods(Fine)
    assert sorted(known) == ["ask", "forget"]
    assert known["ask"].unpack(known["ask"].pack({"ids": [1]})) == {"ids": (1,)}
    with pytest.raises(TypeError, match="ids"):
        known["ask"].pack({})
    with pytest.raises(TypeError, match="colour"):
        known["ask"].pack({"ids": [], "colour": 1})


@pytest.mark.parametrize("protocol", [NotAsync, Positional, Bare, Silent, Untravelled])
def test_an_api_that_cannot_travel_is_named(protocol: type) -> None:
    with pytest.raises(TypeError, match=f"{protocol.__name__}.ask"):
        methods(protocol)
