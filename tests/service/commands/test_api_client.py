"""The client of the commands: what it repeats, what it does not, what it takes for an answer."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from holdfast.api_client import ApiClient, ApiRefused, ApiUnreachable
from holdfast.api_client import client as client_module

LOST = b""
"""no answer: the connection is closed"""


def answer(status: str, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def problem(status: str, code: str, *headers: str) -> bytes:
    return answer(status, f'{{"code": "{code}", "detail": "No."}}'.encode(), *headers)


DONE = answer("200 OK", b'{"done": true}')


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn, the last again and again; origin and requests."""
    left = list(answers)
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(self.requestline.removesuffix(" HTTP/1.1"))
            given = left.pop(0) if len(left) > 1 else left[0]
            self.wfile.write(given)
            self.close_connection = not given

        do_GET = do_POST = do_PATCH = _answer

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def call(origin: str, method: str = "GET") -> object:
    return ApiClient(origin, "key").call(method, "/v1/sales/a")


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
def test_what_was_not_done_is_tried_again(method: str, status: str) -> None:
    with answering(problem(status, "overloaded", "Retry-After: 0"), DONE) as (origin, seen):
        assert call(origin, method) == {"done": True}
    assert seen == [f"{method} /v1/sales/a"] * 2


def test_tries_end() -> None:
    busy = problem("503 Service Unavailable", "overloaded", "Retry-After: 0")
    with answering(busy) as (origin, seen), pytest.raises(ApiRefused) as refused:
        call(origin)
    assert (refused.value.code, refused.value.is_passing) == ("overloaded", True)
    assert len(seen) == client_module.TRIES


def test_only_a_reading_is_repeated_when_its_answer_is_lost() -> None:
    with answering(LOST, DONE) as (origin, seen):
        assert call(origin) == {"done": True}
    with answering(LOST, DONE) as (origin, seen), pytest.raises(ApiUnreachable):
        call(origin, "POST")
    assert seen == ["POST /v1/sales/a"]


@pytest.mark.parametrize(
    "answers",
    [
        [answer("200 OK", b"<html>")],
        [answer("200 OK", b"[1]")],
        [answer("404 Not Found", b"<html>")],
        [answer("500 Internal Server Error", b"[]")],
        [answer("302 Found", b"", "Location: http://127.0.0.1:1/elsewhere")],
    ],
)
def test_what_is_no_answer_of_the_api_is_unreachable(answers: Sequence[bytes]) -> None:
    with answering(*answers) as (origin, seen), pytest.raises(ApiUnreachable, match="not as"):
        call(origin)
    assert len(seen) == 1


def test_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ANSWER_BYTES_MAX", 100_000)
    large = answer("200 OK", b"x" * 200_000)
    with answering(large) as (origin, _), pytest.raises(ApiUnreachable, match="more than"):
        call(origin)


def test_list_is_read_page_by_page_up_to_its_limit() -> None:
    first = answer("200 OK", b'{"items": [{"n": 1}, {"n": 2}], "next": "c+/="}')
    second = answer("200 OK", b'{"items": [{"n": 3}], "next": null}')
    with answering(first, second) as (origin, seen):
        items = ApiClient(origin, "key").items("/v1/sales", {"status": "a b", "flag": None})
        assert [item["n"] for item in items] == [1, 2, 3]
    assert seen == [
        "GET /v1/sales?status=a+b&limit=500",
        "GET /v1/sales?status=a+b&limit=500&cursor=c%2B%2F%3D",
    ]
    with answering(first, second) as (origin, seen):
        assert len(list(ApiClient(origin, "key").items("/v1/sales", limit=2))) == 2
    assert seen == ["GET /v1/sales?limit=2"]


def test_proxy_of_the_environment_is_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(DONE) as (proxy, asked), answering(DONE) as (here, _):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        assert call(here) == {"done": True}
        assert asked == []
        assert call("http://tickets.example") == {"done": True}
    assert asked == ["GET http://tickets.example/v1/sales/a"]
