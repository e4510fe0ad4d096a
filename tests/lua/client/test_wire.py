import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_lua.calls.codes import Code
from holdfast_lua.client.wire import (
    MAX_REPLY_BYTES,
    Argument,
    ReplyError,
    ReplyReader,
    WireError,
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
    text = encode_command(0.1 + 0.2).split(b"\r\n")[2]
    assert float(text) == 0.1 + 0.2


@pytest.mark.parametrize("value", [True, None, ["a"], Code.OK])
def test_what_is_not_an_argument_is_refused(value: Argument) -> None:
    with pytest.raises(TypeError):
        encode_command("SET", value)


@given(st.lists(REPLIES, max_size=6), st.data())
def test_replies_survive_any_cut_of_the_stream(replies: list[object], data: st.DataObject) -> None:
    stream = b"".join(map(wire_form, replies))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    reader = ReplyReader()
    found: list[object] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    assert found == replies


def test_long_bulk_in_small_pieces_is_found_once_complete() -> None:
    reader = ReplyReader()
    stream = wire_form([b"x" * 100_000, 1])
    found = [
        reply for at in range(0, len(stream), 997) for reply in reader.feed(stream[at : at + 997])
    ]
    assert found == [[b"x" * 100_000, 1]]


def test_error_reply_is_a_value_between_its_neighbours() -> None:
    first, error, last = ReplyReader().feed(b":1\r\n-MOVED 42 host:1\r\n+OK\r\n")
    assert (first, last) == (1, b"OK")
    assert isinstance(error, ReplyError)
    assert (error.kind, error.text) == ("MOVED", "MOVED 42 host:1")


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400\r\n",
        b":12x\r\n",
        b"$99999999999999999999\r\n",
        b"*4294967295\r\n",
        b"*1\r\n" * 10_000,
    ],
    ids=["another protocol", "number", "bulk length", "array length", "nesting"],
)
def test_what_no_store_says_is_refused(garbage: bytes) -> None:
    with pytest.raises(WireError):
        list(ReplyReader().feed(garbage))


def test_replies_in_front_of_garbage_are_good() -> None:
    replies = ReplyReader().feed(b":1\r\n:2\r\n?\r\n")
    assert (next(replies), next(replies)) == (1, 2)
    with pytest.raises(WireError):
        next(replies)


def test_reply_without_end_is_refused() -> None:
    reader = ReplyReader()
    list(reader.feed(b"$%d\r\n" % (2 * MAX_REPLY_BYTES)))
    piece = b"x" * (MAX_REPLY_BYTES // 4)
    for _ in range(3):
        assert list(reader.feed(piece)) == []
    with pytest.raises(WireError):
        list(reader.feed(piece))
