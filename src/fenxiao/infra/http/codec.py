"""Values of an api as JSON and back, by their type hints; what crosses between services is defined here.

Rules for authors of `api.py`:

* Values are frozen dataclasses (generic ones such as `Page[Order]` too), `int`, `str`, `bool`, `None`, `bytes`,
  `datetime` (aware, arrives in UTC), `date`, `Decimal`, `Fraction`, `UUID`, enums, `Literal`, `NewType`s of these,
  and `list`, `tuple`, `set`, `frozenset`, `Sequence`, `dict`, `Mapping` (keys: text or integers) of them.
  `Any` is plain JSON data: text, integers, truth values, None, lists, dicts. There are no floats.
* A union may join dataclasses and refusal classes, each marked by its class name, so the names in one union
  differ; with them or without, integers, texts, truth values and `None`: `Held | OutOfStock`, `OrderId | Refusal`.
* A refusal is a value where the answer's type says so, and an exception where it is raised; both arrive as an
  equal instance of the same class. Its parameters and those of its field errors are texts and integers.
* A field with a default may be missing in what arrives, an unknown one is ignored: so services of two
  versions understand each other during an update.

A hint outside these rules is a TypeError when the router or the client is built, never a surprise in a call.
"""

import base64
import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Literal, NewType, TypeVar
from uuid import UUID

from fenxiao.kernel.errors import FieldError, Refusal, refusals

MARK = "_"
"""The member that names the class of a union's value."""


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type travel: `encode` to plain JSON data, `decode` from it (TypeError or ValueError if unfit)."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


class Unfit(TypeError):  # noqa: N818 - says what it is
    """What arrived or is to be sent is not a value of the declared type."""


def codec(hint: Any) -> Codec:
    """The codec of a type; TypeError for a type that does not travel."""
    return _Builder().build(hint, {})


def _exactly(kind: type) -> Codec:
    def check(value: Any) -> Any:
        # type() and not isinstance(): True is an int for Python, not for the api.
        if type(value) is not kind:
            raise Unfit(f"{kind.__name__} expected, {type(value).__name__} given")
        return value

    return Codec(check, check)


def _moment_out(value: datetime) -> str:
    if value.tzinfo is None:
        raise Unfit("a time needs an offset")
    return value.astimezone(UTC).isoformat()


_SIMPLE: dict[Any, Codec] = {
    int: _exactly(int),
    str: _exactly(str),
    bool: _exactly(bool),
    type(None): _exactly(type(None)),
    Any: Codec(lambda value: value, lambda value: value),
    object: Codec(lambda value: value, lambda value: value),
    bytes: Codec(
        lambda value: base64.b64encode(value).decode(), lambda text: base64.b64decode(text, validate=True)
    ),
    datetime: Codec(_moment_out, lambda text: datetime.fromisoformat(text).astimezone(UTC)),
    date: Codec(lambda value: value.isoformat(), date.fromisoformat),
    Decimal: Codec(str, Decimal),
    Fraction: Codec(str, Fraction),
    UUID: Codec(str, UUID),
}
_LISTS: dict[Any, Callable[[Any], Any]] = {list: list, set: set, frozenset: frozenset, Sequence: tuple}


class _Builder:
    """Builds codecs; remembers dataclasses, so that one may hold itself (a tree)."""

    def __init__(self) -> None:
        self._known: dict[Any, list[Codec]] = {}

    def build(self, hint: Any, bound: Mapping[Any, Any]) -> Codec:
        """The codec of a hint; `bound` says what the type variables of a generic dataclass stand for."""
        hint = bound.get(hint, hint) if isinstance(hint, TypeVar) else hint
        hint = _plain(hint)
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self.build(args[0], bound)
        if origin is Literal:
            return _literal(args)
        if origin in {typing.Union, types.UnionType}:
            return self._union(args, bound)
        return _SIMPLE[hint] if hint in _SIMPLE else self._class_or_collection(hint, bound)

    def _class_or_collection(self, hint: Any, bound: Mapping[Any, Any]) -> Codec:
        if dataclasses.is_dataclass(typing.get_origin(hint) or hint):
            return self._dataclass(hint, bound)
        if isinstance(hint, type) and issubclass(hint, Refusal):
            return Codec(refusal_out, refusal_in)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return Codec(lambda value: hint(value).value, hint)
        return self._collection(hint, typing.get_origin(hint), typing.get_args(hint), bound)

    def _collection(self, hint: Any, origin: Any, args: tuple[Any, ...], bound: Mapping[Any, Any]) -> Codec:
        if origin is tuple and args[-1:] != (Ellipsis,):
            return _fixed_tuple([self.build(arg, bound) for arg in args])
        if origin is tuple or origin in _LISTS:
            return _many(self.build(args[0], bound), _LISTS.get(origin, tuple))
        if origin in (dict, Mapping) and _plain(args[0]) in (str, int):
            return _dict(self.build(args[1], bound), _plain(args[0]))
        raise TypeError(f"{hint!r} does not travel between services; see fenxiao.infra.http.codec")

    def _union(self, args: tuple[Any, ...], bound: Mapping[Any, Any]) -> Codec:
        members = [arg for arg in args if arg is not type(None)]
        optional = len(members) < len(args)
        if len(members) == 1:
            inner = self.build(members[0], bound)
        else:
            atoms = [_plain(member) for member in members if _plain(member) in (str, int, bool)]
            others = [member for member in members if _plain(member) not in (str, int, bool)]
            inner = _either(frozenset(atoms), self._tagged(others, bound))
        return _optional(inner) if optional else inner

    def _tagged(self, members: list[Any], bound: Mapping[Any, Any]) -> Codec:
        classes = {_class(member): self.build(member, bound) for member in members}
        by_name = {kind.__name__: inner for kind, inner in classes.items()}
        if len(by_name) != len(members):
            raise TypeError(f"two classes of one union bear the same name: {members!r}")

        def encode(value: Any) -> Any:
            for kind in type(value).__mro__:
                if kind in classes:
                    return {MARK: kind.__name__, **classes[kind].encode(value)}
            raise Unfit(f"{type(value).__name__} is not in the union {sorted(by_name)}")

        def decode(data: Any) -> Any:
            inner = by_name.get(str(data.get(MARK))) if isinstance(data, dict) else None
            if inner is None:
                raise Unfit(f"one of {sorted(by_name)} expected")
            return inner.decode(data)

        return Codec(encode, decode)

    def _dataclass(self, hint: Any, bound: Mapping[Any, Any]) -> Codec:
        kind: Any = typing.get_origin(hint) or hint
        args = tuple(bound.get(arg, arg) for arg in typing.get_args(hint))
        key = (kind, args)
        if key in self._known:
            cell = self._known[key]
            # The cell is filled when the outer build is done, so it is looked into only when a value comes.
            return Codec(lambda value: cell[0].encode(value), lambda data: cell[0].decode(data))  # noqa: PLW0108
        self._known[key] = cell = []
        inside = dict(zip(getattr(kind, "__parameters__", ()), args, strict=False))
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = {
            field.name: self.build(hints[field.name], inside)
            for field in dataclasses.fields(kind)
            if field.init
        }
        cell.append(_object(kind, fields))
        return cell[0]


def _object(kind: Any, fields: Mapping[str, Codec]) -> Codec:
    encoders = [(name, inner.encode) for name, inner in fields.items()]

    def encode(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Unfit(f"{kind.__name__} expected, {type(value).__name__} given")
        return {name: to_plain(getattr(value, name)) for name, to_plain in encoders}

    def decode(data: Any) -> Any:
        if not isinstance(data, dict):
            raise Unfit(f"an object for {kind.__name__} expected")
        # A field that is missing and has no default makes the constructor raise TypeError.
        return kind(**{name: fields[name].decode(value) for name, value in data.items() if name in fields})

    return Codec(encode, decode)


def _many(inner: Codec, collect: Callable[[Any], Any]) -> Codec:
    def decode(data: Any) -> Any:
        if not isinstance(data, list):
            raise Unfit("a list expected")
        return collect(map(inner.decode, data))

    return Codec(lambda value: [inner.encode(item) for item in value], decode)


def _fixed_tuple(inner: list[Codec]) -> Codec:
    return Codec(
        lambda value: [each.encode(item) for each, item in zip(inner, value, strict=True)],
        lambda data: tuple(each.decode(item) for each, item in zip(inner, data, strict=True)),
    )


def _dict(inner: Codec, key: Callable[[str], Any]) -> Codec:
    return Codec(
        lambda value: {str(name): inner.encode(item) for name, item in value.items()},
        lambda data: {key(name): inner.decode(item) for name, item in data.items()},
    )


def _optional(inner: Codec) -> Codec:
    return Codec(
        lambda value: None if value is None else inner.encode(value),
        lambda data: None if data is None else inner.decode(data),
    )


def _either(atoms: frozenset[type], marked: Codec) -> Codec:
    return Codec(
        lambda value: value if type(value) in atoms else marked.encode(value),
        lambda data: data if type(data) in atoms else marked.decode(data),
    )


def _literal(choices: tuple[Any, ...]) -> Codec:
    def check(value: Any) -> Any:
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            raise Unfit(f"one of {choices} expected")
        return value

    return Codec(check, check)


def _plain(hint: Any) -> Any:
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


def _class(member: Any) -> type:
    kind = typing.get_origin(member) or member
    if not isinstance(kind, type) or not (dataclasses.is_dataclass(kind) or issubclass(kind, Refusal)):
        raise TypeError(
            f"{member!r} cannot be told apart in a union; join dataclasses, refusals, int, str and bool only"
        )
    return kind


def refusal_out(refusal: Refusal) -> dict[str, Any]:
    """A refusal as plain data: its code, its class, its parameters and its field errors."""
    return {
        "code": refusal.code,
        "status": refusal.status,
        "module": type(refusal).__module__,
        "name": type(refusal).__qualname__,
        "params": dict(refusal.params),
        "errors": [
            [error.field, error.message, None if error.params is None else dict(error.params)]
            for error in refusal.errors
        ],
        "message": refusal.message(),
    }


def refusal_in(data: Mapping[str, Any]) -> Refusal:
    """The refusal that `refusal_out` described, of the same class where this process knows it."""
    kind = _refusal_class(data["code"], data["module"], data["name"])
    if kind is None:
        # The other side is newer: keep what it says, under a class of that code.
        body = {
            "code": data["code"],
            "status": data["status"],
            "__doc__": data["message"].replace("{", "(").replace("}", ")"),
        }
        kind = type(data["name"], (Refusal,), body)
    errors = tuple(FieldError(field, message, params) for field, message, params in data["errors"])
    return kind(errors=errors, **data["params"])


def _refusal_class(code: str, module: str, name: str) -> type[Refusal] | None:
    kinds = [kind for kind in refusals() if kind.code == code]
    # The very class; else one of that name, for a class that has moved since; else any that means the same.
    exact = [kind for kind in kinds if (kind.__module__, kind.__qualname__) == (module, name)]
    return next(iter([*exact, *(kind for kind in kinds if kind.__qualname__ == name), *kinds]), None)
