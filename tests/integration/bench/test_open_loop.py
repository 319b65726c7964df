"""The open loop against a real socket: it counts from the scheduled time, and it notices what goes wrong."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from bench.rig.figures import percentile
from bench.rig.open_loop import Loop, Task

CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
CONFLICT = b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def server(answer: Callable[[int], bytes]) -> Iterator[int]:
    """A server of one thread that answers the n-th request it reads by `answer(n)`; the port."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=_serve, args=(listener, answer, over))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()


def _serve(listener: socket.socket, answer: Callable[[int], bytes], over: Event) -> None:
    callers: list[socket.socket] = []
    number = 0
    while not over.is_set():
        ready, _, _ = select.select([listener, *callers], [], [], 0.05)
        for one in ready:
            if one is listener:
                callers.append(listener.accept()[0])
            elif one.recv(65536):
                one.sendall(answer(number))
                number += 1
            else:
                callers.remove(one)
                one.close()
    for one in callers:
        one.close()


def task(port: int, *, rate: float = 400, seconds: float = 1, lead_in: float = 0) -> Task:
    return Task(
        host="127.0.0.1",
        port=port,
        path="/api/orders",
        headers={"Authorization": "Bearer x"},
        key="k",
        bodies=["{}"],
        rate=rate,
        seconds=seconds,
        lead_in=lead_in,
        connections=4,
        patience=10,
        seed=1,
    )


def test_every_request_is_answered_and_measured() -> None:
    with server(lambda _: CREATED) as port:
        told = Loop(task(port, seconds=0.5, lead_in=0.5)).run()
    assert told.sent == told.good
    assert told.lost == 0
    assert 300 < told.sent < 500
    assert 130 < len(told.latencies) < 270  # those of the lead-in are not among them


def test_a_stall_is_charged_to_all_who_should_have_left_meanwhile() -> None:
    def once_slow(number: int) -> bytes:
        if number == 100:
            time.sleep(0.5)
        return CREATED

    with server(once_slow) as port:
        told = Loop(task(port)).run()
    # A closed loop of four connections would have seen four slow answers, one in a hundred. Half of the schedule waited.
    waited = sum(latency > 50 for latency in told.latencies)
    assert waited > 100
    assert percentile(told.latencies, 0.99) > 400
    assert told.lost == 0


def test_refusals_are_told_from_successes() -> None:
    with server(lambda number: CONFLICT if number == 7 else CREATED) as port:
        told = Loop(task(port, seconds=0.2)).run()
    assert told.good == told.sent - 1
    assert told.bad.startswith("HTTP/1.1 409")
