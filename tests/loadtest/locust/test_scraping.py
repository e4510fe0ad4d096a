"""The processor time of the service, from counters that many workers add to."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from holdfast_loadtest.locust.progress import progress_line
from holdfast_loadtest.locust.scraping import METRIC, CoresReader

KEY = "key-of-an-operator"


class Metrics(ThreadingHTTPServer):
    """Answers `/metrics` to the key with what it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.text = ""
        self.time = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def used(self, *seconds: float) -> None:
        self.text = "".join(
            f'{METRIC}{{worker="{worker}"}} {value}\n' for worker, value in enumerate(seconds)
        )


class Answering(BaseHTTPRequestHandler):
    server: Metrics

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == f"Bearer {KEY}"
        self.send_response(200 if known else 403)
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    with Metrics() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def reader_of(metrics: Metrics, key: str = KEY) -> CoresReader:
    return CoresReader(metrics.url, key, lambda: metrics.time)


def test_cores_are_the_growth_of_all_workers_a_second(metrics: Metrics) -> None:
    reader = reader_of(metrics)
    metrics.used(10.0, 20.0)
    assert reader.cores() is None
    metrics.time = 2.0
    metrics.used(11.0, 20.5)
    assert reader.cores() == pytest.approx(0.75)
    assert reader.note == ""


def test_counters_that_a_restart_set_back_say_nothing(metrics: Metrics) -> None:
    reader = reader_of(metrics)
    for time, used, cores in ((0.0, 10.0, None), (2.0, 1.0, None), (4.0, 2.0, 0.5)):
        metrics.time = time
        metrics.used(used)
        assert reader.cores() == cores


def test_reader_says_why_nothing_is_known(metrics: Metrics) -> None:
    refused = reader_of(metrics, "another")
    assert refused.cores() is None
    assert refused.note == "/metrics answers 403"
    empty = reader_of(metrics)
    assert empty.cores() is None
    assert empty.note == f"/metrics has no {METRIC}"
    gone = CoresReader("http://127.0.0.1:1", KEY)
    assert gone.cores() is None
    assert gone.note.startswith("/metrics: ")


def test_progress_is_one_line() -> None:
    live = {
        "funnel": {"arrived": 1_200, "admitted": 90, "confirmed": 12},
        "waiting": 1_110,
        "holding": 7,
        "refusals": {"sold_out": 3, "seats_taken": 1},
        "waits": {"p50": 12.4, "p90": 30.6},
        "workers": 2,
    }
    assert progress_line(65.9, live) == (
        "1:05  arrived 1,200  waiting 1,110  admitted 90  holding 7  booked 12  refusals 4  "
        "wait p50 12 s p90 31 s  2 workers"
    )
