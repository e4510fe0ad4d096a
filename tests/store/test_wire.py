"""RESP2: what goes out byte for byte, and replies however the socket cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_lua.wire import (
    MAX_DEPTH,
    Argument,
    ReplyError,
    ReplyParser,
    WireError,
    encode_argument,
    encode_command,
)

REPLIES = st.recursive(
    st.none() | st.integers(-(2**62), 2**62) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


def wire_form(reply: object) -> bytes:
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, bytes):
        return b"$%d\r\n%b\r\n" % (len(reply), reply)
    assert isinstance(reply, list)
    return b"*%d\r\n%b" % (len(reply), b"".join(map(wire_form, reply)))


def test_command_is_an_array_of_bulk_strings() -> None:
    assert encode_command("SET", b"\xff\r\n", 7) == (
        b"*3\r\n$3\r\nSET\r\n$3\r\n\xff\r\n\r\n$1\r\n7\r\n"
    )


def test_text_is_counted_in_bytes() -> None:
    assert encode_command("é") == b"*1\r\n$2\r\n\xc3\xa9\r\n"


def test_floats_keep_all_their_digits() -> None:
    assert float(encode_argument(0.1 + 0.2)) == 0.1 + 0.2


@pytest.mark.parametrize("value", [True, None, ["a"]])
def test_what_is_not_an_argument_is_refused(value: Argument) -> None:
    with pytest.raises(TypeError):
        encode_argument(value)


@given(st.lists(REPLIES, max_size=6), st.data())
def test_replies_survive_any_cut_of_the_stream(replies: list[object], data: st.DataObject) -> None:
    stream = b"".join(map(wire_form, replies))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    parser, found = ReplyParser(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += parser.feed(stream[start:end])
    assert found == replies


def test_long_bulk_in_small_pieces_is_found_once_complete() -> None:
    parser = ReplyParser()
    stream = wire_form([b"x" * 100_000, 1])
    found = [
        reply for at in range(0, len(stream), 997) for reply in parser.feed(stream[at : at + 997])
    ]
    assert found == [[b"x" * 100_000, 1]]


def test_error_reply_is_a_value_between_its_neighbours() -> None:
    first, error, last = ReplyParser().feed(b":1\r\n-MOVED 42 host:1\r\n+OK\r\n")
    assert (first, last) == (1, b"OK")
    assert isinstance(error, ReplyError)
    assert (error.kind, error.text) == ("MOVED", "MOVED 42 host:1")


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400\r\n", b"!3\r\n"])
def test_other_protocols_are_refused(garbage: bytes) -> None:
    with pytest.raises(WireError):
        ReplyParser().feed(garbage)


def test_nesting_is_bounded() -> None:
    with pytest.raises(WireError):
        ReplyParser().feed(b"*1\r\n" * (MAX_DEPTH + 1) + b":1\r\n")
