"""The open loop sends by its schedule, whatever the server does, and tells how requests ended."""

from __future__ import annotations

import itertools
import socket
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from holdfast_loadtest.http_bytes import request_bytes
from holdfast_loadtest.open_loop.generator import Generator, Stream
from holdfast_loadtest.open_loop.outcome import GAVE_UP, LOST, NO_CONNECTION, SKIPPED, Outcome
from holdfast_loadtest.open_loop.schedule import Phase, even, poisson
from holdfast_loadtest.open_loop.visitors import Address, Visitors

REQUEST = request_bytes("GET", "/", "server", {})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PATIENCE = 30.0
LATE = 30.0
"""A busy machine is not to be seen in what is tested here."""

AT_ONCE = array("d", [0.0])

Answer = Callable[[socket.socket, int], None]
"""Answers the request that is read from a connection; its number counts over all connections."""


@contextmanager
def server(answer: Answer, path: Path | None = None) -> Iterator[Address]:
    """A server with a thread for each connection; at the end all are closed."""
    family = socket.AF_INET if path is None else socket.AF_UNIX
    numbers = itertools.count()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.bind(("127.0.0.1", 0) if path is None else str(path))
        listener.listen(1024)

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                while connection.recv(65_536):
                    answer(connection, next(numbers))

        def accept() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                stack.callback(_shut, connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        address: Address = listener.getsockname()
        yield address
        _shut(listener)
        accepting.join()


def _shut(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


def offered(
    address: Address, due: array[float], visitors: int = 100, patience: float = PATIENCE
) -> Outcome:
    with Generator(patience, LATE) as generator:
        return once(generator, generator.visitors(address, visitors), due)


def once(generator: Generator, visitors: Visitors, due: array[float]) -> Outcome:
    (outcome,) = generator.offer([Stream(visitors, lambda: REQUEST, due, 1.0)])
    return outcome


def ok(connection: socket.socket, _: int) -> None:
    connection.sendall(OK)


def busy(connection: socket.socket, _: int) -> None:
    connection.sendall(BUSY)


def test_all_is_sent_though_nothing_is_answered() -> None:
    """A closed loop would wait for the first answer for ever."""
    received = threading.Semaphore(0)
    with server(lambda *_: received.release()) as address:
        outcome = offered(address, even(100, 0.5), patience=1.0)
        for _ in range(50):
            assert received.acquire(timeout=PATIENCE)
    assert outcome.ends == {GAVE_UP: 50}
    assert (outcome.offered, outcome.good) == (50, 0)


def test_latency_counts_from_the_time_at_which_a_request_was_due() -> None:
    """The first answer comes when the last request is there: it was due earliest."""
    waiting: list[socket.socket] = []

    def answer(connection: socket.socket, _: int) -> None:
        waiting.append(connection)
        if len(waiting) == 5:
            for one in waiting:
                one.sendall(OK)

    due = even(20, 0.25)
    with server(answer) as address:
        outcome = offered(address, due)
    assert outcome.ends == {"200": 5}
    latencies = dict(zip(outcome.accepted_due, outcome.accepted_latency, strict=True))
    assert latencies.keys() == set(due)
    for at, latency in latencies.items():
        assert latency >= due[-1] - at


def test_visitor_who_waits_sends_nothing_else() -> None:
    with server(lambda *_: None) as address:
        outcome = offered(address, even(100, 0.1), visitors=3, patience=0.5)
    assert outcome.ends == {GAVE_UP: 3, NO_CONNECTION: 7}


def test_visitors_take_turns_on_connections_that_outlive_a_run() -> None:
    seen: list[socket.socket] = []

    def answer(connection: socket.socket, _: int) -> None:
        seen.append(connection)
        connection.sendall(OK)

    with server(answer) as address, Generator(PATIENCE, LATE) as generator:
        visitors = generator.visitors(address, 3)
        for _ in range(6):
            assert once(generator, visitors, AT_ONCE).ends == {"200": 1}
    assert [seen.count(one) for one in seen[:3]] == [2, 2, 2]
    assert seen[:3] == seen[3:]


def test_connection_that_the_server_has_closed_meanwhile_is_not_used() -> None:
    closed = threading.Semaphore(0)

    def answer(connection: socket.socket, _: int) -> None:
        connection.sendall(OK)
        _shut(connection)
        closed.release()

    with server(answer) as address, Generator(PATIENCE, LATE) as generator:
        visitors = generator.visitors(address, 1)
        for _ in range(3):
            assert once(generator, visitors, AT_ONCE).ends == {"200": 1}
            assert closed.acquire(timeout=PATIENCE)


def test_connection_that_the_server_is_about_to_close_is_not_used() -> None:
    """It has said so; a request on it might be lost."""
    seen: set[socket.socket] = set()

    def answer(connection: socket.socket, _: int) -> None:
        seen.add(connection)
        connection.sendall(BUSY)

    with server(answer) as address, Generator(PATIENCE, LATE) as generator:
        visitors = generator.visitors(address, 1)
        for number in range(3):
            assert once(generator, visitors, AT_ONCE).ends == {"503": 1}
            assert len(seen) == number + 1


def test_refusals_and_lost_connections_are_told_apart() -> None:
    """Of four requests two are answered, one is refused, one loses its connection."""

    def answer(connection: socket.socket, number: int) -> None:
        if number % 4 == 3:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(BUSY if number % 4 == 1 else OK)

    with server(answer) as address:
        outcome = offered(address, even(100, 0.4), visitors=1_000)
    assert outcome.ends == {"200": 20, "503": 10, LOST: 10}
    assert outcome.refused == {"503": 10, LOST: 10}


def test_answer_may_come_in_pieces() -> None:
    def answer(connection: socket.socket, _: int) -> None:
        for byte in OK:
            connection.sendall(bytes([byte]))

    with server(answer) as address:
        assert offered(address, even(50, 0.2)).ends == {"200": 10}


def test_unix_socket_is_spoken_to(tmp_path: Path) -> None:
    with server(ok, tmp_path / "socket") as address:
        assert offered(address, even(50, 0.2)).ends == {"200": 10}


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        outcome = offered(unused.getsockname(), even(50, 0.2))
    assert outcome.offered == outcome.ends[LOST] + outcome.ends[NO_CONNECTION] == 10


def test_what_the_generator_is_late_for_is_not_offered() -> None:
    """It was due long before the generator began."""
    with server(ok) as address:
        outcome = offered(address, array("d", [-2 * LATE, -2 * LATE, 0.0]))
    assert outcome.ends == {SKIPPED: 2, "200": 1}
    assert outcome.offered == 1


def test_streams_are_offered_beside_each_other() -> None:
    with server(ok) as one, server(busy) as other, Generator(PATIENCE, LATE) as generator:
        streams = [
            Stream(generator.visitors(address, 10), lambda: REQUEST, even(50, 0.2), 0.2)
            for address in (one, other)
        ]
        outcomes = generator.offer(streams)
    assert [outcome.ends for outcome in outcomes] == [{"200": 10}, {"503": 10}]


def test_poisson_arrivals_are_those_of_the_seed_and_have_the_rate() -> None:
    phases = [Phase(1_000, 2.0), Phase(100, 3.0)]
    due = poisson(phases, seed=7)
    assert due == poisson(phases, seed=7)
    assert due != poisson(phases, seed=8)
    assert list(due) == sorted(due)
    assert 1_800 < sum(at < 2.0 for at in due) < 2_200
    assert 240 < sum(2.0 <= at < 5.0 for at in due) < 360


def test_percentiles_and_windows() -> None:
    outcome = Outcome(3.0)
    for number in range(300):
        outcome.answered("200", number / 100, 2.0 if number == 299 else number / 1_000)
    assert outcome.good == 299
    assert outcome.goodput == pytest.approx(299 / 3)
    assert outcome.percentile_ms(0.5) == pytest.approx(150)
    assert outcome.percentile_ms(1.0) == pytest.approx(2_000)
    assert [len(window) for window in outcome.windows()] == [100, 100, 100]
