"""How the requests of a connection are handled: at once, in their order, each in a context of its
own.
"""

import asyncio
from contextvars import ContextVar

from aiohttp import web
from support.http.connections import SOON, Site, Start, posted

LARGE = 900_000
NOTED: ContextVar[str] = ContextVar("noted", default="nothing")


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def more(gate: asyncio.Event) -> web.Application:
    """Handlers that tell how they are run."""
    app = web.Application()

    async def steps(_request: web.Request) -> web.StreamResponse:
        task, token = asyncio.current_task(), NOTED.set("mine")
        await asyncio.sleep(0)
        NOTED.reset(token)  # raises in another context
        assert task is not None
        return web.Response(text=str(task is asyncio.current_task()))

    async def leave(_request: web.Request) -> web.StreamResponse:
        NOTED.set("left")
        return web.Response(text="left")

    async def read(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=NOTED.get())

    async def late(_request: web.Request) -> web.StreamResponse:
        token = NOTED.set("mine")
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(SOON)
        except TimeoutError:
            NOTED.reset(token)
            return web.Response(text="late")
        raise AssertionError

    async def wait(_request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response(text="waited")

    async def cancelled(_request: web.Request) -> web.StreamResponse:
        raise asyncio.CancelledError

    async def take(request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response(text=str(len(await request.read())))

    for handler in (steps, leave, read, late, wait, cancelled):
        app.router.add_get(f"/{handler.__name__}", handler)
    app.router.add_post("/take", take)
    app.router.add_post("/leave", leave)
    return app


async def asked(site: Site, *paths: str) -> list[bytes]:
    """The bodies of the answers to requests on one connection, one after the other."""
    reader, writer = await site.opened()
    bodies = []
    for path in paths:
        writer.write(get(path))
        bodies.append(await answer(reader))
    writer.close()
    return bodies


async def answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(SOON):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await reader.readexactly(length)


async def test_all_steps_of_a_handler_are_one_tasks_and_of_one_context(start: Start) -> None:
    site = await start(app=more(asyncio.Event()))
    assert await asked(site, "/steps", "/steps") == [b"True", b"True"]


async def test_what_a_handler_leaves_in_its_context_is_not_seen_by_the_next(start: Start) -> None:
    site = await start(app=more(asyncio.Event()))
    assert await asked(site, "/leave", "/read") == [b"left", b"nothing"]
    reader, writer = await site.opened()
    writer.write(get("/leave") + get("/read"))
    assert [await answer(reader), await answer(reader)] == [b"left", b"nothing"]
    writer.close()


async def test_time_that_is_up_before_the_task_has_its_turn_ends_at_the_handler(
    start: Start,
) -> None:
    site = await start(app=more(asyncio.Event()))
    assert await asked(site, "/late", "/late", "/read") == [b"late", b"late", b"nothing"]


async def test_what_comes_while_a_handler_waits_is_handled_after_it(start: Start) -> None:
    gate = asyncio.Event()
    site = await start(app=more(gate))
    reader, writer = await site.opened()
    writer.write(get("/wait"))
    await site.until(lambda: any(one.is_busy for one in site.connections()))
    [connection] = site.connections()
    for number, path in enumerate(("/read", "/steps"), start=1):
        writer.write(get(path))
        await site.until(lambda count=number: len(connection._messages) == count)  # type: ignore[misc]
    assert not connection.is_idle
    gate.set()
    answers = [await answer(reader) for _ in range(3)]
    assert answers == [b"waited", b"nothing", b"True"]
    await site.until(lambda: connection.is_idle)
    writer.close()


async def test_answer_is_written_before_the_connections_task_has_a_turn(start: Start) -> None:
    site = await start(app=more(asyncio.Event()))
    reader, writer = await site.opened()
    writer.write(get("/read"))
    await answer(reader)
    [connection] = site.connections()
    assert connection.transport is not None
    written: list[bytes] = []
    loop = asyncio.get_running_loop()

    def read() -> None:
        connection.data_received(get("/read"))
        written.append(b"idle" if connection.is_idle else b"busy")

    loop.call_soon(read)
    assert await answer(reader) == b"nothing"
    assert written == [b"idle"]
    writer.close()


async def test_reading_that_was_paused_for_a_large_body_goes_on(start: Start) -> None:
    gate = asyncio.Event()
    site = await start(app=more(gate))
    reader, writer = await site.opened()
    writer.write(posted("/take", f"Content-Length: {LARGE}", body=bytes(LARGE)))
    await site.until(lambda: any(one._reading_paused for one in site.connections()))
    gate.set()
    assert await answer(reader) == str(LARGE).encode()
    writer.close()


async def test_connection_whose_body_never_comes_ends_after_the_answer(start: Start) -> None:
    site = await start(app=more(asyncio.Event()))
    reader, writer = await site.opened()
    writer.write(posted("/leave", "Content-Length: 10"))
    assert await answer(reader) == b"left"
    async with asyncio.timeout(SOON):
        assert await reader.read() == b""
    writer.close()


async def test_handler_that_is_cancelled_ends_the_connection(start: Start) -> None:
    site = await start(app=more(asyncio.Event()))
    reader, writer = await site.opened()
    for path in ("/read", "/cancelled"):
        writer.write(get(path))
    async with asyncio.timeout(SOON):
        assert (await reader.read()).count(b"HTTP/1.1") == 1
    await site.until(lambda: site.connections() == [])
    writer.close()


async def test_handler_is_finished_though_the_connection_is_lost_before_its_task_has_a_turn(
    start: Start,
) -> None:
    done: list[str] = []
    app = web.Application()

    async def note(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0)
        done.append(request.path)
        return web.Response(text="noted")

    app.router.add_get("/{name}", note)
    site = await start(app=app)
    reader, writer = await site.opened()
    writer.write(get("/first"))
    await answer(reader)
    [connection] = site.connections()
    transport = connection.transport
    assert transport is not None

    def read_and_lose() -> None:
        connection.data_received(get("/second"))
        transport.abort()
        connection.connection_lost(None)

    asyncio.get_running_loop().call_soon(read_and_lose)
    await site.until(lambda: done == ["/first", "/second"])
    writer.close()


async def test_client_that_leaves_meanwhile_leaves_no_connection(start: Start) -> None:
    gate = asyncio.Event()
    site = await start(app=more(gate))
    _, writer = await site.opened()
    writer.write(get("/wait"))
    await site.until(lambda: any(one.is_busy for one in site.connections()))
    writer.close()
    gate.set()
    await site.until(lambda: site.connections() == [])
