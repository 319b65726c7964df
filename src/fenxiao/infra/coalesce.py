"""Coalescing: requests that arrive while a batch is in flight form the next batch.

Nobody waits for a timer: an idle coalescer starts at once with what it has. Under load, the batch grows
to what arrived meanwhile, so the database does one round trip for many requests.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Coalescer(Generic[Q, A]):
    """Turns single questions into batches for a plural use case, and gives each asker its own answer.

    `work` answers a list in the order of its questions; an answer that is an exception is raised to its
    asker alone. An exception of `work` itself goes to every asker of that batch. With more than one of
    `flights`, that many batches are under way at a time: while one waits for the disk, the next is prepared.
    """

    def __init__(
        self,
        work: Callable[[list[Q]], Awaitable[Sequence[A | Exception]]],
        *,
        most: int = 64,
        flights: int = 1,
    ) -> None:
        self._work = work
        self._most = most
        self._most_flights = flights
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._underway = 0
        self._starting = False
        # The loop itself holds tasks by weak references only.
        self._flights: set[asyncio.Task[None]] = set()

    async def __call__(self, question: Q) -> A:
        """Ask one question; it may travel with others."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if not self._starting:
            # At the end of this round of the event loop: all that it has read from the sockets travels together.
            self._starting = True
            asyncio.get_running_loop().call_soon(self._start)
        return await answer

    def _start(self) -> None:
        """Send off whoever should not wait for the batches under way.

        Beside others a batch starts when it is nearly as large as what is under way: a batch costs about as much as a
        dozen of its questions, so one that leaves with the first to come would only be in the way of all others.
        """
        self._starting = False
        while (
            self._waiting
            and len(self._flights) < self._most_flights
            and len(self._waiting) * 4 >= self._underway * 3
        ):
            # A fair share, or the first flight would take all and the second what is left over.
            share = -(-(len(self._waiting) + self._underway) // self._most_flights)
            size = min(share, len(self._waiting), self._most)
            batch = [self._waiting.popleft() for _ in range(size)]
            flight = asyncio.create_task(self._fly(batch))
            self._underway += size
            self._flights.add(flight)
            flight.add_done_callback(partial(self._landed, size=size))

    def _landed(self, flight: "asyncio.Task[None]", *, size: int) -> None:
        self._underway -= size
        self._flights.discard(flight)
        self._start()

    async def _fly(self, batch: "list[tuple[Q, asyncio.Future[A]]]") -> None:
        try:
            answers = await self._work([question for question, _ in batch])
        except Exception as error:  # noqa: BLE001 - handed to those who asked
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():  # the asker has gone away; the work is done all the same
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
