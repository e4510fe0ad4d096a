import json
from collections import Counter

from support.http.connections import told

from holdfast_web.shedding.refusal_answers import (
    SPREAD_LEAST,
    SPREAD_MOST,
    WINDOW_SECONDS,
    RefusalAnswers,
)

POLL = b"GET /v1/sales/gala/status HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n"
PAGE = (
    b"GET /wait/gala?t=x HTTP/1.1\r\nHost: localhost\r\n"
    b"Accept: text/html,application/xhtml+xml;q=0.9\r\n\r\n"
)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waits(answers: RefusalAnswers, count: int) -> Counter[int]:
    return Counter(
        int(told(answers.take(POLL, closes=False))[2]["Retry-After"]) for _ in range(count)
    )


def test_answer_is_a_problem_document_every_page_may_read() -> None:
    answer = RefusalAnswers().take(POLL, closes=False)
    status, code, headers = told(answer)
    body = answer.partition(b"\r\n\r\n")[2]
    assert (status, code) == (503, "overloaded")
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Content-Length"] == str(len(body))
    assert headers["Cache-Control"] == "no-store"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" in headers["Access-Control-Expose-Headers"]
    assert headers["Server"] == "holdfast"
    assert "Connection" not in headers
    assert json.loads(body)["status"] == 503


def test_answer_says_when_the_connection_is_closed() -> None:
    assert told(RefusalAnswers().take(POLL, closes=True))[2]["Connection"] == "close"


def test_who_opens_the_waiting_page_gets_a_page_that_opens_it_again() -> None:
    head, _, body = RefusalAnswers().take(PAGE, closes=False).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 503 Service Unavailable"
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Content-Length"] == str(len(body))
    assert f'http-equiv="refresh" content="{headers["Retry-After"]}"'.encode() in body
    assert "自动打开" in body.decode()


def test_page_is_also_what_a_request_gets_that_was_parsed() -> None:
    made = RefusalAnswers().response("/wait/gala", "text/html")
    assert made.content_type == "text/html"
    assert RefusalAnswers().response("/wait/-/main.js", "*/*").content_type != "text/html"
    assert RefusalAnswers().response("/v1/sales", "text/html").content_type != "text/html"


def test_times_to_come_back_are_spread() -> None:
    found = waits(RefusalAnswers(), 1000)
    assert set(found) == {1, SPREAD_LEAST}
    assert min(found.values()) > 300


def test_spread_grows_with_what_is_refused_and_shrinks_again() -> None:
    clock = Time()
    answers = RefusalAnswers(clock)
    for received, most in ((1100, 20), (1_000_000, SPREAD_LEAST), (1000, SPREAD_MOST)):
        answers.received += received
        waits(answers, 999)
        clock.now += WINDOW_SECONDS
        waits(answers, 1)
        found = waits(answers, 2000)
        assert (min(found), max(found)) == (1, most)
        clock.now += WINDOW_SECONDS
        answers.received += 10**9
        waits(answers, 1)
