"""An open loop: requests leave at moments fixed beforehand, whether or not the ones before have been answered.

Each latency counts from its scheduled moment, so a server that stalls is charged for all who waited meanwhile; a closed
loop would only have asked less. A process of its own, one thread, plain sockets: some 50 µs of processor per request.

    python -m bench.rig.open_loop TASK.json    (prints one JSON object)
"""

import gc
import json
import random
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

_LEAST_WAIT = 0.00002
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to send: `bodies` in turn, each with a key of its own, at `rate` a second on average, at random moments.

    Nothing of the first `lead_in` seconds is told. What has no answer `patience` seconds after the last moment is given up.
    Once there is a file named `end`, nothing more is sent.
    """

    host: str
    port: int
    path: str
    headers: dict[str, str]
    key: str
    bodies: list[str]
    rate: float
    seconds: float
    lead_in: float
    connections: int
    patience: float
    seed: int
    end: str = ""


@dataclass(slots=True)
class Told:
    """What came of it. `latencies` in ms from the scheduled moment, without the lead-in; `bad` is the first bad answer."""

    sent: int
    good: int
    lost: int
    seconds: float
    latencies: list[float]
    bad: str


def moments(rate: float, seconds: float, seed: int) -> list[float]:
    """Random moments (exponential gaps, as pgbench -R draws them) in a stretch of time, in seconds from its start."""
    chance = random.Random(seed)
    found: list[float] = []
    at = chance.expovariate(rate)
    while at < seconds:
        found.append(at)
        at += chance.expovariate(rate)
    return found


def whole(answer: bytes) -> bool:
    """Whether an answer has arrived up to its end; ours always say their length."""
    head = answer.find(_END_OF_HEAD)
    if head < 0:
        return False
    lower = answer[:head].lower()
    place = lower.find(_LENGTH)
    if place < 0:
        return True
    length = lower[place + len(_LENGTH) :].split(b"\r\n", 1)[0]
    return len(answer) >= head + len(_END_OF_HEAD) + int(length)


class Loop:
    """The connections, who is free, who waits."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._schedule = moments(task.rate, task.lead_in + task.seconds, task.seed)
        self._requests = self._written_out()
        self._epoll = select.epoll()
        self._open = [self._connect() for _ in range(task.connections)]
        self._by_number = {one.fileno(): one for one in self._open}
        self._free = deque(self._open)
        self._under_way: dict[int, tuple[float, bytes]] = {}
        self._told = Told(sent=0, good=0, lost=0, seconds=0, latencies=[], bad="")

    def run(self) -> Told:
        """Send everything, wait for every answer."""
        schedule, told = self._schedule, self._told
        start = time.perf_counter() + 0.01
        give_up = start + self._task.lead_in + self._task.seconds + self._task.patience
        next_one = 0
        while next_one < len(schedule) or self._under_way:
            now = time.perf_counter()
            if now > give_up:
                break
            if self._task.end and Path(self._task.end).exists():
                del schedule[next_one:]
                if not self._under_way:
                    break
            while next_one < len(schedule) and self._free and start + schedule[next_one] <= now:
                self._send(self._free.popleft(), self._requests[next_one], start + schedule[next_one])
                next_one += 1
            due = start + schedule[next_one] if next_one < len(schedule) and self._free else give_up
            self._take(due - time.perf_counter(), start)
        told.seconds = time.perf_counter() - start
        told.lost = len(schedule) - next_one + len(self._under_way)
        for one in self._open:
            one.close()
        return told

    def _written_out(self) -> list[bytes]:
        task = self._task
        head = "".join(f"{name}: {value}\r\n" for name, value in task.headers.items())
        first = f"POST {task.path} HTTP/1.1\r\nHost: {task.host}:{task.port}\r\n{head}"
        return [
            f"{first}Idempotency-Key: {task.key}-{n}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            for n, body in ((n, task.bodies[n % len(task.bodies)]) for n in range(len(self._schedule)))
        ]

    def _connect(self) -> socket.socket:
        one = socket.create_connection((self._task.host, self._task.port), timeout=10)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setblocking(False)
        self._epoll.register(one.fileno(), select.EPOLLIN)
        return one

    def _send(self, one: socket.socket, request: bytes, at: float) -> None:
        # A request of some hundred bytes always fits into the buffer of a connection that has nothing under way.
        if one.send(request) != len(request):
            message = "a request did not fit into its socket's buffer"
            raise RuntimeError(message)
        self._told.sent += 1
        self._under_way[one.fileno()] = (at, b"")

    def _take(self, wait: float, start: float) -> None:
        # epoll waits in milliseconds, which would show in the median; select on the epoll itself takes microseconds.
        if wait > _LEAST_WAIT:
            select.select([self._epoll.fileno()], [], [], wait)
        for number, _ in self._epoll.poll(0):
            part = self._by_number[number].recv(65536)
            if not part:
                message = "the server hung up"
                raise RuntimeError(message)
            at, before = self._under_way[number]
            answer = before + part
            if whole(answer):
                self._done(answer, at, start)
                del self._under_way[number]
                self._free.append(self._by_number[number])
            else:
                self._under_way[number] = (at, answer)

    def _done(self, answer: bytes, at: float, start: float) -> None:
        told = self._told
        if answer.startswith(b"HTTP/1.1 201"):
            told.good += 1
        elif not told.bad:
            told.bad = answer.decode(errors="replace")[:1000]
        if at - start >= self._task.lead_in:
            told.latencies.append((time.perf_counter() - at) * 1e3)


def main() -> None:
    """Do the task of the file named on the command line."""
    task = Task(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    loop = Loop(task)
    # A search for garbage in the middle would look like the server's latency.
    gc.freeze()
    gc.disable()
    print(json.dumps(asdict(loop.run())))


if __name__ == "__main__":
    main()
