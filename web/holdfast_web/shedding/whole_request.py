"""Finds out whether the bytes that a connection has received are exactly one request.

What is refused in an overload must cost next to nothing: no parser, no task, no route. So a request
that has arrived whole is recognised by its first line, by the end of its head and by the length of
its body. Whatever is unusual, and whatever could be framed in two ways, is left to the parser: it
is None here, and is decided where its handler begins.
"""

from typing import Final, NamedTuple

from holdfast_web.credentials import JWT_DOTS

_METHODS: Final = {method.encode(): method for method in ("GET", "POST", "PUT", "PATCH", "DELETE")}
_UNUSUAL: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
_LENGTH: Final = b"content-length"
_DIGITS_MAX: Final = 7


class WholeRequest(NamedTuple):
    """A request that has arrived whole.

    `closes`: its connection is to be closed afterwards. `has_key`: it comes with what may be an API
    key, which is anything but a pass.
    """

    method: str
    target: str
    closes: bool
    has_key: bool


def whole_request(data: bytes) -> WholeRequest | None:
    """The request that `data` is, no more and no less; None when it is anything else."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = data[:end].split(b"\r\n")
    words = first.split(b" ")
    method = _METHODS.get(words[0])
    if method is None or len(words) != 3 or words[2] != b"HTTP/1.1" or words[1][:1] != b"/":
        return None
    if data.count(b"\n", 0, end) != len(lines) or data.count(b"\r", 0, end) != len(lines):
        return None
    names = [line[: line.find(b":")].lower() for line in lines]
    if not _UNUSUAL.isdisjoint(names) or b" " in (joined := b",".join(names)) or b"\t" in joined:
        return None
    length = _value(lines, names, _LENGTH) if _LENGTH in names else b"0"
    if len(length) > _DIGITS_MAX or not length.isdigit() or len(data) != end + 4 + int(length):
        return None
    closes = b"connection" in names and b"close" in _value(lines, names, b"connection").lower()
    has_key = b"authorization" in names and (
        _value(lines, names, b"authorization").count(b".") != JWT_DOTS
    )
    return WholeRequest(method, words[1].decode("latin-1"), closes, has_key)


def _value(lines: list[bytes], names: list[bytes], name: bytes) -> bytes:
    """The value of a header; those of several, together."""
    values = [
        line[len(name) + 1 :] for line, other in zip(lines, names, strict=True) if other == name
    ]
    return b",".join(values).strip(b" \t")
