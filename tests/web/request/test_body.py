import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from holdfast_web.endpoint import Handler, endpoint
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.request.body import BODY_LIMIT_BYTES, BODY_SECONDS, decode_json, read_json
from holdfast_web.request.text import MULTILINE
from holdfast_web.responses import json_response

Client = TestClient[web.Request, web.Application]
Serve = Callable[[web.Application], Awaitable[Client]]


class Area(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    capacity: int = 1


class Order(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    areas: list[Area] = []
    prices: dict[str, int] = {}
    note: Annotated[str, msgspec.Meta(extra=MULTILINE)] | None = None
    code: Annotated[str, msgspec.Meta(max_length=2)] = ""


class Loose(msgspec.Struct):
    name: str = ""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "name"),
        (b'{"name": 1}', "name"),
        (b'{"name": "x", "burts": 1}', "burts"),
        (b'{"name": "x", "areas": [{"id": "a", "capacity": "many"}]}', "areas[0].capacity"),
        (b'{"name": "x", "areas": [{"id": "a", "size": 1}]}', "areas[0].size"),
        (b'{"name": "x", "prices": {"VIP": 1.5}}', "prices[...]"),
        (b"[]", "body"),
        (b"", "body"),
        (b"{", "body"),
        (b'"\xff"', "body"),
        (b"[" * 5000, "body"),
    ],
)
def test_invalid_body_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(HoldfastError) as caught:
        decode_json(body, Order)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert caught.value.members["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (rb'{"name": "a\u0000b"}', "name"),
        (rb'{"name": "two\nlines"}', "name"),
        (b'{"name": "\x7f"}', "name"),
        (b'{"name": "\xc2\x85"}', "name"),
        (rb'{"name": "x", "areas": [{"id": "a"}, {"id": "\t"}]}', "areas[1].id"),
        (rb'{"name": "x", "prices": {"\u0000": 1}}', "prices"),
        (rb'{"name": "x", "note": "a\u0000"}', "note"),
        (rb'{"name": "\ud800"}', "body"),
        (b'{"name": "\xed\xa0\x80"}', "body"),
    ],
)
def test_text_without_meaning_is_refused_by_its_field(body: bytes, field: str) -> None:
    with pytest.raises(HoldfastError) as caught:
        decode_json(body, Order)
    assert caught.value.members["field"] == field


def test_text_is_kept_in_one_form_and_several_lines_only_where_a_field_has_them() -> None:
    decomposed = '{"name": "Cafe\u0301", "note": "one\\r\\ntwo\\tthree", "prices": {"e\u0301": 1}}'
    order = decode_json(decomposed.encode(), Order)
    assert order == Order("Caf\u00e9", prices={"\u00e9": 1}, note="one\ntwo\tthree")


def test_normal_form_that_is_too_long_is_refused() -> None:
    """U+0958 is two characters in normal form C."""
    assert decode_json('{"name": "x", "code": "\u0958"}'.encode(), Order).code == "\u0915\u093c"
    with pytest.raises(HoldfastError) as caught:
        decode_json('{"name": "x", "code": "\u0958\u0958"}'.encode(), Order)
    assert caught.value.members["field"] == "code"


def test_byte_order_mark_means_nothing() -> None:
    assert decode_json(b'\xef\xbb\xbf{"name": "x"}', Order) == Order("x")
    assert decode_json(b'\xef\xbb\xbf{"name": "\xc3\xa9"}', Order) == Order("\u00e9")


def test_shape_must_forbid_unknown_fields() -> None:
    with pytest.raises(TypeError, match="Loose"):
        decode_json(b"{}", Loose)


def echo(seconds: float) -> Handler:
    @endpoint
    async def handle(request: web.Request) -> web.Response:
        order = await read_json(request, Order, default=Order("default"), seconds=seconds)
        return json_response(order)

    return handle


@pytest.fixture
async def client(serve: Serve) -> Client:
    app = web.Application()
    app.router.add_post("/", echo(BODY_SECONDS))
    app.router.add_post("/hasty", echo(0.2))
    return await serve(app)


async def test_empty_body_is_the_default(client: Client) -> None:
    answer = await client.post("/")
    assert (await answer.json())["name"] == "default"


async def test_body_at_the_limit_is_read_and_one_byte_more_is_refused(client: Client) -> None:
    padding = BODY_LIMIT_BYTES - len('{"name":""}')
    exact = await client.post("/", data=b'{"name":"' + b"x" * padding + b'"}')
    assert exact.status == 200
    over = await client.post("/", data=b'{"name":"' + b"x" * (padding + 1) + b'"}')
    assert over.status == 413
    assert (await over.json())["code"] == "body_too_large"


async def test_chunked_body_is_bounded_without_a_content_length(client: Client) -> None:
    async def chunks() -> object:
        for _ in range(40):
            yield b" " * 1024

    answer = await client.post("/", data=chunks())
    assert answer.status == 413


async def test_dripped_body_is_given_up_and_the_connection_closed(client: Client) -> None:
    assert client.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"POST /hasty HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert b" 408 " in head
    assert b"connection: close" in head.lower()
    writer.close()
