"""Patience (让步): long work gives way to requests, inside the database too.

A settlement of a million entries keeps two backends of PostgreSQL busy for as long as it takes, and a request that needs
a hundredth of a second of two cores would wait for its share of them among equals. So what a run asks of the database
goes over connections of its own, whose backends have a lower priority where they are processes of this machine.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

import asyncpg

NICENESS = 10
"""By how much less of a processor that is wanted by others such a backend gets: about a tenth of their share."""

_patient: ContextVar[bool] = ContextVar("fenxiao_patient", default=False)


def patient() -> bool:
    """Whether what is asked of the database now can wait."""
    return _patient.get()


@contextmanager
def patiently() -> Iterator[None]:
    """Let everybody else go first with whatever is asked of any database inside the block."""
    token = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(token)


def lower(connection: asyncpg.Connection) -> None:
    """Lower the priority of a connection's backend, for good: it takes a privilege to raise it again."""
    # Gone already, or of a user whose processes are not ours to order about: then it runs as everybody else.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, connection.get_server_pid(), NICENESS)
