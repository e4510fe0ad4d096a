"""A turn over HTTP: what counts as done, what was shed, and what ends the run."""

import argparse
import itertools
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from bench.kit.clocks import this_process
from bench.kit.contest import Contestant, turn
from bench.kit.service import HOST

OPTIONS = argparse.Namespace(connections=1, seconds=0.05)
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


@contextmanager
def answering(statuses: Sequence[int]) -> Iterator[Contestant]:
    """A server that takes one connection and answers these statuses again and again."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            link, _ = listener.accept()
            with link:
                for status in itertools.cycle(statuses):
                    if not link.recv(1024):
                        return
                    link.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Contestant(listener.getsockname()[1], {"client": this_process})
        thread.join()


def test_what_is_shed_is_refused_and_not_done() -> None:
    """Catches a rate that counts refusals, which cost the service next to nothing."""
    with answering([200, 503]) as contestant:
        sample = turn(contestant, itertools.repeat(REQUEST), OPTIONS, 200)
    assert sample.done - 1 <= sample.refused <= sample.done


def test_other_answers_end_the_run() -> None:
    with (
        answering([404, 200]) as contestant,  # a turn may be over after the first
        pytest.raises(SystemExit, match="200 was expected"),
    ):
        turn(contestant, itertools.repeat(REQUEST), OPTIONS, 200)


def test_few_other_answers_are_refused_where_they_may_be() -> None:
    """A status document changes now and then, and a 304 becomes a 200."""
    with answering([304] * 30 + [200]) as contestant:
        sample = turn(contestant, itertools.repeat(REQUEST), OPTIONS, 304, mostly=0.5)
    assert sample.done > sample.refused
