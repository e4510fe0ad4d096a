"""Offers streams of requests, each by its schedule, and notes how every one of them ended.

A closed loop waits for an answer before it sends the next request, so it offers no more than the
server takes and cannot overload it. Here a request goes out when it is due. Latency counts from
that time, also where the generator was a little late.

All is bounded: the schedule in number and time, the visitors in number (while all of them wait, a
request is noted as such and not sent) and in patience, after which they hang up.

It runs on one core that it does not share: sockets and epoll without an event loop, because it has
to offer ten times of what a server takes. What it is more than `late` seconds late for is skipped
and counted apart, so that a slow generator is not taken for a slow server.
"""

from __future__ import annotations

import gc
import heapq
import itertools
import select
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from holdfast_loadtest.open_loop.outcome import SKIPPED, Outcome
from holdfast_loadtest.open_loop.visitors import Address, Connection, NextRequest, Visitors

LATE_SECONDS: Final = 0.05
LOOK_SECONDS: Final = 0.05
NAP_SECONDS: Final = 0.001
SENT_AT_ONCE: Final = 64
EVENTS_AT_ONCE: Final = 64

Arrivals = Iterator[tuple[float, int]]
"""When something is due, and in which stream."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests of one kind: who sends them, what they are, and when they are due."""

    visitors: Visitors
    next_request: NextRequest
    due: array[float]
    seconds: float


class Generator:
    """Visitors, and the loop in which they send and are answered; times are in seconds."""

    def __init__(self, patience: float = 5.0, late: float = LATE_SECONDS) -> None:
        self._patience = patience
        self._late = late
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections.values():
            connection.socket.close()
        self._epoll.close()

    def visitors(self, address: Address, most: int) -> Visitors:
        """Visitors who have not come yet."""
        return Visitors(address, most, self._epoll, self._connections)

    def offer(self, streams: Sequence[Stream]) -> list[Outcome]:
        """Offers all streams beside each other and answers what became of each.

        It takes as long as they do, and then until everything is answered or given up.
        """
        while self._handle_events(0.0, 0.0):
            pass  # what happened since the last run; no request is on its way
        for stream in streams:
            stream.visitors.outcome = Outcome(stream.seconds)
        # A pause of the garbage collector would count as latency of the server.
        gc.collect()
        gc.disable()
        try:
            self._run(streams)
        finally:
            gc.enable()
        return [stream.visitors.outcome for stream in streams]

    def _run(self, streams: Sequence[Stream]) -> None:
        arrivals = _arrivals(streams)
        arrival = next(arrivals, None)
        start, next_look = time.perf_counter(), 0.0
        while arrival is not None or any(stream.visitors.busy for stream in streams):
            now = time.perf_counter() - start
            for _ in range(SENT_AT_ONCE):
                if arrival is None or arrival[0] > now:
                    break
                due, number = arrival
                stream = streams[number]
                if now - due > self._late:
                    stream.visitors.outcome.ends[SKIPPED] += 1
                else:
                    stream.visitors.send(due, stream.next_request())
                arrival = next(arrivals, None)
            is_soon = arrival is not None and arrival[0] - now < NAP_SECONDS
            self._handle_events(0.0 if is_soon else NAP_SECONDS, start)
            if now >= next_look:
                next_look = now + LOOK_SECONDS
                for stream in streams:
                    stream.visitors.hang_up(now - self._patience)

    def _handle_events(self, wait: float, start: float) -> int:
        events = self._epoll.poll(wait, EVENTS_AT_ONCE)
        for fileno, event in events:
            connection = self._connections.get(fileno)
            if connection is not None:
                connection.visitors.handle(connection, event, time.perf_counter() - start)
        return len(events)


def _arrivals(streams: Sequence[Stream]) -> Arrivals:
    """All that is due, in order."""
    return heapq.merge(
        *(zip(stream.due, itertools.repeat(number)) for number, stream in enumerate(streams))
    )
