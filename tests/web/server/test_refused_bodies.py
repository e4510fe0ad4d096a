import asyncio
import gzip

import pytest
from support.http.connections import (
    BIG,
    CHUNK,
    LINGERING,
    SOON,
    Start,
    posted,
    sent,
    told,
)

from holdfast_web.server.ready import PIECE_BYTES


@pytest.mark.parametrize("path", ["/take", "/nowhere", "/pieces"])
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "x"])
async def test_an_encoded_body_is_refused_unread_on_every_route(
    start: Start, path: str, coding: str
) -> None:
    """Not a byte of the body is sent, and the answer is there."""
    site = await start()
    head = posted(path, f"Content-Encoding: {coding}", "Content-Length: 1000000")
    status, code, headers = told(await site.spoken(head))
    assert (status, code) == (415, "unsupported_encoding")
    assert headers["Connection"] == "close"
    assert headers["Content-Type"] == "application/problem+json"
    assert site.rejected == ["encoded"]
    assert site.bodies == []


async def test_a_second_content_encoding_counts_too(start: Start) -> None:
    site = await start()
    both = ("Content-Encoding: identity", "Content-Encoding: gzip")
    assert told(await site.spoken(posted("/take", *both, "Content-Length: 9")))[0] == 415


async def test_a_plain_body_is_taken(start: Start) -> None:
    site = await start()
    headers = ("Content-Encoding: Identity", "Content-Length: 2", "Connection: close")
    assert (await site.spoken(posted("/take", *headers, body=b"{}"))).endswith(b"taken")
    assert site.bodies == [b"{}"]


async def test_the_parser_decompresses_nothing(start: Start) -> None:
    """Even where nobody refuses the body: it arrives as it was sent."""
    site = await start()
    server = site.runner.server
    assert server is not None
    server.request_handler = site.runner.app._handle  # type: ignore[assignment]  # unguarded
    body = gzip.compress(bytes(1000))
    headers = ("Content-Encoding: gzip", f"Content-Length: {len(body)}", "Connection: close")
    assert (await site.spoken(posted("/take", *headers, body=body))).endswith(b"taken")
    assert site.bodies == [body]


REFUSED = [
    ("/take", (f"Content-Length: {len(BIG)}",), 413),
    ("/nowhere", (f"Content-Length: {len(BIG)}",), 404),
    ("/pieces", ("Transfer-Encoding: chunked",), 405),
    ("/take", ("Content-Encoding: br", f"Content-Length: {len(BIG)}"), 415),
    ("/take", ("Content-Encoding: br", f"Content-Length: {len(CHUNK)}"), 415),
]


@pytest.mark.parametrize(("path", "headers", "status"), REFUSED)
async def test_a_refused_body_is_not_drained(
    start: Start, path: str, headers: tuple[str, ...], status: int, taken: list[int]
) -> None:
    """The client sees the answer and its end; of all that it goes on to send nothing is taken, and
    the connection is left open for the time being, so that nothing takes the answer from it.
    """
    site = await start(LINGERING)
    reader, writer = await site.opened()
    writer.write(posted(path, *headers) + CHUNK[: PIECE_BYTES // 2])
    async with asyncio.timeout(SOON):
        assert told(await reader.read())[0] == status
    [connection] = site.connections()
    before = sum(taken)
    writer.write(CHUNK * 1_000)
    await asyncio.sleep(0.05)
    assert sum(taken) == before <= PIECE_BYTES
    assert connection.transport is not None
    assert not connection.transport.is_closing()
    writer.close()
    connection.transport.abort()  # for the end of the site not to wait for it


@pytest.mark.parametrize(("path", "headers", "status"), REFUSED)
async def test_a_refused_body_ends_the_connection(
    start: Start, path: str, headers: tuple[str, ...], status: int
) -> None:
    """However much the client still has to send."""
    site = await start()
    reader, writer = await site.opened()
    writer.write(posted(path, *headers) + CHUNK[: PIECE_BYTES // 2])
    async with asyncio.timeout(SOON):
        assert told(await reader.read())[0] == status
        with pytest.raises(ConnectionError):
            await sent(writer, CHUNK * 1_000)
    await site.until(lambda: site.connections() == [])


async def test_a_short_body_that_nobody_reads_costs_no_connection(start: Start) -> None:
    site = await start(LINGERING)
    reader, writer = await site.opened()
    for _ in range(2):
        writer.write(posted("/ignore", "Content-Length: 100", body=bytes(10)))
        async with asyncio.timeout(SOON):
            assert b"keep-alive" not in (head := await reader.readuntil(b"\r\n\r\n"))
            assert b"close" not in head
            assert await reader.readexactly(7) == b"ignored"
        writer.write(bytes(90))
    writer.close()
