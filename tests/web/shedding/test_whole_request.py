import pytest

from holdfast_web.shedding.whole_request import whole_request

GET = b"GET /v1/sales/night/status?a=b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v1/sales/night/holds HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"


def with_head(line: bytes, data: bytes = POST) -> bytes:
    """The request with another line in its head."""
    first, _, rest = data.partition(b"\r\n")
    return first + b"\r\n" + line + b"\r\n" + rest


def test_whole_requests_are_recognised() -> None:
    get, post = whole_request(GET), whole_request(POST)
    assert get is not None
    assert post is not None
    assert (get.method, get.target) == ("GET", "/v1/sales/night/status?a=b")
    assert (post.method, post.target) == ("POST", "/v1/sales/night/holds")


@pytest.mark.parametrize("data", [GET, POST])
def test_part_of_a_request_or_more_than_one_is_none(data: bytes) -> None:
    assert [n for n in range(len(data)) if whole_request(data[:n]) is not None] == []
    assert whole_request(data + b"x") is None
    assert whole_request(data + data) is None
    assert whole_request(b"\r\n" + data) is None
    assert whole_request(data[1:]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
        with_head(b"Transfer-Encoding: chunked"),
        with_head(b"Expect: 100-continue"),
        with_head(b"Upgrade: websocket"),
        with_head(b"content-length: 2"),
        with_head(b"Content-Length : 3"),
        with_head(b"X: a\nContent-Length: 3", GET),
        with_head(b"X: a\rb", GET),
        GET.replace(b"\r\n\r\n", b"\n\n"),
        POST.replace(b"Length: 2", b"Length: +2"),
        POST.replace(b"Length: 2", b"Length: 2, 2"),
        POST.replace(b"Length: 2", b"Length: 0x2"),
    ],
)
def test_what_is_unusual_is_none(data: bytes) -> None:
    assert whole_request(data) is None


@pytest.mark.parametrize(
    ("line", "closes"),
    [
        (b"Connection: close", True),
        (b"connection: Close", True),
        (b"Connection: keep-alive, close", True),
        (b"Connection: keep-alive", False),
        (b"X-Connection: close", False),
        (b"X: Connection: close", False),
    ],
)
def test_wish_to_close_is_seen(line: bytes, closes: bool) -> None:
    request = whole_request(with_head(line))
    assert request is not None
    assert request.closes is closes
