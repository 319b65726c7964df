"""A consumer: a name, the events it wants, and what it does with a batch of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from fenxiao.infra.db.database import Database
from fenxiao.infra.db.inbox import Delivery
from fenxiao.kernel.events import Envelope, Event

E = TypeVar("E", bound=Event)
Handler = Callable[[Delivery], Awaitable[None]]
"""Deals with a batch in one transaction of its own, opened by `begin(once=delivery)`.

It may be called again with the same batch, with a part of it, or with its events in another order.
"""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One listener of a context. `name` is unique in the system and stays: the inbox knows events by it."""

    name: str
    events: tuple[type[Event], ...]
    handle: Handler
    db: Database


def decode(envelope: Envelope, kind: type[E]) -> E:
    """The event in an envelope, as the dataclass that its owner publishes."""
    return msgspec.convert(envelope.data, kind)
