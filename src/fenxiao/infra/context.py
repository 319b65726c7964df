"""Who is asking, in what language, under which request id: what travels with a request through every layer.

Set once at the edge (HTTP, a consumer, a job, the command line), read by logging, `begin()` and far calls.
The object is mutable and shared by reference: a task that is started for a request inherits a copy of the
context variables, yet marks the same object, so that `replayed` set deep inside is seen by the edge.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from fenxiao.kernel.i18n import Language


@dataclass(slots=True)
class RequestContext:
    """One request's surroundings.

    `actor` is "account:12", "system", "import" or "anonymous"; `replayed` says that the answer is the kept one
    of an earlier request with the same Idempotency-Key; `traceparent` is the W3C trace context, if any.
    """

    request_id: str = ""
    actor: str = "system"
    language: Language = "en"
    replayed: bool = False
    traceparent: str | None = None


_context: ContextVar[RequestContext | None] = ContextVar("fenxiao_request", default=None)


def current() -> RequestContext:
    """The present request's context; outside of any, a fresh one of the system, which nobody else shares."""
    return _context.get() or RequestContext()


def become(context: RequestContext) -> None:
    """Make `context` the current one to the end of this task, which was started for it alone."""
    _context.set(context)


@contextmanager
def use(context: RequestContext) -> Iterator[RequestContext]:
    """Make `context` the current one inside the block, in this task and in those it starts."""
    token = _context.set(context)
    try:
        yield context
    finally:
        _context.reset(token)
