"""RESP2 on the wire: commands to bytes, bytes to replies.

Why not a client library's parser: redis-py reads each reply through several awaits of a stream; the
executor wants every reply that one read of the socket brought, at once, in a plain callback. Error
replies come back as `ReplyError` VALUES, because one refused command says nothing about its
neighbours in the batch.

Bounds: a reply nests at most MAX_DEPTH deep; a call is at most MAX_CALL_BYTES.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

Argument = str | bytes | int | float

MAX_CALL_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 16

_BULK, _INTEGER, _ARRAY, _STATUS, _ERROR = b"$:*+-"


class WireError(Exception):
    """Raised when the peer does not speak RESP2: the connection is worth nothing any more."""


class ReplyError:
    """An error reply: `kind` is its first word (`MOVED`, `NOSCRIPT`, `ERR`), `text` all of it."""

    __slots__ = ("kind", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kind = text.split(" ", 1)[0]

    def __repr__(self) -> str:
        return f"ReplyError({self.text!r})"


def encode_argument(value: Argument) -> bytes:
    """One argument as the store will see it. Booleans are refused: Lua would read them as text."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not an argument for the store: {type(value).__name__}")
    return repr(value).encode()


def encode_bulks(values: Iterable[Argument]) -> bytes:
    """Arguments as RESP bulk strings, without the array header."""
    parts: list[bytes] = []
    for value in values:
        raw = value.encode() if type(value) is str else encode_argument(value)
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


def encode_command(*values: Argument) -> bytes:
    """A whole command, ready to be written."""
    return b"*%d\r\n%b" % (len(values), encode_bulks(values))


class _Incomplete(Exception):
    """The buffer ends within a reply; `needed` is the least length that could complete it."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class ReplyParser:
    """Collects bytes and hands out every whole reply; a partial one waits for more."""

    __slots__ = ("_buffer", "_needed", "_parts", "_size")

    def __init__(self) -> None:
        self._buffer = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._needed = 0

    def feed(self, data: bytes) -> list[Any]:
        """All replies that are complete with `data`."""
        self._parts.append(data)
        self._size += len(data)
        if self._size < self._needed:  # inside a long bulk: do not join and parse again and again
            return []
        buffer = self._buffer = b"".join(self._parts)
        replies: list[Any] = []
        at, end = 0, len(buffer)
        self._needed = 0
        while at < end:
            try:
                reply, at = self._parse(at, 0)
            except _Incomplete as partial:
                self._needed = partial.needed - at
                break
            replies.append(reply)
        rest = buffer[at:]
        self._parts = [rest]
        self._size = len(rest)
        return replies

    def _parse(self, at: int, depth: int) -> tuple[Any, int]:
        buffer = self._buffer
        line_end = buffer.find(b"\r\n", at)
        if line_end < 0:
            raise _Incomplete(len(buffer) + 1)
        kind = buffer[at]
        body = buffer[at + 1 : line_end]
        after = line_end + 2
        if kind == _INTEGER:
            return int(body), after
        if kind == _BULK:
            return self._bulk(int(body), after)
        if kind == _ARRAY:
            return self._array(int(body), after, depth)
        if kind == _STATUS:
            return body, after
        if kind == _ERROR:
            return ReplyError(body.decode(errors="replace")), after
        raise WireError(f"not a RESP2 reply: {buffer[at : at + 20]!r}")

    def _bulk(self, length: int, at: int) -> tuple[bytes | None, int]:
        if length < 0:
            return None, at
        end = at + length
        if len(self._buffer) < end + 2:
            raise _Incomplete(end + 2)
        return self._buffer[at:end], end + 2

    def _array(self, length: int, at: int, depth: int) -> tuple[list[Any] | None, int]:
        if length < 0:
            return None, at
        if depth >= MAX_DEPTH:
            raise WireError("reply nested too deep")
        items: list[Any] = []
        for _ in range(length):
            item, at = self._parse(at, depth + 1)
            items.append(item)
        return items, at
