"""RESP on the wire: commands to bytes, bytes to replies, both by hiredis.

hiredis is the parser and packer of the Redis project, in C. It is used directly and not through
redis-py, which reads each reply through several awaits of a stream: the executor wants every reply
that one read of the socket brought, at once, in a plain callback.

Error replies come back as `ReplyError` VALUES, because one refused command says nothing about its
neighbours in the batch. Bytes stay bytes; nothing is decoded.

Bounds: a call is at most MAX_CALL_BYTES, a reply that is still coming at most MAX_REPLY_BYTES;
hiredis refuses lengths that cannot be and arrays nested some thousand deep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import hiredis

Argument = str | bytes | int | float

MAX_CALL_BYTES: Final = 64 * 1024 * 1024
MAX_REPLY_BYTES: Final = 64 * 1024 * 1024

_PARTIAL: Final = object()
# The package's own annotation says: a tuple of exactly one.
_pack = cast(Callable[[tuple[Argument, ...]], bytes], hiredis.pack_command)


class WireError(Exception):
    """Raised when the peer does not speak RESP: the connection cannot be used any more."""


class ReplyError:
    """An error reply: `kind` is its first word (`MOVED`, `NOSCRIPT`, `ERR`), `text` all of it."""

    __slots__ = ("kind", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kind = text.split(" ", 1)[0]

    def __repr__(self) -> str:
        return f"ReplyError({self.text!r})"


def encode_command(*values: Argument) -> bytes:
    """A whole command, ready to be written.

    Raises TypeError for what is no Argument: booleans and enumerations too, which Lua would read
    as some text.
    """
    return _pack(values)


def encode_arguments(*values: Argument) -> bytes:
    """Arguments to come behind others in a command, see `command_of`; checked as above."""
    packed = _pack(values)
    return packed[4:] if len(values) < 10 else packed[packed.index(b"\n") + 1 :]


def command_of(count: int, *parts: bytes) -> bytes:
    """A whole command of `count` arguments that were encoded in parts."""
    return b"".join((b"*%d\r\n" % count, *parts))


class ReplyReader:
    """Collects bytes and hands out every whole reply; a partial one waits for more."""

    __slots__ = ("_partial_bytes", "_reader")

    def __init__(self) -> None:
        self._reader = hiredis.Reader(
            protocolError=WireError,
            replyError=cast(Callable[[str], Exception], ReplyError),  # only ever called
            notEnoughData=_PARTIAL,
        )
        self._partial_bytes = 0

    def feed(self, data: bytes) -> Iterator[Any]:
        """All replies that are complete with `data`; those before a WireError are still good."""
        self._reader.feed(data)
        self._partial_bytes += len(data)
        while (reply := self._next()) is not _PARTIAL:
            self._partial_bytes = 0
            yield reply
        if self._partial_bytes > MAX_REPLY_BYTES:
            raise WireError("reply too large")

    def _next(self) -> Any:
        try:
            return self._reader.gets()
        except MemoryError:
            raise WireError("reply of an impossible size") from None
