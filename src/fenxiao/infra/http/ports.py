"""Ports: what a context holds of another one. Called inside a transaction, a port raises.

A call to another context inside `begin()` would hold locks for as long as the other takes, and could not be
undone by rolling back; near it would seem to work, far it would stand still under load. So it never works.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

from fenxiao.infra.context import current, use
from fenxiao.infra.db.transaction import in_transaction

Port = TypeVar("Port")


class CalledInsideTransaction(RuntimeError):  # noqa: N818 - says what happened
    """A port was called inside begin(); gather before the transaction, or emit an event."""


def guard(port: Port) -> Port:
    """The same api, near or far, whose methods refuse to be called inside a transaction."""
    return cast("Port", _Guarded(port))


class _Guarded:
    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)
        if not callable(member):
            return member
        guarded = _guarded(member, f"{type(self._port).__name__}.{name}")
        # Kept, so that the next call finds it without coming here.
        self.__dict__[name] = guarded
        return guarded


def _guarded(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        if in_transaction.get():
            raise CalledInsideTransaction(name)
        # The callee's own replay (a hold that it finds again) is not a replay of our request: far away it could not
        # mark our context either.
        with use(replace(current(), replayed=False)):
            return await method(*args, **kwargs)

    return call
