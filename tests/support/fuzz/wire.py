"""HTTP as bytes: requests that no client library would send, answers read as they come."""

import asyncio
from dataclasses import dataclass
from typing import Final

ANSWER_SECONDS: Final = 20.0
TRIES: Final = 5
RETRY_SECONDS: Final = 0.5
_BODILESS: Final = frozenset({204, 304})
_STREAM: Final = b"text/event-stream"


@dataclass(frozen=True)
class Reply:
    """What came back; a stream's body is left alone."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Wire:
    """One connection that is opened again whenever it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(
        self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes | None
    ) -> Reply:
        """The answer to this request; `target` and `headers` are sent as they are.

        503 says that the same request succeeds later, so it is held to that.
        """
        for _ in range(TRIES):
            reply = await self._send(method, target, headers, body)
            if reply.status != 503:
                break
            await asyncio.sleep(RETRY_SECONDS)
        return reply

    async def _send(
        self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes | None
    ) -> Reply:
        lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: fuzz"]
        lines += [name + b": " + value for name, value in headers]
        if body is not None:
            lines.append(b"Content-Length: %d" % len(body))
        request = b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")
        bodiless = method == "HEAD"
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                return await self._exchange(request, bodiless)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()  # it had been closed meanwhile: once more, on a new one
                return await self._exchange(request, bodiless)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, request: bytes, bodiless: bool) -> Reply:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        reader, writer = self._streams
        writer.write(request)
        reply = await self._read(reader, bodiless)
        closing = reply.headers.get(b"connection", b"").lower() == b"close"
        if closing or _STREAM in reply.headers.get(b"content-type", b""):
            self.close()
        return reply

    async def _read(self, reader: asyncio.StreamReader, bodiless: bool) -> Reply:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        status = int(first.split()[1])
        if status < 200:
            return await self._read(reader, bodiless)
        pairs = (line.partition(b":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = b"" if bodiless else await _body(reader, status, headers)
        return Reply(status, headers, body)


async def _body(reader: asyncio.StreamReader, status: int, headers: dict[bytes, bytes]) -> bytes:
    if status in _BODILESS or _STREAM in headers.get(b"content-type", b""):
        return b""
    if b"content-length" in headers:
        return await reader.readexactly(int(headers[b"content-length"]))
    if headers.get(b"transfer-encoding", b"").lower() != b"chunked":
        return await reader.read()
    body = b""
    while size := int((await reader.readline()).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
